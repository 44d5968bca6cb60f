from __future__ import annotations

import json
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

from memoryos_tasks.core.errors import TrafficDown, TruthDown, UpstreamError, UpstreamRefused, UpstreamTimeout
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Recalled
from memoryos_tasks.core.routing_plan import Plan
from memoryos_tasks.core.tokens import estimate
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.ports.runs import Message, Saying
from memoryos_tasks.services.answering import Answers, Limits
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.chat import Chats, Outcome, Unexpected
from memoryos_tasks.services.context import Contexts
from memoryos_tasks.services.discretion import Discretion
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.routing import Fleet, Router
from memoryos_tasks.services.segments import Segments
from memoryos_tasks.services.topics import Topics

ALICE = Owner("acme", "alice")
NOW = 1_700_000_000.0
WHOLE = [chunk("你好"), chunk(", Alice"), chunk("", finish="stop")]


class Chat:
    """The chat service over stand-ins, with one job to run."""

    def __init__(self, provider: ScriptedProvider, *, budget: int = 1500) -> None:
        self.provider = provider
        self.ledger, self.runs, self.keeper = FakeLedger(), FakeRuns(), FakeKeeper()
        self.stm, self.vectors = FakeStm(), FakeVectors()
        self.visited: list[Recalled] = []
        recall = Recall(self.vectors, WordEmbedder(), PlainCodec())
        self.recall = recall
        beliefs = Beliefs(self.vectors, recall, PlainCodec())
        contexts = Contexts(self.stm, recall, beliefs, lambda: NOW, 20, settle=lambda owner: None)
        limits, segments = Limits(60, 5, budget, 3), Segments(self.vectors, recall, PlainCodec())
        answers = Answers(
            self.runs, contexts, Router(lambda: Fleet(Plan(), {"openai": provider})), Discretion(recall, segments),
            Topics(segments, lambda: NOW), limits, lambda owner, found: self.visited.extend(found), clock=lambda: NOW,
        )
        self.chats = Chats(self.ledger, self.runs, answers, self.keeper, limits, lambda: NOW)

    def remember(self, *events: Event) -> None:
        """Events of mid-term memory: indexed, and not in short-term memory."""
        numbered = [replace(event, seq=at) for at, event in enumerate(events, 1)]
        self.recall.index(numbered, {})

    def ask(self, *messages: Mapping[str, Any], inbox: str = "gw", **fields: Any) -> Job:
        body = {"model": "gpt-test", "messages": list(messages or [user("Who am I?")]), "temperature": 0.5}
        request = {"body": body, "session": "s1", "assistant": "a1", "memory": True, "stream": True, **fields}
        job = Job("job_1", ALICE, "chat", request=request, inbox=inbox, created_at=NOW - 1)
        self.ledger.create(job)
        return job

    def run(self) -> Outcome:
        return self.chats.run("acme", "job_1")

    @property
    def said(self) -> list[Message]:
        return self.runs.streams.get("job_1", [])

    @property
    def sayings(self) -> list[str]:
        return [message.saying.value for message in self.said]

    @property
    def row(self) -> Job:
        return self.ledger.get("acme", "job_1")

    @property
    def sent(self) -> list[Mapping[str, Any]]:
        """The messages that the model got."""
        messages: list[Mapping[str, Any]] = self.provider.calls[-1].body["messages"]
        return messages


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def test_a_streamed_chat_is_said_chunk_by_chunk_and_remembered_once() -> None:
    # Given a chat and a model that answers it
    chat = Chat(ScriptedProvider(WHOLE))
    chat.ask(user("我是 Alice"))
    # When it is run, and rung for again
    outcome = chat.run()
    assert chat.run() == Outcome("job_1", "skipped")
    # Then every chunk was said, with one end
    assert chat.sayings == ["start", "chunk", "chunk", "chunk", "done"]
    assert [message.data for message in chat.said[1:4]] == WHOLE
    # And the exchange was journaled with the answer, once
    assert chat.row.status is Status.SUCCEEDED
    assert chat.row.result is not None
    assert chat.row.result["choices"][0]["message"]["content"] == "你好, Alice"
    asked, answered = chat.ledger.journaled
    assert (asked.event_id, asked.role, asked.content, asked.timestamp) == ("job_1:0", "user", "我是 Alice", NOW - 1)
    assert (answered.event_id, answered.role, answered.content) == ("job_1:1", "assistant", "你好, Alice")
    assert {(event.owner, event.session, event.assistant) for event in chat.ledger.journaled} == {(ALICE, "s1", "a1")}
    # And the outcome holds counts and no text
    assert (outcome.status, outcome.remembered) == ("succeeded", 2)
    assert "Alice" not in repr(outcome)


