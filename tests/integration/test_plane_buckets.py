"""Bounds on requests over several gateways and a real Redis."""

from __future__ import annotations

import math
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as some
from servers import Servers
from waiting import until

from memoryos_tasks.adapters.plane.buckets import LocalBuckets, RedisBuckets
from memoryos_tasks.adapters.redis import connections, keyspace
from memoryos_tasks.adapters.redis.scripts import source
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.plane.limits import Bound, Limiter

BILLION = 1_000_000_000


@pytest.fixture
def gateways(redis_settings: Settings) -> Iterator[list[RedisBuckets]]:
    with connections.truth(redis_settings) as one, connections.truth(redis_settings) as other:
        yield [RedisBuckets(one), RedisBuckets(other)]


def take(limiter: Limiter, *bounds: Bound) -> bool:
    verdict = limiter.take(bounds)
    assert verdict is not None
    return verdict.allowed


def fresh(rate: float, burst: int, *, rolling: bool = False) -> Bound:
    return Bound(uuid.uuid4().hex, rate, burst, rolling)


@settings(max_examples=30, deadline=None)
@given(
    rate=some.floats(0.5, 3000), burst=some.integers(1, 20), turns=some.lists(some.booleans(), min_size=30, max_size=60)
)
def test_over_all_gateways_a_bucket_is_right_to_the_billionth(
    redis_urls: dict[str, str], rate: float, burst: int, turns: list[bool]
) -> None:
    # Given two gateways, asked by turns as it comes, and a model of their bucket: what it holds at the store's time
    settings = Settings(redis=options.Redis(truth_url=redis_urls["truth"], traffic_url=redis_urls["traffic"]))
    with connections.truth(settings) as one, connections.truth(settings) as other:
        gates, bound = [RedisBuckets(one), RedisBuckets(other)], fresh(rate, burst)
        full, per_micro = burst * BILLION, round(rate * 1000)
        held, at = full, micros(one)
        for turn in turns:
            before = micros(one)
            passed = take(gates[turn], bound)
            after = micros(one)
            kept = one.hmget(keyspace.bound(bound.name), "n", "t")
            if passed:
                # Then a request passes for a whole one that is there, and takes that
                now = int(kept[1])
                assert before <= now <= after
                held, at = min(full, held + (now - at) * per_micro) - BILLION, now
                assert held == int(kept[0]) >= 0
            else:
                # And is refused only when there is none
                assert min(full, held + (before - at) * per_micro) < BILLION
                assert kept == [str(held), str(at)]


def test_a_greedy_caller_gets_exactly_its_bucket(gateways: list[RedisBuckets], truth: redis.Redis) -> None:
    # Given eight threads at two gateways that never let the bucket fill up
    bound, passed, stop = fresh(rate=20.0, burst=20), [0] * 8, time.monotonic() + 1.5
    assert take(gateways[0], bound)
    began = int(truth.hget(keyspace.bound(bound.name), "t") or 0)

    def ask(place: int) -> None:
        while time.monotonic() < stop:
            passed[place] += take(gateways[place % 2], bound)

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Then what has passed, and what the last one left, is all that it held and all that ran in until then
    held = truth.hgetall(keyspace.bound(bound.name))
    assert (1 + sum(passed)) * BILLION + int(held["n"]) == 20 * BILLION + 20_000 * (int(held["t"]) - began)
    assert sum(passed) > 20


def micros(client: redis.Redis) -> int:
    seconds, rest = client.time()
    return int(seconds) * 1_000_000 + int(rest)


def test_a_rolling_bound_holds_in_every_second(gateways: list[RedisBuckets], truth: redis.Redis) -> None:
    bound, times, stop = fresh(rate=50.0, burst=25, rolling=True), [], time.monotonic() + 1.3
    while time.monotonic() < stop:
        for gateway in gateways:
            before = micros(truth)
            if take(gateway, bound):
                times.append(int(truth.lindex(keyspace.bound(bound.name), 0)))
            else:
                # None is refused but for 25 in the half second before
                assert before - times[-25] < 500_000
    # Then no 25 + 1 of them lie within half a second
    gaps = [later - earlier for earlier, later in zip(times, times[25:], strict=False)]
    assert gaps
    assert min(gaps) >= 500_000


