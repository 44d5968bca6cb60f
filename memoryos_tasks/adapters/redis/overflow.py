"""Sessions that hold more than short-term memory should, noted once however often they are named.

Noted in the traffic role and collected by beat once a second, so that a busy session is consolidated in
batches and not event by event. What is lost with the traffic role, the idle flush finds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import traffic_errors
from memoryos_tasks.core.events import Owner

_OVERFLOW = f"mos:{keyspace.SYSTEM}:overflow"


class RedisOverflow:
    """Raises :class:`TrafficDown` when the traffic store cannot be reached."""

    def __init__(self, traffic: redis.Redis) -> None:
        self._redis = traffic

    def note(self, sessions: Iterable[tuple[Owner, str]]) -> None:
        """Note sessions."""
        members = [keyspace.active_member(owner, session) for owner, session in sessions]
        if members:
            with traffic_errors():
                self._redis.sadd(_OVERFLOW, *members)

    def take(self, *, count: int) -> list[tuple[Owner, str]]:
        """At most ``count`` of the noted sessions; each is given out once."""
        with traffic_errors():
            members: Any = self._redis.spop(_OVERFLOW, count)
        return [keyspace.parse_active(member) for member in members or ()]
