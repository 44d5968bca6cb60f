"""Inferences over endpoints that work, fail and are away."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from memoryos_tasks.core.errors import (
    Cancelled,
    ConfigError,
    MemoryOSError,
    ModelNotFound,
    SensitiveContent,
    TrafficDown,
    Unavailable,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
)
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.backoff import full_jitter
from memoryos_tasks.core.plane.breaker import Outcome
from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.core.plane.records import InferenceRecord
from memoryos_tasks.ports.llm import ModelCall
from memoryos_tasks.ports.plane.scheduling import EndpointState, Reservation
from memoryos_tasks.services.plane.inference import Inference, PlaneCall

OWNER = Owner("acme", "小明")
ALL = tuple(Endpoint(name, "m", url=f"http://{name}.example/", max_retries=2) for name in "abcd")


class FakeScheduler:
    """Gives the first endpoint that is not excluded, in order; ``free`` says how often."""

    def __init__(self) -> None:
        self.finished: list[tuple[str, Outcome, float | None]] = []
        self.asked: list[tuple[str, str | None, tuple[str, ...]]] = []
        self.taken: list[Reservation] = []
        self.busy = 0
        #: Reservations after which none is to be had.
        self.busy_after = 10**9
        self.error: MemoryOSError | None = None

    def reserve(
        self, model: str, candidates: Sequence[Endpoint], *, request_id: str, session: str | None = None,
        exclude: Collection[str] = (),
    ) -> Reservation | None:
        self.asked.append((request_id, session, tuple(exclude)))
        if self.error is not None:
            raise self.error
        if self.busy:
            self.busy -= 1
            return None
        free = [one for one in candidates if one.id not in exclude]
        if not free or len(self.finished) >= self.busy_after:
            return None
        self.taken.append(Reservation(free[0], request_id, 1))
        return self.taken[-1]

    def renew(self, reservation: Reservation) -> None:
        raise AssertionError("the scheduler does that itself")

    def finish(
        self, reservation: Reservation, outcome: Outcome, seconds: float, retry_after: float | None = None
    ) -> None:
        self.taken.remove(reservation)
        self.finished.append((reservation.endpoint.id, outcome, retry_after))

    def states(self, endpoints: Sequence[Endpoint]) -> Mapping[str, EndpointState]:
        raise AssertionError("nobody asks")


class FakeBudget:
    """Says no ``refuse`` times."""

    def __init__(self) -> None:
        self.refuse = 0
        self.held: set[str] = set()
        self.most = 0

    def take(self, model: str, request_id: str, endpoints: Sequence[Endpoint]) -> bool:
        if self.refuse:
            self.refuse -= 1
            return False
        self.held.add(request_id)
        self.most = max(self.most, len(self.held))
        return True

    def leave(self, model: str, request_id: str) -> None:
        self.held.discard(request_id)


class FakeEndpoint:
    """Answers with its id, or raises."""

    def __init__(self, id: str, error: Exception | None, seen: list[ModelCall]) -> None:
        self._id = id
        self._error = error
        self._seen = seen

    def complete(self, call: ModelCall) -> dict[str, Any]:
        self._seen.append(call)
        if self._error is not None:
            raise self._error
        return {"choices": [{"index": 0, "message": {"role": "assistant", "content": f"{self._id} 答"}}]}

    def stream(self, call: ModelCall) -> Any:
        raise AssertionError("nobody streams")

    def models(self) -> list[str]:
        return []


class World:
    """An inference with everything around it."""

    def __init__(self, endpoints: Sequence[Endpoint] = ALL) -> None:
        self.scheduler, self.budget = FakeScheduler(), FakeBudget()
        self.errors: dict[str, Exception] = {}
        self.calls: list[ModelCall] = []
        self.records: list[InferenceRecord] = []
        self.slept: list[float] = []
        self.sleep: Callable[[float], None] = self.slept.append
        self.endpoints = endpoints
        self.keeps: Callable[[str], bool] = lambda text: "secret" in text

    def run(self, model: str = "m", text: str = "hello", **more: Any) -> Any:
        inference = Inference(
            lambda: self.endpoints, self.scheduler, self.budget,
            lambda endpoint: FakeEndpoint(endpoint.id, self.errors.get(endpoint.id), self.calls),
            self.records.append, keeps=self.keeps, clock=lambda: 1000.0, sleep=self.sleep)
        body = {"messages": [{"role": "user", "content": text}], "temperature": 0.5}
        more.setdefault("deadline", time.monotonic() + 40)
        return inference.run(PlaneCall("job", OWNER, model, body, **more))

    def outcomes(self) -> list[tuple[str, Outcome]]:
        assert not self.scheduler.taken
        return [(id, outcome) for id, outcome, _ in self.scheduler.finished]


def refused(status: int, retry_after: float | None = None) -> UpstreamRefused:
    return UpstreamRefused("no", upstream_status=status, retry_after=retry_after)


def test_an_answer_is_that_of_its_endpoint() -> None:
    world = World()
    answer = world.run(session="acme/x/s")
    assert (answer.endpoint, answer.attempts, answer.model) == ("a", 1, "m")
    assert answer.completion["choices"][0]["message"]["content"] == "a 答"
    assert world.outcomes() == [("a", Outcome.SUCCEEDED)]
    assert world.scheduler.asked == [("job.1", "acme/x/s", ())]
    [call] = world.calls
    assert call.body["temperature"] == 0.5
    assert 29 < call.deadline - time.monotonic() <= 30
    [record] = world.records
    assert (record.endpoint, record.outcome, record.input_length, record.output_length, record.last) == (
        "a", "ok", 5, 3, True)
    assert not world.slept


@pytest.mark.parametrize("error", [UpstreamError("away"), UpstreamTimeout("late"), ConfigError("bad URL"),
                                   UpstreamError("500", upstream_status=500)])
def test_another_endpoint_answers_for_one_that_fails(error: Exception) -> None:
    world = World()
    world.errors = {"a": error, "b": error}
    answer = world.run()
    assert (answer.endpoint, answer.attempts) == ("c", 3)
    assert world.outcomes() == [("a", Outcome.FAILED), ("b", Outcome.FAILED), ("c", Outcome.SUCCEEDED)]
    assert [exclude for _, _, exclude in world.scheduler.asked][-1] == ("a", "b")
    # With a wait before each, as one of the few that may, and with the records of all
    assert len(world.slept) == 2
    assert (world.budget.most, world.budget.held) == (1, set())
    assert [record.last for record in world.records] == [False, False, True]


def test_tries_are_counted() -> None:
    world = World()
    world.errors = {name: UpstreamError(f"{name} is away") for name in "abcd"}
    with pytest.raises(UpstreamError, match="c is away"):
        world.run()
    assert len(world.outcomes()) == 3
    assert not world.budget.held


def test_an_only_endpoint_is_tried_again() -> None:
    world = World(ALL[:1])
    world.errors = {"a": UpstreamError("away")}
    with pytest.raises(UpstreamError):
        world.run()
    assert world.outcomes() == [("a", Outcome.FAILED)] * 3


@pytest.mark.parametrize(("status", "tries"), [(400, 1), (422, 1), (413, 1), (401, 3), (403, 3), (404, 3)])
def test_refusals_do_not_count_and_only_those_about_the_endpoint_go_elsewhere(status: int, tries: int) -> None:
    world = World()
    world.errors = {name: refused(status) for name in "abcd"}
    with pytest.raises(UpstreamRefused):
        world.run()
    assert [outcome for _, outcome in world.outcomes()] == [Outcome.REFUSED] * tries


def test_a_busy_endpoint_is_left_alone_for_as_long_as_it_says() -> None:
    world = World()
    world.errors = {"a": refused(429, 7.0)}
    assert world.run().endpoint == "b"
    assert world.scheduler.finished[0] == ("a", Outcome.LIMITED, 7.0)


def test_nobody_waits_for_endpoints_that_want_no_request_in_time() -> None:
    # Given an only endpoint that is taken from then on
    world = World(ALL[:1])
    world.errors = {"a": refused(429, 100.0)}
    world.scheduler.busy_after = 1
    with pytest.raises(UpstreamRefused):
        world.run()
    assert len(world.slept) == 1


def test_a_place_is_waited_for() -> None:
    world = World()
    world.scheduler.busy = 5
    assert world.run().endpoint == "a"
    assert len(world.slept) == 5
    assert world.slept[0] < world.slept[-1] <= 0.5


def test_nobody_waits_for_endpoints_that_all_drain() -> None:
    world = World([replace(one, draining=True) for one in ALL])
    world.scheduler.busy = 10**9
    with pytest.raises(Unavailable, match="being drained"):
        world.run()
    assert world.slept == []


def test_an_endpoint_that_comes_while_others_are_waited_for_is_taken() -> None:
    # Given endpoints without a place, in whose stead another one is registered
    world = World(ALL[:2])
    world.scheduler.busy = 2
    replaced: list[float] = []

    def sleep(seconds: float) -> None:
        replaced.append(seconds)
        world.endpoints = (ALL[3],)

    world.sleep = sleep
    assert world.run().endpoint == "d"
    assert len(replaced) == 2


def test_room_for_a_retry_is_waited_for() -> None:
    world = World()
    world.errors = {"a": UpstreamError("away")}
    world.budget.refuse = 4
    assert world.run().endpoint == "b"
    assert len(world.slept) == 5


def test_the_deadline_ends_every_wait() -> None:
    # For a place
    world = World()
    world.scheduler.busy = 10**9
    with pytest.raises(Unavailable, match="No endpoint"):
        world.run(deadline=time.monotonic() + 0.01)
    assert [(record.endpoint, record.outcome) for record in world.records] == [("", "service_unavailable")]
    # For a retry: the client reads what its endpoint said
    world = World()
    world.errors = {"a": UpstreamError("a is away")}
    world.budget.refuse = 10**9
    with pytest.raises(UpstreamError, match="a is away"):
        world.run(deadline=time.monotonic() + 0.05)
    # And it counts as one inference that has ended
    assert [(record.endpoint, record.last) for record in world.records] == [("a", False), ("", True)]


def test_a_timeout_for_want_of_time_says_nothing_of_the_endpoint() -> None:
    world = World(ALL[:1])
    world.errors = {"a": UpstreamTimeout("late")}
    with pytest.raises(UpstreamTimeout):
        world.run(deadline=time.monotonic() + 0.05)
    assert set(world.outcomes()) == {("a", Outcome.ABANDONED)}


def test_who_cancels_gets_no_endpoint() -> None:
    world = World()
    with pytest.raises(Cancelled):
        world.run(cancelled=lambda: True)
    assert world.outcomes() == []
    # And one that cancels while it is answered says nothing of the endpoint
    world = World()
    world.errors = {"a": Cancelled()}
    with pytest.raises(Cancelled):
        world.run()
    assert world.outcomes() == [("a", Outcome.ABANDONED)]


def test_what_breaks_inside_gives_its_place_back() -> None:
    world = World()
    world.errors = {"a": RuntimeError("oops")}
    with pytest.raises(RuntimeError):
        world.run()
    assert world.outcomes() == [("a", Outcome.ABANDONED)]
    assert [record.outcome for record in world.records] == ["internal_error"]


def test_a_model_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ModelNotFound, match="'x'; those that it has: m"):
        World().run("x")
    # No name means the first
    assert World().run("").model == "m"


def test_a_worker_that_knows_no_endpoint_says_what_it_lacks() -> None:
    with pytest.raises(Unavailable, match="MEMORYOS_MCP_CONFIG"):
        World([]).run()


def test_a_sensitive_prompt_goes_to_endpoints_in_house_only() -> None:
    with pytest.raises(SensitiveContent):
        World().run(text="my secret")
    inside = Endpoint("in", "m", url="http://127.0.0.1:9/generate")
    assert World([*ALL, inside]).run(text="my secret").endpoint == "in"


def test_without_the_traffic_role_the_run_ends() -> None:
    world = World()
    world.scheduler.error = TrafficDown()
    with pytest.raises(TrafficDown):
        world.run()


def test_the_wait_grows_to_a_bound_and_is_any_part_of_it() -> None:
    assert [full_jitter(tries, 1.0) for tries in (1, 2, 3, 4, 5, 6, 60)] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert full_jitter(3, 0.0) == 0.0
    halves = [full_jitter(tries, 0.5) for tries in range(1, 9)]
    assert all(one <= other for one, other in itertools.pairwise(halves))
