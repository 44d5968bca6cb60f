"""How full the queues are, sampled by beat. See :class:`memoryos_tasks.ports.plane.records.QueueLoads`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import traffic_errors, truth_errors
from memoryos_tasks.adapters.redis.keyspace import observed
from memoryos_tasks.ports.plane.records import QueueLoad
from memoryos_tasks.queues import CHAT, MEMORY, TASKS

#: The queues that more workers can be given to.
POOLS = (CHAT, MEMORY)
#: Seconds that samples are kept.
KEEP_SECONDS = 7200


class RedisQueueLoads:
    """Jobs that run are those that are open and do not wait: the ledger knows the open ones, the broker who waits."""

    def __init__(self, truth: redis.Redis, traffic: redis.Redis) -> None:
        self._truth = truth
        self._traffic = traffic

    def take(self, now: float) -> None:
        with truth_errors():
            asked = self._truth.pipeline(transaction=False)
            for kind in TASKS:
                asked.zcard(keyspace.due(kind))
            counts = asked.execute()
        jobs = dict.fromkeys(POOLS, 0)
        for (_, queue), count in zip(TASKS.values(), counts, strict=True):
            if queue in jobs:
                jobs[queue] += int(count)
        key = observed("queues", int(now // 60))
        with traffic_errors():
            lengths = {queue: int(self._traffic.llen(queue)) for queue in POOLS}
            pipe = self._traffic.pipeline(transaction=True)
            pipe.hincrby(key, "samples", 1)
            for queue in POOLS:
                pipe.hincrby(key, f"{queue} waiting", lengths[queue])
                pipe.hincrby(key, f"{queue} busy", max(jobs[queue] - lengths[queue], 0))
            pipe.expire(key, KEEP_SECONDS)
            pipe.execute()

    def mean(self, since: float, until: float) -> Mapping[str, QueueLoad]:
        minutes = range(int(since // 60), int(until // 60) + 1)
        with traffic_errors():
            pipe = self._traffic.pipeline(transaction=False)
            for minute in minutes[-KEEP_SECONDS // 60 :]:
                pipe.hgetall(observed("queues", minute))
            rows: list[Any] = pipe.execute()
        samples = _summed(rows, "samples")
        if not samples:
            return {}
        return {queue: QueueLoad(_summed(rows, f"{queue} waiting") / samples, _summed(rows, f"{queue} busy") / samples)
                for queue in POOLS}


def _summed(rows: list[Any], name: str) -> int:
    return sum(int(row.get(name, 0)) for row in rows)