def test_a_whole_answer_is_said_once() -> None:
    chat = Chat(ScriptedProvider(answer=completion("Hello.")))
    chat.ask(stream=False)
    outcome = chat.run()
    assert chat.sayings == ["done"]
    # And the job tells besides how it came about
    route = {"tier": 2, "model": "openai/gpt-test", "reason": "named", "tried": []}
    assert chat.row.result == {**chat.said[0].data, "route": route}
    assert outcome.usage == completion("")["usage"]
    assert [event.content for event in chat.ledger.journaled] == ["Who am I?", "Hello."]


def test_what_the_client_sent_reaches_the_vendor_unchanged() -> None:
    chat = Chat(ScriptedProvider(WHOLE))
    chat.ask(user([{"type": "text", "text": "hi"}]), memory=False)
    chat.run()
    (call,) = chat.provider.calls
    assert (call.model, call.body["model"], call.body["temperature"]) == ("gpt-test", "gpt-test", 0.5)
    assert chat.sent == [user([{"type": "text", "text": "hi"}])]


def test_only_what_is_new_in_the_request_is_remembered() -> None:
    chat = Chat(ScriptedProvider(WHOLE))
    tool = {"role": "tool", "content": "22 °C", "tool_call_id": "t"}
    chat.ask(
        {"role": "system", "content": "Be brief."}, user("old"), {"role": "assistant", "content": "old reply"},
        tool, user([{"type": "text", "text": "new"}, {"type": "image_url", "image_url": {"url": "x"}}]),
    )
    chat.run()
    said = [(event.role, event.content) for event in chat.ledger.journaled]
    assert said == [("tool", "22 °C"), ("user", "new"), ("assistant", "你好, Alice")]


def test_an_answer_of_tool_calls_alone_is_no_reply_to_remember() -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    calling = chunk("")
    calling["choices"][0]["delta"] = {"role": "assistant", "content": None, "tool_calls": [call]}
    chat = Chat(ScriptedProvider([calling, chunk("", finish="tool_calls")]))
    chat.ask()
    assert chat.run().status == "succeeded"
    assert [(event.role, event.content) for event in chat.ledger.journaled] == [("user", "Who am I?")]
    assert chat.row.result is not None
    assert chat.row.result["choices"][0]["message"]["tool_calls"][0]["function"] == call["function"]
    assert chat.row.result["choices"][0]["finish_reason"] == "tool_calls"


def test_with_memory_off_nothing_is_injected_nor_remembered() -> None:
    chat = Chat(ScriptedProvider(WHOLE))
    chat.stm.held[ALICE, "s1"] = [make_event(ALICE, "e1", "My dog is Rex", session="s1", seq=1)]
    chat.remember(make_event(ALICE, "e2", "My dog is called Rex"))
    chat.ask(user("What is my dog called?"), memory=False)
    outcome = chat.run()
    assert chat.sent == [user("What is my dog called?")]
    assert (chat.ledger.journaled, outcome.remembered, outcome.status) == ([], 0, "succeeded")
    assert chat.visited == []


FAILURES = {
    "refused": (UpstreamRefused("They said no."), "upstream_refused"),
    "timed out": (UpstreamTimeout(), "upstream_timeout"),
    "cut off": (UpstreamError("The stream ended without its end."), "upstream_error"),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("error", "code"), FAILURES.values(), ids=FAILURES)
def test_a_failed_chat_is_never_memory_and_ends_once(error: UpstreamError, code: str, stream: bool) -> None:
    # Given a model that fails after its first words
    chat = Chat(ScriptedProvider(WHOLE[:2], error=error))
    chat.ask(stream=stream)
    # When the chat is run for a client that waits
    outcome = chat.run()
    # Then the error is said once, as the end
    assert (outcome.status, outcome.code, outcome.remembered) == ("failed", code, 0)
    assert chat.sayings == (["start", "chunk", "chunk", "error"] if stream else ["error"])
    assert chat.said[-1].data == error.described()
    assert (chat.row.status, chat.row.error) == (Status.FAILED, error.described())
    # And nothing is remembered, and nothing tried again behind the client's back
    assert (chat.ledger.journaled, chat.ledger.delays) == ([], [])
    assert chat.run().status == "skipped"


