"""Choosing and isolating endpoints, over several workers and a real Redis."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from plane_clock import HandClock
from waiting import until

from memoryos_tasks.adapters.plane.budget import RedisBudget
from memoryos_tasks.adapters.plane.leases import Leases
from memoryos_tasks.adapters.plane.plan import Rules
from memoryos_tasks.adapters.plane.scheduler import RedisScheduler
from memoryos_tasks.adapters.redis import connections, keyspace
from memoryos_tasks.core.errors import TrafficDown
from memoryos_tasks.core.plane.breaker import Outcome, State
from memoryos_tasks.core.plane.config import Breaker, Endpoint, Scheduling
from memoryos_tasks.core.settings import Redis as RedisOptions
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.plane.scheduling import Reservation

ONE, TWO, THREE = (Endpoint(name, "模型", weight=weight) for name, weight in (("a", 1.0), ("b", 2.0), ("c", 3.0)))
ALL = (ONE, TWO, THREE)
FOUR = tuple(Endpoint(name, "模型") for name in "abcd")
RULES = Rules(Scheduling(), Breaker())


@pytest.fixture
def clock(traffic: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> HandClock:
    return HandClock(traffic, monkeypatch)


@pytest.fixture
def scheduler(clock: HandClock, traffic: redis.Redis) -> RedisScheduler:
    return RedisScheduler(traffic, lambda: RULES, leases=Leases(traffic, lease_seconds=10**6, keep_seconds=3600))


def take(scheduler: RedisScheduler, among: tuple[Endpoint, ...], request: str, **more: object) -> Reservation:
    got = scheduler.reserve(among[0].model, among, request_id=request, **more)  # type: ignore[arg-type]
    assert got is not None
    return got


def others(among: tuple[Endpoint, ...], id: str) -> list[str]:
    return [one.id for one in among if one.id != id]


def call(scheduler: RedisScheduler, among: tuple[Endpoint, ...], id: str, outcome: Outcome, seconds: float = 0.1,
         retry_after: float | None = None) -> None:
    """A call at that endpoint."""
    got = take(scheduler, among, f"call-{id}", exclude=others(among, id))
    scheduler.finish(got, outcome, seconds, retry_after)


def trip(scheduler: RedisScheduler, among: tuple[Endpoint, ...], id: str) -> None:
    for _ in range(5):
        call(scheduler, among, id, Outcome.FAILED)


def test_requests_are_spread_by_weight(scheduler: RedisScheduler) -> None:
    # When 24 requests are under way at endpoints of weights 1:2:3
    taken = Counter(take(scheduler, ALL, f"r{at}").endpoint.id for at in range(24))
    # Then each has its share
    assert taken == {"a": 4, "b": 8, "c": 12}
    assert {id: one.in_flight for id, one in scheduler.states(ALL).items()} == taken


def test_equals_are_chosen_by_chance(scheduler: RedisScheduler) -> None:
    seen = set()
    for at in range(40):
        got = take(scheduler, FOUR, f"r{at}")
        seen.add(got.endpoint.id)
        scheduler.finish(got, Outcome.SUCCEEDED, 0.1)
    assert len(seen) > 1


def test_no_more_than_its_bound_are_at_an_endpoint(scheduler: RedisScheduler) -> None:
    bounded = (replace(ONE, max_concurrency=2),)
    first = take(scheduler, bounded, "1")
    take(scheduler, bounded, "2")
    assert scheduler.reserve("模型", bounded, request_id="3") is None
    scheduler.finish(first, Outcome.SUCCEEDED, 0.1)
    assert scheduler.reserve("模型", bounded, request_id="3") is not None


def test_an_endpoint_that_drains_takes_nothing_new(scheduler: RedisScheduler) -> None:
    got = take(scheduler, (ONE, replace(THREE, draining=True)), "1")
    assert got.endpoint == ONE
    assert scheduler.reserve("模型", (replace(ONE, draining=True),), request_id="2") is None


def test_what_a_killed_worker_held_is_free_in_a_while(traffic: redis.Redis) -> None:
    # Given a worker that takes a place and says no other word, and one that lives
    dead = RedisScheduler(traffic, leases=Leases(traffic, lease_seconds=0.4, keep_seconds=3600))
    living = RedisScheduler(traffic, leases=Leases(traffic, lease_seconds=0.4, keep_seconds=0.05))
    take(dead, (ONE,), "dead")
    held = take(living, (ONE,), "living")
    assert living.states((ONE,))["a"].in_flight == 2
    # Then only the place of the living is kept
    until(lambda: living.states((ONE,))["a"].in_flight == 1, seconds=5, what="the dead one's place is free")
    assert traffic.zscore(keyspace.plane("load", "a"), "living") is not None
    living.finish(held, Outcome.SUCCEEDED, 0.1)
    assert not traffic.exists(keyspace.plane("load", "a"))


def test_a_session_stays_until_its_endpoint_is_overloaded_or_its_time_is_up(
    clock: HandClock, scheduler: RedisScheduler, traffic: redis.Redis
) -> None:
    # Given a session at some endpoint
    home = take(scheduler, FOUR, "1", session="小明")
    scheduler.finish(home, Outcome.SUCCEEDED, 0.1)
    # Then it stays there, also while others are idle
    for at in range(20):
        got = take(scheduler, FOUR, f"r{at}", session="小明")
        assert got.endpoint == home.endpoint
        scheduler.finish(got, Outcome.SUCCEEDED, 0.1)
    # When two requests are there and none elsewhere, it moves, and stays there
    for at in range(2):
        take(scheduler, FOUR, f"busy{at}", exclude=others(FOUR, home.endpoint.id))
    moved = take(scheduler, FOUR, "moved", session="小明")
    assert moved.endpoint != home.endpoint
    scheduler.finish(moved, Outcome.SUCCEEDED, 0.1)
    assert take(scheduler, FOUR, "again", session="小明").endpoint == moved.endpoint
    # And the pin has a lifetime
    assert 0 < traffic.pttl(keyspace.plane_pin("模型", "小明")) <= 600_000


def test_a_session_leaves_an_endpoint_that_is_not_ready(scheduler: RedisScheduler) -> None:
    home = take(scheduler, FOUR, "1", session="s")
    scheduler.finish(home, Outcome.SUCCEEDED, 0.1)
    trip(scheduler, FOUR, home.endpoint.id)
    assert take(scheduler, FOUR, "2", session="s").endpoint != home.endpoint


def test_five_failures_in_a_row_open_and_two_successes_close(clock: HandClock, scheduler: RedisScheduler) -> None:
    trip(scheduler, FOUR, "a")
    state = scheduler.states(FOUR)["a"]
    assert (state.breaker, state.trips) == (State.OPEN, 1)
    assert 24 <= state.opens_for <= 30
    # Nothing goes there
    for at in range(30):
        assert take(scheduler, FOUR, f"r{at}").endpoint.id != "a"
    # When its time is up, one request at a time tries it
    clock.wait(31)
    trial = take(scheduler, FOUR, "trial")
    assert (trial.endpoint.id, trial.trial) == ("a", True)
    assert take(scheduler, FOUR, "other").endpoint.id != "a"
    scheduler.finish(trial, Outcome.SUCCEEDED, 0.1)
    assert scheduler.states(FOUR)["a"].breaker is State.HALF_OPEN
    second = take(scheduler, FOUR, "second")
    assert second.trial
    scheduler.finish(second, Outcome.SUCCEEDED, 0.1)
    # Then it is back, with a tenth of its weight
    state = scheduler.states(FOUR)["a"]
    assert (state.breaker, state.weight) == (State.CLOSED, 0.1)
    clock.wait(15)
    assert scheduler.states(FOUR)["a"].weight == pytest.approx(0.5)
    clock.wait(15)
    assert scheduler.states(FOUR)["a"].weight == 1.0


def test_an_endpoint_that_fails_its_trial_stays_away_longer(clock: HandClock, scheduler: RedisScheduler) -> None:
    trip(scheduler, FOUR, "a")
    for trips in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12):
        clock.wait(301)
        trial = take(scheduler, FOUR, "trial")
        scheduler.finish(trial, Outcome.FAILED, 0.1)
        state = scheduler.states(FOUR)["a"]
        # It is the first again after a long time without one
        assert state.trips in (1, trips)
        assert 0.8 * min(30 * state.trips, 300) - 0.01 <= state.opens_for <= min(30 * state.trips, 300)


def test_late_results_say_nothing(clock: HandClock, scheduler: RedisScheduler) -> None:
    # Given requests that began before the breaker opened
    early = [take(scheduler, FOUR, f"early{at}", exclude=others(FOUR, "a")) for at in range(4)]
    trip(scheduler, FOUR, "a")
    clock.wait(31)
    trial = take(scheduler, FOUR, "trial")
    # When they end while it is half open
    scheduler.finish(early[0], Outcome.SUCCEEDED, 31)
    scheduler.finish(early[1], Outcome.SUCCEEDED, 31)
    scheduler.finish(early[2], Outcome.FAILED, 31)
    # Then they neither close nor open it, and their places are free
    state = scheduler.states(FOUR)["a"]
    assert (state.breaker, state.in_flight) == (State.HALF_OPEN, 2)
    # And a result that comes twice counts once
    scheduler.finish(trial, Outcome.SUCCEEDED, 0.1)
    scheduler.finish(trial, Outcome.SUCCEEDED, 0.1)
    assert scheduler.states(FOUR)["a"].breaker is State.HALF_OPEN


def test_half_of_twenty_calls_open(scheduler: RedisScheduler) -> None:
    for _ in range(9):
        call(scheduler, FOUR, "a", Outcome.FAILED)
        call(scheduler, FOUR, "a", Outcome.SUCCEEDED)
    call(scheduler, FOUR, "a", Outcome.SUCCEEDED)
    assert scheduler.states(FOUR)["a"].breaker is State.CLOSED
    call(scheduler, FOUR, "a", Outcome.FAILED)
    assert scheduler.states(FOUR)["a"].breaker is State.OPEN


def test_failures_of_more_than_a_minute_ago_are_forgotten(clock: HandClock, scheduler: RedisScheduler) -> None:
    for _ in range(9):
        call(scheduler, FOUR, "a", Outcome.FAILED)
        call(scheduler, FOUR, "a", Outcome.SUCCEEDED)
    clock.wait(61)
    for _ in range(9):
        call(scheduler, FOUR, "a", Outcome.FAILED)
        call(scheduler, FOUR, "a", Outcome.SUCCEEDED)
    assert scheduler.states(FOUR)["a"].breaker is State.CLOSED


def test_refusals_never_count_and_a_busy_endpoint_is_left_alone_for_as_long_as_it_says(
    clock: HandClock, scheduler: RedisScheduler
) -> None:
    for _ in range(30):
        call(scheduler, FOUR, "a", Outcome.REFUSED)
        call(scheduler, FOUR, "b", Outcome.ABANDONED)
    call(scheduler, FOUR, "c", Outcome.LIMITED, retry_after=7)
    states = scheduler.states(FOUR)
    assert {one.breaker for one in states.values()} == {State.CLOSED}
    assert states["c"].cooling == 7
    assert not states["c"].ready
    assert scheduler.reserve("模型", FOUR, request_id="1", exclude=others(FOUR, "c")) is None
    clock.wait(7)
    assert take(scheduler, FOUR, "2", exclude=others(FOUR, "c"))


def test_calls_that_take_much_longer_than_elsewhere_open_before_they_end(
    clock: HandClock, scheduler: RedisScheduler
) -> None:
    # Given endpoints of which one takes its time
    for id in "bcd":
        for _ in range(5):
            call(scheduler, FOUR, id, Outcome.SUCCEEDED, 0.1)
    slow = [take(scheduler, FOUR, f"slow{at}", exclude=others(FOUR, "a")) for at in range(3)]
    clock.wait(0.9)
    take(scheduler, FOUR, "r1")
    assert scheduler.states(FOUR)["a"].breaker is State.CLOSED
    # When the calls there are five times as long as elsewhere under way, and longer than a second
    clock.wait(0.2)
    take(scheduler, FOUR, "r2")
    # Then it is open
    assert scheduler.states(FOUR)["a"].breaker is State.OPEN
    for one in slow:
        scheduler.finish(one, Outcome.SUCCEEDED, 1.1)
    assert scheduler.states(FOUR)["a"].breaker is State.OPEN


def test_one_call_that_never_ends_is_enough(clock: HandClock, scheduler: RedisScheduler) -> None:
    # Given a call that hangs at an endpoint which has answered no other
    for id in "bcd":
        for _ in range(5):
            call(scheduler, FOUR, id, Outcome.SUCCEEDED, 0.1)
    hangs = take(scheduler, FOUR, "hangs", exclude=others(FOUR, "a"))
    # When it has gone on for three times as long as is slow
    for at in range(3):
        assert scheduler.states(FOUR)["a"].breaker is State.CLOSED
        clock.wait(1.1)
        got = take(scheduler, FOUR, f"r{at}")
        scheduler.finish(got, Outcome.ABANDONED, 0)
    # Then the endpoint is isolated
    assert scheduler.states(FOUR)["a"].breaker is State.OPEN
    scheduler.finish(hangs, Outcome.FAILED, 30)
    assert scheduler.states(FOUR)["a"].in_flight == 0


def test_calls_of_a_killed_worker_say_nothing_about_their_endpoint(
    clock: HandClock, scheduler: RedisScheduler, traffic: redis.Redis
) -> None:
    for id in "bcd":
        for _ in range(5):
            call(scheduler, FOUR, id, Outcome.SUCCEEDED, 0.1)
    # Given calls whose worker renews nothing
    dead, living = (
        RedisScheduler(traffic, lambda: RULES, leases=Leases(traffic, lease_seconds=15, keep_seconds=3600))
        for _ in range(2)
    )
    for at in range(4):
        take(dead, FOUR, f"dead{at}", exclude=others(FOUR, "a"))
    # When they have taken far too long
    for seconds in (8, 5):
        clock.wait(seconds)
        call(living, FOUR, "b", Outcome.SUCCEEDED, 0.1)
    assert scheduler.states(FOUR)["a"].breaker is State.CLOSED
    # Then it is they who are gone
    clock.wait(3)
    assert scheduler.states(FOUR)["a"].in_flight == 0


def test_a_long_call_among_others_that_are_not_does_no_harm(clock: HandClock, scheduler: RedisScheduler) -> None:
    for id in "abcd":
        for _ in range(5):
            call(scheduler, FOUR, id, Outcome.SUCCEEDED, 0.1)
    take(scheduler, FOUR, "long", exclude=others(FOUR, "a"))
    for _ in range(4):
        clock.wait(1.1)
        call(scheduler, FOUR, "b", Outcome.SUCCEEDED, 0.1)
    assert scheduler.states(FOUR)["a"].breaker is State.CLOSED


def test_never_more_than_half_are_isolated_and_never_the_last(scheduler: RedisScheduler) -> None:
    for among, most in (((ONE,), 0), ((ONE, TWO), 1), (ALL, 1), (FOUR, 2)):
        named = tuple(replace(each, id=f"{len(among)}{each.id}") for each in among)
        for one in named:
            trip(scheduler, named, one.id)
        states = scheduler.states(named)
        assert sum(one.breaker is State.OPEN for one in states.values()) == most
        assert not any(one.panic for one in states.values())


def test_two_processes_never_share_a_permit(redis_settings: Settings, traffic: redis.Redis, tmp_path: Path) -> None:
    # Given a breaker that is half open at once
    rules = Rules(Scheduling(slow_start=0), Breaker(open_seconds=0.1, max_open_seconds=0.1))
    scheduler = RedisScheduler(traffic, lambda: rules)
    trip(scheduler, FOUR, "a")
    # When two processes reserve as fast as they can, and fail each trial
    told = f"""
