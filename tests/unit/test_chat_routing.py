"""A chat and its route: what stays in house, who stands in, what is known already, and what the client is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from fake_vectors import FakeVectors
from fakes import (
    FakeKeeper,
    FakeLedger,
    FakeRuns,
    FakeStm,
    ScriptedProvider,
    WordEmbedder,
    chunk,
    completion,
    make_event,
)
from plain_codec import PlainCodec

from memoryos_tasks.core.completion import assemble
from memoryos_tasks.core.errors import UpstreamError, UpstreamRefused
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.faq_answer import FaqAnswer
from memoryos_tasks.core.routing_plan import Endpoint, Plan
from memoryos_tasks.core.sensitivity import Sensitivity
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.services.answering import Answers, Limits
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.chat import Chats, Outcome
from memoryos_tasks.services.context import Contexts
from memoryos_tasks.services.discretion import Discretion
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.routing import Fleet, Router
from memoryos_tasks.services.segments import Segments
from memoryos_tasks.services.topics import Topics

ALICE = Owner("acme", "alice")
NOW = 1_700_000_000.0
HOME = Endpoint("ollama", "small", "http://10.0.0.1")
BIG, SPARE = Endpoint("openai", "big"), Endpoint("claude", "spare")
WHOLE = [chunk("Hello"), chunk("", finish="stop")]


class Known:
    """Knows one question."""

    def __init__(self) -> None:
        self.question, self.hits = "What are your hours?", 0
        self.noted: list[tuple[str, bool]] = []

    def hit(self, owner: Owner, body: Mapping[str, Any]) -> FaqAnswer | None:
        self.hits += 1
        asked = body["messages"][-1]["content"]
        return FaqAnswer("f1", self.question, "Nine to five.") if asked == self.question else None

    def note(self, owner: Owner, body: Mapping[str, Any], completion: Mapping[str, Any], used_memory: bool) -> None:
        self.noted.append((body["messages"][-1]["content"], used_memory))


class Chat:
    """The chat service with a router over scripted models."""

    def __init__(self, plan: Plan, **providers: ScriptedProvider) -> None:
        self.models = {"openai": good(), **providers}
        for endpoint in plan.local:
            self.models.setdefault(endpoint.source, good())
        self.ledger, self.runs, self.known = FakeLedger(), FakeRuns(), Known()
        self.stm, vectors = FakeStm(), FakeVectors()
        self.recall = Recall(vectors, WordEmbedder(), PlainCodec())
        segments, beliefs = Segments(vectors, self.recall, PlainCodec()), Beliefs(vectors, self.recall, PlainCodec())
        self.beliefs = beliefs
        limits = Limits(60, 5, 1500, 3)
        answers = Answers(
            self.runs,
            Contexts(self.stm, self.recall, beliefs, lambda: NOW, 20, settle=lambda owner: None),
            Router(lambda: Fleet(plan, self.models, Sensitivity())),
            Discretion(self.recall, segments),
            Topics(segments, lambda: NOW),
            limits,
            lambda owner, found: None,
            known=self.known,
            clock=lambda: NOW,
        )
        self.chats = Chats(self.ledger, self.runs, answers, FakeKeeper(), limits, lambda: NOW)

    def remember(self, *events: Event) -> None:
        self.recall.index([replace(event, seq=at) for at, event in enumerate(events, 1)], {})

    def run(self, text: str, model: str = "openai/big", *, inbox: str = "gw", **fields: Any) -> Outcome:
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        request = {"body": body, "session": "s1", "memory": True, "stream": True, **fields}
        job = Job("job_1", ALICE, "chat", request=request, inbox=inbox, request_id="r1", created_at=NOW - 1)
        self.ledger.create(job)
        return self.chats.run("acme", "job_1")

    @property
    def said(self) -> list[tuple[str, Mapping[str, Any]]]:
        return [(message.saying.value, message.data) for message in self.runs.streams.get("job_1", [])]

    @property
    def row(self) -> Job:
        return self.ledger.get("acme", "job_1")

    @property
    def route(self) -> Any:
        assert self.row.result is not None
        return self.row.result["route"]

    def prompt(self, source: str) -> str:
        return str([message["content"] for call in self.models[source].calls for message in call.body["messages"]])


def good() -> ScriptedProvider:
    return ScriptedProvider(WHOLE, completion("Hello"))


def heads(chat: Chat) -> list[tuple[str, str]]:
    return [(data["tier"], data["model"]) for saying, data in chat.said if saying == "start"]


@pytest.mark.parametrize("inbox", ["gw", ""])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("text", ["My password is hunter2", "我的密码是 hunter2"])
def test_sensitive_words_without_a_model_in_house_are_refused_and_sent_nowhere(
    text: str, stream: bool, inbox: str
) -> None:
    chat = Chat(Plan())
    outcome = chat.run(text, stream=stream, inbox=inbox)
    # The job failed for good, with a 403
    assert (outcome.status, outcome.code) == ("failed", "sensitive_content")
    assert chat.row.error is not None
    assert (chat.row.error["status"], chat.row.error["type"]) == (403, "permission_error")
    assert chat.said[-1] == ("error", chat.row.error)
    assert chat.ledger.delays == []
    # And nothing was sent or remembered
    assert (chat.models["openai"].calls, chat.ledger.journaled) == ([], [])


@pytest.mark.parametrize(("inbox", "status"), [("gw", "failed"), ("", "dead")])
@pytest.mark.parametrize("stream", [True, False])
def test_a_failure_says_which_models_were_asked(stream: bool, inbox: str, status: str) -> None:
    # Given a chain of two, of which the second cannot do what is asked either
    chat = Chat(
        Plan(fallbacks={BIG.name: (SPARE,)}),
        openai=ScriptedProvider(error=UpstreamRefused("no such model")),
        claude=ScriptedProvider(error=UpstreamError("hung up")),
    )
    # When both have failed
    outcome = chat.run("Hello", stream=stream, inbox=inbox)
    # Then the job and who waits for it are told of both
    assert outcome.status == status
    assert chat.row.error is not None
    assert chat.row.error["route"] == {
        "tier": 2, "model": "openai/big", "reason": "named",
        "tried": [{"model": "openai/big", "code": "upstream_refused"},
                  {"model": "claude/spare", "code": "upstream_error"}],
    }  # fmt: skip
    assert chat.said[-1] == ("error", chat.row.error)


@pytest.mark.parametrize("stream", [True, False])
def test_sensitive_words_go_to_a_model_in_house_and_the_client_is_told(stream: bool) -> None:
    chat = Chat(Plan(local=(HOME,)))
    assert chat.run("My password is hunter2", stream=stream).status == "succeeded"
    assert chat.models["openai"].calls == []
    assert heads(chat) == [("1", "ollama/small")]
    assert chat.route == {"tier": 1, "model": "ollama/small", "reason": "sensitive", "tried": []}
    # The route is the job's, no part of the answer
    assert all("route" not in data for _, data in chat.said)


def memories() -> list[Event]:
    return [make_event(ALICE, "e1", "My tea supplier's wifi password is hunter2"),
            make_event(ALICE, "e2", "Green tea is my favourite tea")]


def test_a_sensitive_memory_is_left_out_of_a_prompt_for_the_cloud_only() -> None:
    for model, shown in (("openai/big", False), ("ollama/small", True)):
        chat = Chat(Plan(local=(HOME,)))
        chat.remember(*memories())
        chat.stm.held[ALICE, "s1"] = [make_event(ALICE, "e3", "The wifi password is hunter2", session="s1", seq=9)]
        assert chat.run("Which tea do I like?", model).status == "succeeded"
        prompt = chat.prompt(HOME.source if shown else "openai")
        assert "favourite tea" in prompt
        assert ("hunter2" in prompt) is shown


def test_a_stand_in_in_the_cloud_sees_no_more_than_a_first_choice_there() -> None:
    # Given a model in house with a cloud model behind it
    plan = Plan(local=(HOME,), fallbacks={"ollama/small": (BIG,)})
    chat = Chat(plan, **{HOME.source: ScriptedProvider(error=UpstreamError("down"))})
    chat.remember(*memories())
    # When it fails on a question that is not sensitive itself
    chat.run("Which tea do I like?", "ollama/small")
    # Then each saw what it may
    assert "hunter2" in chat.prompt(HOME.source)
    assert "hunter2" not in chat.prompt("openai")
    assert chat.route["tried"] == [{"model": "ollama/small", "code": "upstream_error"}]


def test_a_stream_says_again_how_it_is_answered_when_another_one_answers() -> None:
    down = ScriptedProvider(error=UpstreamError("down"))
    chat = Chat(Plan(fallbacks={BIG.name: (SPARE,)}), openai=down, claude=good())
    assert chat.run("hi").status == "succeeded"
    assert [saying for saying, _ in chat.said] == ["start", "start", "chunk", "chunk", "done"]
    assert heads(chat) == [("2", "openai/big"), ("2", "claude/spare")]
    assert [event.content for event in chat.ledger.journaled] == ["hi", "Hello"]


def test_what_is_known_is_answered_by_no_model() -> None:
    chat = Chat(Plan())
    # As a stream
    outcome = chat.run(chat.known.question)
    assert (outcome.status, outcome.remembered) == ("succeeded", 2)
    assert heads(chat) == [("0", "faq")]
    spoken = assemble(data for saying, data in chat.said if saying == "chunk")
    assert spoken["choices"][0]["message"]["content"] == "Nine to five."
    assert (spoken["model"], chat.route["tier"], chat.route["reason"]) == ("openai/big", 0, "faq")
    # And as a whole
    whole = Chat(Plan())
    whole.run(whole.known.question, stream=False)
    assert heads(whole) == [("0", "faq")]
    assert whole.said[-1][1]["choices"][0]["message"]["content"] == "Nine to five."
    for one in (chat, whole):
        assert one.models["openai"].calls == []
        assert one.known.noted == []


def test_what_a_model_answered_is_counted_once_it_is_remembered() -> None:
    chat = Chat(Plan())
    chat.run("hi")
    assert chat.known.noted == [("hi", False)]
    chat = Chat(Plan())
    chat.remember(*memories())
    chat.run("tea")
    assert chat.known.noted == [("tea", True)]
    # Not what failed
    chat = Chat(Plan(), openai=ScriptedProvider(error=UpstreamError("down")))
    chat.run("hi")
    assert chat.known.noted == []


def test_with_memory_off_nothing_is_known_and_nothing_counted() -> None:
    chat = Chat(Plan())
    chat.run(chat.known.question, memory=False)
    assert (chat.known.hits, chat.known.noted, len(chat.models["openai"].calls)) == (0, [], 1)


def test_auto_is_answered_and_says_by_whom() -> None:
    chat = Chat(Plan(local=(HOME,), cloud=(BIG,)))
    chat.run("hi", "auto", stream=False)
    assert heads(chat) == [("2", "openai/big")]
    assert chat.route == {"tier": 2, "model": "openai/big", "reason": "default", "tried": []}


def test_a_cancelled_run_tells_its_model() -> None:
    chat = Chat(Plan())
    chat.run("hi")
    (call,) = chat.models["openai"].calls
    assert not call.cancelled()
    chat.runs.cancel(ALICE, "job_1")
    assert call.cancelled()
    assert chat.row.status is Status.SUCCEEDED
