"""What was left out of a prompt is said: from the run to the answer's header and the job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fakes import FakeRuns, FakeStack, ScriptedProvider, chunk, completion
from flask.testing import FlaskClient

from memoryos_app import create_app
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Fact, Kind
from memoryos_tasks.core.routing_plan import Plan
from memoryos_tasks.ports.ledger import Job
from memoryos_tasks.ports.runs import Saying
from memoryos_tasks.ports.tokenizers import Estimates
from memoryos_tasks.services.answering import Answered, Answers, Limits
from memoryos_tasks.services.context import Context
from memoryos_tasks.services.prompts import Policy, Prompts
from memoryos_tasks.services.routing import Fleet, Router

CHAT = "/v1/chat/completions"
ASK = {"model": "offline", "messages": [{"role": "user", "content": "What is my name? 我叫什么?"}]}


@pytest.fixture
def stack() -> Iterator[FakeStack]:
    made = FakeStack()
    yield made
    made.close()


@pytest.fixture
def client(stack: FakeStack) -> FlaskClient:
    return create_app(parts=stack.parts).test_client()


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("said", ["", "memories", "memories,messages=3"])
def test_the_answer_says_what_was_left_out(stack: FakeStack, client: FlaskClient, streaming: bool, said: str) -> None:
    # Given a run that says first that it begins, and then, once a model answers, what that one was sent
    start = {"tier": "2", "model": "openai/gpt-4", "missing": [], "recalled": 0}
    second = {**start, **({"truncated": said} if said else {})}
    whole: list[Any] = [(Saying.DONE, completion("Hi"))]
    end = [(Saying.CHUNK, chunk("Hi")), (Saying.DONE, {})] if streaming else whole

    def run(task: str, args: tuple[str, ...], task_id: str) -> None:
        stack.say(task_id, (Saying.START, start), (Saying.START, second), *end)

    stack.doorbell.answer = run
    # When a client asks
    answer = client.post(CHAT, json={**ASK, "stream": streaming})
    # Then the header says it, and is absent when nothing was left out
    assert answer.status_code == 200
    assert answer.headers.get("X-MemoryOS-Truncated", "") == said


LONG = "word " * 200
TALK = [
    {"role": "user", "content": f"first {LONG}"},
    {"role": "assistant", "content": "one"},
    {"role": "user", "content": f"last {LONG}"},
]


class Remembering:
    """Contexts that always have the same to say."""

    def gather(self, owner: Owner, question: str, *, session: str, limit: int) -> Context:
        return Context([Fact(Kind.TRAIT, "user", "name", "Alice", "Her name is Alice.", ("e",), 0.0, id="f")])


def run_of(*, stream: bool, limit: int, cut: bool = False) -> tuple[FakeRuns, ScriptedProvider, Answered]:
    """A chat with a model of this window."""
    whole = [chunk("Hi"), chunk("", finish="stop")]
    runs, provider = FakeRuns(), ScriptedProvider(whole, answer=completion("Hi"))
    answers = Answers(
        runs, Remembering(), Router(lambda: Fleet(Plan(), {"openai": provider})), None, None, Limits(),
        lambda owner, found: None, prompts=Prompts(Estimates(), lambda: Policy(300, {"gpt-4": limit}, cut)),
    )
    body = {"model": "openai/gpt-4", "messages": TALK, "stream": stream}
    job = Job("job_1", Owner("acme", "alice"), "chat", request={"body": body, "memory": True, "stream": stream})
    return runs, provider, answers.answer(job, None, mute=False)


@pytest.mark.parametrize("stream", [True, False])
def test_a_run_says_what_the_models_window_had_no_room_for(stream: bool) -> None:
    # Given a model whose window has room for the caller's messages alone
    runs, provider, answered = run_of(stream=stream, limit=620)
    # Then it got those, as they were
    assert provider.calls[-1].body["messages"] == TALK
    # And the run says it before the first word, and the job keeps it
    starts = [message.data for message in runs.streams["job_1"] if message.saying is Saying.START]
    assert starts[-1]["truncated"] == "memories"
    assert answered.route["truncated"] == "memories"


@pytest.mark.parametrize("stream", [True, False])
def test_a_run_says_how_many_messages_are_gone(stream: bool) -> None:
    _, provider, answered = run_of(stream=stream, limit=400, cut=True)
    assert provider.calls[-1].body["messages"] == TALK[2:]
    assert answered.route["truncated"] == "memories,messages=2"


@pytest.mark.parametrize("stream", [True, False])
def test_a_run_that_left_nothing_out_says_nothing(stream: bool) -> None:
    runs, provider, answered = run_of(stream=stream, limit=8_192)
    assert "Alice" in provider.calls[-1].body["messages"][0]["content"]
    assert not any("truncated" in message.data for message in runs.streams.get("job_1", []))
    assert "truncated" not in answered.route