def test_a_model_that_nobody_provides_is_told() -> None:
    chat = Chat(ScriptedProvider())
    chat.ask()
    row = chat.row
    chat.ledger.rows["acme", "job_1"] = replace(
        row, request={**row.request, "body": {**row.request["body"], "model": "claude/x"}}
    )
    assert (chat.run().code, chat.sayings) == ("model_not_found", ["error"])


def test_a_crash_ends_the_run_and_says_nothing_of_its_text() -> None:
    chat = Chat(ScriptedProvider(WHOLE[:1], error=ValueError("secret words")))
    chat.ask()
    with pytest.raises(Unexpected) as caught:
        chat.run()
    assert str(caught.value) == "ValueError"
    assert chat.sayings == ["start", "chunk", "error"]
    assert "secret" not in json.dumps(dict(chat.said[-1].data))
    assert "secret" not in json.dumps(dict(chat.row.error or {}))
    assert chat.ledger.journaled == []


def test_a_cancelled_stream_closes_the_model_and_is_not_remembered() -> None:
    # Given a client that leaves after the first chunk
    chat = Chat(ScriptedProvider(WHOLE))
    chat.provider.before = lambda place: chat.runs.cancel(ALICE, "job_1") if place == 1 else None
    chat.ask()
    # When the chat is run
    outcome = chat.run()
    # Then it stops at the next chunk
    assert (outcome.status, chat.row.status) == ("cancelled", Status.CANCELLED)
    assert chat.sayings == ["start", "chunk", "chunk", "error"]
    assert chat.said[-1].data["code"] == "cancelled"
    assert (chat.provider.closed, chat.ledger.journaled) == (1, [])


@pytest.mark.parametrize("stream", [True, False])
def test_a_run_asked_to_stop_through_the_ledger_stops(stream: bool) -> None:
    chat = Chat(ScriptedProvider(WHOLE, answer=completion("late")))
    chat.keeper.lease.cancelled = True
    chat.ask(stream=stream)
    assert chat.run().status == "cancelled"
    assert (chat.sayings[-1], chat.sayings.count("error"), chat.ledger.journaled) == ("error", 1, [])


def test_a_run_that_lost_its_lease_stops_without_effect() -> None:
    chat = Chat(ScriptedProvider(WHOLE))
    chat.provider.before = lambda place: setattr(chat.keeper.lease, "lost", place == 1)
    chat.ask()
    assert chat.run().status == "lost"
    assert "done" not in chat.sayings
    assert "error" not in chat.sayings
    assert (chat.provider.closed, chat.ledger.journaled, chat.row.status) == (1, [], Status.RUNNING)


def test_a_run_whose_job_was_taken_over_writes_nothing() -> None:
    chat = Chat(ScriptedProvider(answer=completion("mine")))
    # Another run claims the job while this one waits for the model
    def taken_over(_: int) -> None:
        chat.ledger.lose("job_1")
        chat.ledger.claim("acme", "job_1")

    chat.provider.before = taken_over
    chat.ask(stream=False)
    assert chat.run().status == "lost"
    assert (chat.sayings, chat.ledger.journaled) == ([], [])


def test_a_second_run_does_not_repeat_what_the_first_one_said() -> None:
    # Given a run that died after its first words
    chat = Chat(ScriptedProvider(WHOLE))
    job = chat.ask()
    chat.ledger.claim("acme", "job_1")
    chat.runs.say(ALICE, "job_1", Saying.START, {}, inbox=job.inbox)
    chat.runs.say(ALICE, "job_1", Saying.CHUNK, WHOLE[0], inbox=job.inbox)
    chat.ledger.lose("job_1")
    # When the job is run again
    outcome = chat.run()
    # Then it ends with an error, and the model is not asked
    assert (outcome.status, chat.sayings, chat.provider.calls) == ("failed", ["start", "chunk", "error"], [])
    assert chat.ledger.journaled == []


def test_a_second_run_answers_when_the_first_said_nothing() -> None:
    chat = Chat(ScriptedProvider(WHOLE))
    chat.ask()
    chat.ledger.claim("acme", "job_1")
    chat.ledger.lose("job_1")
    assert (chat.run().status, chat.row.attempts) == ("succeeded", 2)


