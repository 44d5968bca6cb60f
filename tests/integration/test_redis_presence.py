from __future__ import annotations

import time
from typing import Any

import redis

from memoryos_tasks.adapters.redis.keyspace import WORKERS
from memoryos_tasks.adapters.redis.presence import GONE_SECONDS, Presence, WorkerInfo


def worker(name: str, seen_at: float, **fields: Any) -> WorkerInfo:
    return WorkerInfo(name, 7, ("chat", "vectors"), True, "owner", ("offline", "openai/gpt"), seen_at, **fields)


def test_a_worker_is_there_while_it_says_so(traffic: redis.Redis) -> None:
    presence, info = Presence(traffic), worker("one", time.time())
    presence.announce(info)
    presence.announce(info)
    assert presence.workers() == [info]
    presence.leave("one")
    presence.leave("one")
    assert presence.workers() == []


def test_a_worker_that_fell_silent_is_gone_and_later_forgotten(traffic: redis.Redis) -> None:
    presence, now = Presence(traffic), time.time()
    presence.announce(worker("here", now))
    presence.announce(worker("silent", now - GONE_SECONDS - 1))
    presence.announce(worker("long gone", now - 61))
    assert [info.name for info in presence.workers()] == ["here"]
    assert set(traffic.hkeys(WORKERS)) == {"here", "silent"}