import sys, time
import redis
from memoryos_tasks.adapters.plane.plan import Rules
from memoryos_tasks.adapters.plane.scheduler import RedisScheduler
from memoryos_tasks.core.plane.config import Breaker, Endpoint, Scheduling
from memoryos_tasks.core.plane.breaker import Outcome
client = redis.Redis.from_url("{redis_settings.redis.traffic_url}", decode_responses=True)
rules = Rules(Scheduling(slow_start=0), Breaker(open_seconds=0.1, max_open_seconds=0.1))
scheduler = RedisScheduler(client, lambda: rules)
four = tuple(Endpoint(name, "模型") for name in "abcd")
shared = trials = 0
end = time.monotonic() + 2
while time.monotonic() < end:
    got = scheduler.reserve("模型", four, request_id=f"{{sys.argv[1]}}{{time.monotonic_ns()}}")
    if got.trial:
        trials += 1
        shared += client.incr("holders") > 1
        time.sleep(0.002)
        client.decr("holders")
    scheduler.finish(got, Outcome.FAILED if got.trial else Outcome.SUCCEEDED, 0.0)
print(trials, shared)
"""
    both = [subprocess.Popen([sys.executable, "-c", told, name], stdout=subprocess.PIPE, text=True) for name in "xy"]
    results = [process.communicate(timeout=30)[0].split() for process in both]
    # Then there were trials, and at no time two
    assert sum(int(trials) for trials, _ in results) >= 3
    assert [int(shared) for _, shared in results] == [0, 0]


def test_the_budget_bounds_retries(clock: HandClock, scheduler: RedisScheduler, traffic: redis.Redis) -> None:
    budget = RedisBudget(traffic, leases=Leases(traffic, lease_seconds=10, keep_seconds=3600))
    # At least three, whatever is under way
    assert [budget.take("模型", f"r{at}", ALL) for at in range(4)] == [True, True, True, False]
    assert budget.take("模型", "r0", ALL)
    budget.leave("模型", "r0")
    assert budget.take("模型", "r3", ALL)
    # And a fifth of what is under way
    for at in range(25):
        take(scheduler, ALL, f"busy{at}")
    assert [budget.take("模型", f"more{at}", ALL) for at in range(3)] == [True, True, False]
    # What a killed worker held is free in a while
    clock.wait(11)
    assert budget.take("模型", "late", ALL)


def test_the_state_is_back_after_redis_lost_everything(scheduler: RedisScheduler, traffic: redis.Redis) -> None:
    got = take(scheduler, ALL, "1")
    now = traffic.get("test:clock")
    traffic.flushall()
    traffic.script_flush()
    traffic.set("test:clock", str(now))
    scheduler.finish(got, Outcome.FAILED, 0.1)
    assert take(scheduler, ALL, "2")


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    monkeypatch.setattr(connections, "REFUSED_SECONDS", 0.0)
    url = "redis://127.0.0.1:1/0"
    with connections.traffic(Settings(redis=RedisOptions(truth_url=url, traffic_url=url, timeout=0.2))) as client:
        yield client


def test_without_the_traffic_role_nothing_is_reserved_and_ends_are_borne(nowhere: redis.Redis) -> None:
    scheduler = RedisScheduler(nowhere)
    with pytest.raises(TrafficDown):
        scheduler.reserve("模型", ALL, request_id="1")
    scheduler.finish(Reservation(ONE, "1", 0, among=ALL), Outcome.SUCCEEDED, 0.1)
    assert RedisBudget(nowhere).take("模型", "1", ALL)