@pytest.mark.parametrize(("error", "low", "high"), [
    (UpstreamTimeout(), 1.0, 2.0),
    (UpstreamError(retry_after=7), 7.0, 7.0),
    (TrafficDown(retry_after=1), 0.5, 1.0),
])
def test_an_async_chat_is_tried_again_later(error: Exception, low: float, high: float) -> None:
    chat = Chat(ScriptedProvider(error=error))
    chat.ask(inbox="", stream=False)
    outcome = chat.run()
    assert (outcome.status, chat.row.status) == ("queued", Status.QUEUED)
    (delay,) = chat.ledger.delays
    assert low <= delay <= high
    assert chat.said == []


def test_an_async_stream_that_has_spoken_is_not_tried_again() -> None:
    chat = Chat(ScriptedProvider(WHOLE[:1], error=UpstreamTimeout()))
    chat.ask(inbox="")
    outcome = chat.run()
    assert (outcome.status, outcome.code, chat.ledger.delays) == ("failed", "upstream_timeout", [])
    assert chat.sayings == ["start", "chunk", "error"]


def test_an_async_stream_whose_worker_was_lost_is_answered_in_the_job() -> None:
    # Given an async stream whose first run died after its first words
    chat = Chat(ScriptedProvider(WHOLE, answer=completion("你好, Alice")))
    chat.ask(inbox="")
    chat.ledger.claim("acme", "job_1")
    chat.runs.say(ALICE, "job_1", Saying.CHUNK, WHOLE[0], inbox="")
    chat.ledger.lose("job_1")
    # When it is run again
    assert chat.run().status == "succeeded"
    # Then the job has the answer, and memory the exchange, once
    assert chat.row.result is not None
    assert chat.row.result["choices"][0]["message"]["content"] == "你好, Alice"
    assert [event.content for event in chat.ledger.journaled] == ["Who am I?", "你好, Alice"]
    # And who has followed the first run is not told the beginning again, nor that this is all
    assert chat.sayings == ["chunk", "error"]


def test_an_async_chat_is_given_up_after_its_attempts() -> None:
    chat = Chat(ScriptedProvider(error=UpstreamTimeout()))
    chat.ask(inbox="", stream=False)
    assert [chat.run().status for _ in range(4)] == ["queued", "queued", "dead", "skipped"]
    assert (chat.sayings, chat.ledger.journaled) == (["error"], [])
    # And is kept as a dead letter, since nobody waits for it
    ((job, why),) = chat.ledger.buried
    assert (job.id, why.reason, why.error["message"]) == ("job_1", "upstream_timeout", UpstreamTimeout().message)


def test_an_error_of_the_request_is_not_tried_again() -> None:
    refused = UpstreamRefused("No such parameter.", param="top_k")
    refused.status = 400
    chat = Chat(ScriptedProvider(error=refused))
    chat.ask(inbox="", stream=False)
    assert (chat.run().status, chat.ledger.delays) == ("dead", [])
    assert chat.ledger.buried[0][1].reason == "upstream_refused"


def test_a_direct_chat_that_fails_is_no_dead_letter() -> None:
    # Its client was told
    chat = Chat(ScriptedProvider(error=UpstreamTimeout()))
    chat.ask(stream=False)
    assert (chat.run().status, chat.ledger.buried, chat.sayings) == ("failed", [], ["error"])


def test_a_crash_of_an_async_chat_is_tried_again_and_then_buried() -> None:
    chat = Chat(ScriptedProvider(error=ValueError("secret words")))
    chat.ask(inbox="", stream=False)
    for _ in range(3):
        with pytest.raises(Unexpected):
            chat.run()
    ((_, why),) = chat.ledger.buried
    assert (why.reason, why.exception) == ("unexpected_error", "ValueError")
    assert "secret" not in repr(why)
    assert chat.sayings == ["error"]


@pytest.mark.parametrize("trouble", ["taken over", "store of record away"])
def test_who_follows_an_async_chat_hears_no_end_that_is_none(trouble: str) -> None:
    # Given an async run that fails when it cannot close its job any more: another run will
    chat = Chat(ScriptedProvider(error=UpstreamTimeout()))

    def change(_: int) -> None:
        if trouble == "taken over":
            chat.ledger.lose("job_1")
            chat.ledger.claim("acme", "job_1")
        else:
            chat.ledger.down = True

    chat.provider.before = change
    chat.ask(inbox="", stream=False)
    # Then nothing was said
    assert (chat.run().status, chat.said) == ("lost", [])


