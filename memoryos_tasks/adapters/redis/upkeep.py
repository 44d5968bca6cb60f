"""Whose mid-term memory is to be compacted: a sorted set by time, in the store of record."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import truth_errors
from memoryos_tasks.core.events import Owner


class RedisUpkeep:
    """See :class:`memoryos_tasks.ports.upkeep.Upkeep`. A clock that is seconds off shifts work by as much."""

    def __init__(self, truth: redis.Redis, clock: Callable[[], float] = time.time) -> None:
        self._redis = truth
        self._clock = clock

    def note(self, owner: Owner, *, after: float) -> None:
        with truth_errors():
            self._redis.zadd(keyspace.COMPACTION, {_member(owner): self._at(after)}, nx=True)

    def settled(self, owner: Owner, *, after: float | None) -> None:
        if after is None:
            self.forget(owner)
            return
        with truth_errors():
            self._redis.zadd(keyspace.COMPACTION, {_member(owner): self._at(after)})

    def due(self, *, count: int) -> list[Owner]:
        with truth_errors():
            members: Any = self._redis.zrangebyscore(keyspace.COMPACTION, "-inf", self._at(0), start=0, num=count)
        pairs = (member.split(" ") for member in members)
        return [Owner(tenant, keyspace.unpart(user)) for tenant, user in pairs]

    def forget(self, owner: Owner) -> None:
        with truth_errors():
            self._redis.zrem(keyspace.COMPACTION, _member(owner))

    def _at(self, after: float) -> int:
        return int((self._clock() + after) * 1000)


def _member(owner: Owner) -> str:
    return f"{owner.tenant} {keyspace.part(owner.user)}"
