"""Counters for metrics, in one hash of the store of record."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import truth_errors
from memoryos_tasks.core.errors import TruthDown


class RedisCounters:
    """See :class:`memoryos_tasks.ports.counters.Counters`."""

    def __init__(self, truth: redis.Redis) -> None:
        self._redis = truth

    def add(self, name: str, counts: Mapping[str, int]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        for label, count in counts.items():
            if count:
                pipe.hincrby(keyspace.COUNTERS, f"{name} {label}", count)
        with suppress(TruthDown), truth_errors():
            pipe.execute()