def test_who_waits_is_told_although_the_row_cannot_be_closed() -> None:
    chat = Chat(ScriptedProvider(error=UpstreamTimeout()))
    chat.provider.before = lambda _: setattr(chat.ledger, "down", True)
    chat.ask(stream=False)
    assert (chat.run().status, chat.sayings) == ("lost", ["error"])


@pytest.mark.parametrize(("waited", "silent", "status"), [
    (4.0, True, "succeeded"), (6.0, True, "cancelled"), (6.0, False, "succeeded"),
])
def test_a_direct_chat_that_waited_long_expires_with_its_client(waited: float, silent: bool, status: str) -> None:
    chat = Chat(ScriptedProvider(WHOLE))
    chat.ask(inbox="gw")
    chat.ledger.rows["acme", "job_1"] = replace(chat.row, created_at=NOW - waited)
    chat.ledger.silent = {"gw"} if silent else set()
    assert (chat.run().status, chat.row.status.value) == (status, status)
    assert len(chat.provider.calls) == (0 if status == "cancelled" else 1)
    assert len(chat.ledger.journaled) == (0 if status == "cancelled" else 2)


def test_an_async_chat_never_expires_in_the_queue() -> None:
    chat = Chat(ScriptedProvider(WHOLE))
    chat.ask(inbox="")
    chat.ledger.rows["acme", "job_1"] = replace(chat.row, created_at=NOW - 500)
    assert chat.run().status == "succeeded"


def fails_once(chat: Chat, error: UpstreamError, *, at: int = 0) -> None:
    """The model fails the first time it is asked, at its chunk of this place."""

    def before(place: int) -> None:
        if len(chat.provider.calls) == 1 and place == at:
            raise error

    chat.provider.before = before


@pytest.mark.parametrize("stream", [True, False])
def test_a_short_wait_that_the_vendor_asks_for_is_borne_for_a_client_that_waits(stream: bool) -> None:
    chat = Chat(ScriptedProvider(WHOLE, answer=completion("你好, Alice")))
    error = UpstreamError(retry_after=0.01)
    error.status = 429
    fails_once(chat, error)
    chat.ask(stream=stream)
    assert chat.run().status == "succeeded"
    assert len(chat.provider.calls) == 2
    assert chat.sayings == (["start", "chunk", "chunk", "chunk", "done"] if stream else ["done"])
    assert chat.ledger.journaled[-1].content == "你好, Alice"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("status", "wait"), [(429, 2.5), (429, None), (400, 0.01)])
def test_any_other_wait_is_passed_on(status: int, wait: float | None, stream: bool) -> None:
    chat = Chat(ScriptedProvider(WHOLE, answer=completion("x")))
    error = UpstreamError(retry_after=wait)
    error.status = status
    fails_once(chat, error)
    chat.ask(stream=stream)
    assert chat.run().status == "failed"
    assert (len(chat.provider.calls), chat.said[-1].data["retry_after"]) == (1, wait)


def test_a_stream_that_has_begun_is_not_begun_again() -> None:
    chat = Chat(ScriptedProvider(WHOLE))
    error = UpstreamError(retry_after=0.01)
    error.status = 429
    fails_once(chat, error, at=1)
    chat.ask()
    assert chat.run().status == "failed"
    assert (len(chat.provider.calls), chat.sayings) == (1, ["start", "chunk", "error"])


def test_an_answer_that_could_not_be_recorded_says_that_it_is_not_remembered() -> None:
    # Given a store of record that goes away while the model answers
    chat = Chat(ScriptedProvider(answer=completion("Hello.")))
    chat.provider.before = lambda _: setattr(chat.ledger, "down", True)
    chat.ask(stream=False)
    # Then the client has its answer, with what is missing
    assert (chat.run().status, chat.sayings) == ("unrecorded", ["start", "done"])
    assert chat.said[0].data["missing"] == ["truth"]
    assert chat.ledger.journaled == []


def test_the_answer_stands_in_the_ledger_when_it_cannot_be_said() -> None:
    chat = Chat(ScriptedProvider(answer=completion("Hello.")))
    chat.provider.before = lambda _: setattr(chat.runs, "down", True)
    chat.ask(stream=False)
    assert chat.run().status == "succeeded"
    assert chat.row.result is not None
    assert {**chat.row.result, **(chat.provider.answer or {})} == chat.row.result
    assert len(chat.ledger.journaled) == 2