def test_who_is_refused_by_one_bound_costs_the_others_nothing(gateways: list[RedisBuckets]) -> None:
    # Given a user who has nothing left, and a bound that all share
    own, shared = fresh(0.01, 2), fresh(0.01, 5)
    assert [take(gateways[0], own, shared) for _ in range(20)] == [True, True, *[False] * 18]
    # Then the others have all the rest
    assert [take(gateways[1], shared) for _ in range(4)] == [True, True, True, False]


def test_the_verdict_tells_what_is_left_and_when_to_come_again(gateways: list[RedisBuckets]) -> None:
    bound = fresh(rate=0.5, burst=3)
    verdicts = [gateways[n % 2].take([bound]) for n in range(4)]
    assert [(one.limit, one.remaining, one.allowed) for one in verdicts if one] == [
        (3, 2, True), (3, 1, True), (3, 0, True), (3, 0, False)]
    last = verdicts[-1]
    assert last is not None
    assert 1.5 < last.wait <= 2.0
    assert 5.5 < last.reset <= 6.0
    assert gateways[0].take([]) is None


def test_nothing_is_left_of_a_caller_who_has_gone(gateways: list[RedisBuckets], truth: redis.Redis) -> None:
    bucket, rolling = fresh(rate=1000.0, burst=2), fresh(rate=1000.0, burst=2, rolling=True)
    assert take(gateways[0], bucket, rolling)
    keys = [keyspace.bound(each.name) for each in (bucket, rolling)]
    assert all(0 < truth.pttl(key) <= 1_010 for key in keys)
    until(lambda: not truth.exists(*keys), seconds=5, what="both are gone")


def test_a_bucket_outlives_a_restart_of_its_store_and_its_script_is_loaded_again(tmp_path: Path) -> None:
    # Given a caller who has taken all of a slow bucket
    with Servers(tmp_path) as servers:
        settings = servers.settings()
        with connections.truth(settings) as one, connections.truth(settings) as other:
            gates, bound = [RedisBuckets(one), RedisBuckets(other)], fresh(rate=0.001, burst=5)
            assert [take(gates[n % 2], bound) for n in range(7)] == [True] * 5 + [False] * 2
            loaded = one.script_exists(source_sha(one))
            # When the store is killed, and comes back without the scripts it knew
            servers.kill("truth")
            servers.start("truth")
            until(lambda: answers(other), seconds=10, what="it is back")
            assert loaded == [True]
            # Then the caller is still held to it, at both gateways
            until(lambda: [take(gate, bound) for gate in gates] == [False, False] and one.dbsize() == 1, seconds=3,
                  what="both ask the store again")
            assert one.script_exists(source_sha(one)) == [True]
            assert int(one.hget(keyspace.bound(bound.name), "n") or 0) < BILLION


def source_sha(client: redis.Redis) -> str:
    return str(client.register_script(source("bucket_take")).sha)


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def test_without_the_store_each_process_counts_on_and_owes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(connections, "REFUSED_SECONDS", 0.0)
    with Servers(tmp_path) as servers, connections.truth(servers.settings()) as client:
        gate, bound = RedisBuckets(client), fresh(rate=0.001, burst=10)
        assert [take(gate, bound) for _ in range(4)] == [True] * 4
        # When the store is away, Then what was left is let through, and no more: nobody is refused for its absence
        servers.kill("truth")
        assert [take(gate, bound) for _ in range(8)] == [True] * 6 + [False] * 2
        # And the store is told when it is back, so another gateway lets nothing through either
        servers.start("truth")
        until(lambda: answers(client), seconds=10, what="it is back")
        assert not take(gate, bound)
        assert not take(RedisBuckets(client), bound)


def test_a_process_of_its_own_fills_its_buckets_again() -> None:
    now = [0.0]
    local, bound = LocalBuckets(lambda: now[0]), fresh(rate=2.0, burst=4)
    assert [take(local, bound) for _ in range(5)] == [True] * 4 + [False]
    now[0] = 1.0
    assert [take(local, bound) for _ in range(3)] == [True, True, False]
    now[0] = math.pi * 1000
    assert [take(local, bound) for _ in range(5)] == [True] * 4 + [False]
