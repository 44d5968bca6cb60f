from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
import redis

from memoryos_tasks.adapters.redis.keyspace import WORKERS
from memoryos_tasks.adapters.redis.presence import GONE_SECONDS, Presence, WorkerInfo


def worker(name: str) -> WorkerInfo:
    return WorkerInfo(name, 7, ("chat", "vectors"), True, "owner", ("offline", "openai/gpt"), 0.0)


def redis_now(traffic: redis.Redis) -> float:
    seconds: Any = traffic.time()[0]
    return float(seconds)


def test_a_worker_is_there_while_it_says_so(traffic: redis.Redis) -> None:
    # When a worker announces itself, whatever its own clock says
    presence = Presence(traffic)
    presence.announce(worker("one"))
    presence.announce(worker("one"))
    # Then it is there, seen at the time that Redis has
    (seen,) = presence.workers()
    assert replace(seen, seen_at=0.0) == worker("one")
    assert seen.seen_at == pytest.approx(redis_now(traffic), abs=2)
    # Until it leaves
    presence.leave("one")
    presence.leave("one")
    assert presence.workers() == []


def test_a_worker_that_fell_silent_is_gone_and_later_forgotten(traffic: redis.Redis) -> None:
    presence, now = Presence(traffic), redis_now(traffic)
    presence.announce(worker("here"))
    for name, ago in (("silent", GONE_SECONDS + 2), ("long gone", 63)):
        traffic.hset(WORKERS, name, json.dumps(asdict(replace(worker(name), seen_at=now - ago))))
    assert [info.name for info in presence.workers()] == ["here"]
    assert set(traffic.hkeys(WORKERS)) == {"here", "silent"}
