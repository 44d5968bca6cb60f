"""Visits of segments, counted beside the read path and collected in batches; may be lost with the traffic role."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import traffic_errors
from memoryos_tasks.core.events import Owner

#: Owners with visits to collect.
_VISITED = f"mos:{keyspace.SYSTEM}:visited"
#: Seconds that uncollected visits stay.
KEEP_SECONDS = 86_400


class RedisVisits:
    """Raises :class:`TrafficDown` when the traffic store cannot be reached."""

    def __init__(self, traffic: redis.Redis) -> None:
        self._redis = traffic

    def note(self, owner: Owner, segment_ids: Iterable[str]) -> None:
        """Count one visit of each segment."""
        key = keyspace.visits(owner)
        with traffic_errors():
            pipe = self._redis.pipeline(transaction=False)
            for segment_id in segment_ids:
                pipe.hincrby(key, segment_id, 1)
            pipe.expire(key, KEEP_SECONDS)
            pipe.sadd(_VISITED, f"{owner.tenant} {keyspace.part(owner.user)}")
            pipe.execute()

    def owners(self, *, count: int) -> list[Owner]:
        """Owners with visits to collect, at most ``count``; each is given out once."""
        with traffic_errors():
            members: Any = self._redis.spop(_VISITED, count)
        pairs = (member.split(" ") for member in members or ())
        return [Owner(tenant, keyspace.unpart(user)) for tenant, user in pairs]

    def take(self, owner: Owner) -> dict[str, int]:
        """The visits by segment id since the last take."""
        key = keyspace.visits(owner)
        with traffic_errors():
            pipe = self._redis.pipeline(transaction=True)
            pipe.hgetall(key)
            pipe.delete(key)
            counts: Any = pipe.execute()[0]
        return {segment_id: int(count) for segment_id, count in counts.items()}
