"""Places at an endpoint, over two workers and a real Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from waiting import until

from memoryos_tasks.adapters.redis import connections, keyspace
from memoryos_tasks.adapters.redis.slots import RedisSlots
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.settings import Settings

PLACE = "openai/gpt-4o"


@pytest.fixture
def workers(redis_settings: Settings) -> Iterator[list[RedisSlots]]:
    with connections.traffic(redis_settings) as one, connections.traffic(redis_settings) as other:
        yield [RedisSlots(client, lease_seconds=0.5, keep_seconds=0.05) for client in (one, other)]


def test_a_place_is_counted_over_all_workers(workers: list[RedisSlots], traffic: redis.Redis) -> None:
    one, other = workers
    assert one.take(PLACE, "a", 2)
    assert other.take(PLACE, "b", 2)
    assert not one.take(PLACE, "c", 2)
    # Whoever has a place has it; another endpoint has places of its own
    assert one.take(PLACE, "a", 2)
    assert one.take("openai/other", "c", 2)
    # Nobody gives back what another one holds
    one.leave(PLACE, "b")
    assert not one.take(PLACE, "c", 2)
    other.leave(PLACE, "b")
    assert one.take(PLACE, "c", 2)
    for run in ("a", "c"):
        one.leave(PLACE, run)
    one.leave(PLACE, "never taken")
    assert traffic.zcard(keyspace.slots(PLACE)) == 0
    one.leave("openai/other", "c")


def test_a_long_run_keeps_its_place(workers: list[RedisSlots], traffic: redis.Redis) -> None:
    one, other = workers
    assert one.take(PLACE, "a", 1)
    first = traffic.zscore(keyspace.slots(PLACE), "a")
    assert first is not None
    # Three leases later
    until(lambda: (traffic.zscore(keyspace.slots(PLACE), "a") or 0) > first + 1500, seconds=10, what="it is renewed")
    assert not other.take(PLACE, "b", 1)
    one.leave(PLACE, "a")
    assert other.take(PLACE, "b", 1)
    other.leave(PLACE, "b")


def test_the_place_of_a_worker_that_was_killed_is_free_in_a_while(
    redis_settings: Settings, workers: list[RedisSlots], traffic: redis.Redis
) -> None:
    # Given a worker that never says another word
    with connections.traffic(redis_settings) as client:
        dead = RedisSlots(client, lease_seconds=0.5, keep_seconds=3600)
        assert dead.take(PLACE, "a", 1)
        assert not workers[0].take(PLACE, "b", 1)
        # Then its place is free when its time is up
        until(lambda: workers[0].take(PLACE, "b", 1), seconds=5, what="the place is free")
    workers[0].leave(PLACE, "b")
    # And nothing is left of it
    until(lambda: not traffic.exists(keyspace.slots(PLACE)), seconds=5, what="the key has gone")


def test_without_the_traffic_role_there_is_no_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REFUSED_SECONDS", 0.0)
    nowhere = "redis://127.0.0.1:1/0"
    settings = Settings(redis=options.Redis(truth_url=nowhere, traffic_url=nowhere, timeout=0.2))
    with connections.traffic(settings) as client:
        slots = RedisSlots(client)
        assert slots.take(PLACE, "a", 1)
        assert slots.take(PLACE, "b", 1)
        slots.leave(PLACE, "a")