def ask_unledgered(chat: Chat) -> None:
    """A chat that was left with the broker because the store of record is away."""
    request = chat.ask().request
    chat.ledger.rows.clear()
    chat.runs.ask(ALICE, "job_1", {**request, "inbox": "gw"})


@pytest.mark.parametrize("back", [False, True], ids=["still away", "back when rung"])
def test_without_the_store_of_record_a_chat_is_answered_and_not_remembered(back: bool) -> None:
    chat = Chat(ScriptedProvider(WHOLE))
    ask_unledgered(chat)
    chat.ledger.down = chat.stm.down = not back
    assert chat.run() == Outcome("job_1", "succeeded")
    assert chat.sayings == ["start", "chunk", "chunk", "chunk", "done"]
    assert chat.said[0].data["missing"] == ([] if back else ["truth"])
    assert chat.ledger.journaled == []


@pytest.mark.parametrize("error", [UpstreamTimeout(), ValueError("secret words")], ids=["ours", "not ours"])
def test_an_unledgered_chat_that_fails_ends_with_an_error(error: Exception) -> None:
    chat = Chat(ScriptedProvider(WHOLE[:1], error=error))
    ask_unledgered(chat)
    chat.ledger.down = True
    if isinstance(error, ValueError):
        with pytest.raises(Unexpected, match="ValueError"):
            chat.run()
    else:
        assert chat.run().status == "failed"
    assert chat.sayings == ["start", "chunk", "error"]
    assert "secret" not in json.dumps(dict(chat.said[-1].data))


def test_without_the_store_of_record_and_without_a_request_the_task_is_told() -> None:
    chat = Chat(ScriptedProvider())
    chat.ledger.down = True
    with pytest.raises(TruthDown):
        chat.run()


def test_memories_stand_in_one_system_message() -> None:
    # Given a session's recent words and older ones
    chat = Chat(ScriptedProvider(WHOLE))
    chat.stm.held[ALICE, "s1"] = [make_event(ALICE, "e9", "I just fed the parrot", session="s1", seq=9)]
    chat.remember(make_event(ALICE, "e1", "My parrot is called 彩虹"), make_event(ALICE, "e2", "Taxes are due in May"))
    # When something is asked about the older ones
    chat.ask({"role": "system", "content": "Be brief."}, user("What is my parrot called?"))
    chat.run()
    # Then both stand in the first system message, and the rest is as it was
    system, question = chat.sent
    assert system["content"].startswith("Be brief.")
    assert "My parrot is called 彩虹" in system["content"]
    assert system["content"].count("I just fed the parrot") == 1
    assert question == user("What is my parrot called?")
    # And what was used counts as visited
    assert "e1" in {source for item in chat.visited for source in item.sources}


def test_recent_words_that_the_request_carries_are_not_injected_again() -> None:
    chat = Chat(ScriptedProvider(WHOLE))
    chat.stm.held[ALICE, "s1"] = [
        make_event(ALICE, "e1", "I like figs", session="s1", seq=1),
        make_event(ALICE, "e2", "Noted.", session="s1", seq=2, role="assistant"),
        make_event(ALICE, "e3", "and plums", session="s1", seq=3),
    ]
    chat.ask(user("I like figs"), {"role": "assistant", "content": "Noted."}, user("What do I like?"))
    chat.run()
    block = chat.sent[0]["content"]
    assert "and plums" in block
    assert "figs" not in block
    assert "Noted." not in block


def test_memories_keep_within_their_budget() -> None:
    for budget in (0, 60, 400):
        chat = Chat(ScriptedProvider(WHOLE), budget=budget)
        chat.remember(*(make_event(ALICE, f"e{n}", f"Garden note {n}: " + "tulips 郁金香 " * 10) for n in range(30)))
        chat.ask(user("What stands in my garden notes about tulips?"))
        chat.run()
        block = chat.sent[0]["content"] if chat.sent[0]["role"] == "system" else ""
        assert estimate(block) <= budget
        assert bool(block) == (budget == 400)


def test_a_chat_without_vectors_answers_from_recent_words() -> None:
    chat = Chat(ScriptedProvider(WHOLE))
    chat.vectors.down = True
    chat.stm.held[ALICE, "s1"] = [make_event(ALICE, "e1", "My dog is Rex", session="s1", seq=1)]
    chat.ask(user("What is my dog called?"))
    assert chat.run().status == "succeeded"
    assert chat.said[0].data["missing"] == ["vectors"]
    assert "Rex" in chat.sent[0]["content"]
