"""Jobs of kind ``infer``, from the ledger to whoever waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from fakes.keeper import FakeKeeper
from fakes.ledger import FakeLedger
from fakes.runs import FakeRuns

from memoryos_tasks.core.errors import Cancelled, UpstreamError
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.ports.runs import Saying
from memoryos_tasks.services.answering import Limits
from memoryos_tasks.services.chat import Chats
from memoryos_tasks.services.plane.answers import PlaneAnswers
from memoryos_tasks.services.plane.inference import PlaneAnswer, PlaneCall

OWNER = Owner("acme", "小明")
COMPLETION = {"id": "chatcmpl-job", "choices": [{"index": 0, "message": {"role": "assistant", "content": "好"}}]}


class FakeInference:
    """Answers, or does what the test says."""

    def __init__(self) -> None:
        self.calls: list[PlaneCall] = []
        self.do: Callable[[PlaneCall], None] = lambda call: None

    def run(self, call: PlaneCall) -> PlaneAnswer:
        self.calls.append(call)
        self.do(call)
        return PlaneAnswer(dict(COMPLETION), "glm", "e1", 2, 0.1)


class World:
    """A worker's chats whose answers are the plane's."""

    def __init__(self) -> None:
        self.ledger, self.runs, self.keeper, self.inference = FakeLedger(), FakeRuns(), FakeKeeper(), FakeInference()
        answers = PlaneAnswers(self.runs, self.inference, lambda: 60.0)  # type: ignore[arg-type]
        self.chats = Chats(self.ledger, self.runs, answers, self.keeper, Limits())

    def run(self, body: dict[str, Any], *, inbox: str = "here", **more: Any) -> str:
        request = {"body": body, "session": more.pop("session", ""), "memory": False, "stream": False}
        more.setdefault("created_at", time.time())
        self.ledger.create(Job("job", OWNER, "infer", request=request, inbox=inbox, **more))
        return self.chats.run("acme", "job").status

    def last(self) -> Any:
        return self.runs.streams["job"][-1]


def test_a_prompt_is_answered_to_whoever_waits() -> None:
    world = World()
    assert world.run({"prompt": "你好", "temperature": 0.2, "model": "glm"}, session="s1") == "succeeded"
    [call] = world.inference.calls
    assert (call.model, call.session) == ("glm", "acme/小明/s1")
    assert call.body == {"messages": [{"role": "user", "content": "你好"}], "temperature": 0.2, "model": "glm"}
    assert 59 < call.deadline - time.monotonic() <= 60
    assert world.last().saying is Saying.DONE
    assert world.last().data == {**COMPLETION, "endpoint": "e1"}
    row = world.ledger.get("acme", "job")
    assert row.status is Status.SUCCEEDED
    assert row.result is not None
    assert row.result["endpoint"] == "e1"
    # And nothing of it is remembered
    assert not world.ledger.journaled


def test_a_session_of_nobody_keeps_nothing_at_one_endpoint() -> None:
    world = World()
    assert world.run({"messages": [{"role": "user", "content": "hi"}]}) == "succeeded"
    assert (world.inference.calls[0].session, world.inference.calls[0].model) == ("", "")


def test_a_failure_is_told_to_whoever_waits() -> None:
    world = World()

    def fail(call: PlaneCall) -> None:
        raise UpstreamError("every endpoint is away")

    world.inference.do = fail
    assert world.run({"prompt": "hi"}) == "failed"
    assert world.last().saying is Saying.ERROR
    assert world.last().data["message"] == "every endpoint is away"


def test_an_async_job_that_failed_runs_again() -> None:
    world = World()

    def fail(call: PlaneCall) -> None:
        raise UpstreamError("every endpoint is away")

    world.inference.do = fail
    assert world.run({"prompt": "hi"}, inbox="") == "queued"
    assert world.ledger.delays


def test_a_cancelled_job_says_so_to_its_inference() -> None:
    world = World()

    def cancel(call: PlaneCall) -> None:
        assert not call.cancelled()
        world.keeper.lease.cancelled = True
        assert call.cancelled()
        raise Cancelled

    world.inference.do = cancel
    assert world.run({"prompt": "hi"}) == "cancelled"


@pytest.mark.parametrize("body", [{}, {"prompt": ""}, {"prompt": 1}, {"messages": []}])
def test_a_request_without_a_question_is_refused(body: dict[str, Any]) -> None:
    world = World()
    assert world.run(body) == "failed"
    assert world.last().data["param"] == "prompt"


def test_the_time_counts_from_the_arrival() -> None:
    world = World()
    now = time.time()
    assert world.run({"prompt": "hi"}, created_at=now - 50) == "succeeded"
    assert 8 < world.inference.calls[0].deadline - time.monotonic() <= 10
    assert 49 < world.inference.calls[0].queued < 52
    late = World()
    assert late.run({"prompt": "hi"}, created_at=now - 70) == "failed"
    assert late.last().data["code"] == "deadline_exceeded"
    soon = World()
    assert soon.run({"prompt": "hi"}, created_at=now, deadline=now + 5) == "succeeded"
    assert soon.inference.calls[0].deadline - time.monotonic() <= 5
