"""Short-term memory in Redis: per session a sorted set of events by sequence number."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace, payload
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.ports.codec import Codec


class RedisStm:
    """See :class:`memoryos_tasks.ports.stm.Stm`."""

    def __init__(self, truth: redis.Redis, codec: Codec) -> None:
        self._redis = truth
        self._codec = codec
        self._drop = script(truth, "stm_drop")

    def newest(self, owner: Owner, session: str, *, count: int) -> list[Event]:
        with truth_errors():
            rows: Any = self._redis.zrevrange(keyspace.stm(owner, session), 0, count - 1, withscores=True)
        return [self._event(owner, body, seq) for body, seq in reversed(rows)]

    def settled(self, owner: Owner, session: str, *, count: int) -> list[Event] | None:
        with truth_errors():
            pipe = self._redis.pipeline(transaction=False)
            pipe.hmget(keyspace.state(owner), "pending", f"shown:{keyspace.part(session)}")
            pipe.zrevrange(keyspace.stm(owner, session), 0, count - 1, withscores=True)
            (pending, shown), rows = pipe.execute()
        if int(pending or 0) > int(shown or 0):
            return None
        return [self._event(owner, body, seq) for body, seq in reversed(rows)]

    def unapplied(self, owner: Owner, session: str) -> int:
        with truth_errors():
            shown: Any = self._redis.hget(keyspace.state(owner), f"shown:{keyspace.part(session)}")
        return int(shown or 0)

    def oldest(self, owner: Owner, session: str, *, count: int) -> list[Event]:
        with truth_errors():
            rows: Any = self._redis.zrange(keyspace.stm(owner, session), 0, count - 1, withscores=True)
        return [self._event(owner, body, seq) for body, seq in rows]

    def size(self, owner: Owner, session: str) -> int:
        with truth_errors():
            held: Any = self._redis.zcard(keyspace.stm(owner, session))
        return int(held)

    def drop(self, owner: Owner, session: str, events: Sequence[Event]) -> None:
        keys = [keyspace.stm(owner, session), keyspace.ACTIVE]
        with truth_errors():
            self._drop(keys, [keyspace.active_member(owner, session), *(event.seq for event in events)])

    def sessions(self, owner: Owner, *, count: int) -> list[str]:
        with truth_errors():
            found: Any = self._redis.zrevrange(keyspace.sessions(owner), 0, count - 1)
        return [keyspace.unpart(session) for session in found]

    def idle(self, *, seconds: float, count: int) -> list[tuple[Owner, str]]:
        before = int((time.time() - seconds) * 1000)
        with truth_errors():
            members: Any = self._redis.zrangebyscore(keyspace.ACTIVE, "-inf", before, start=0, num=count)
        return [keyspace.parse_active(member) for member in members]

    def _event(self, owner: Owner, body: str, seq: float) -> Event:
        event = payload.load(owner.tenant, body, self._codec)
        return replace(event, seq=int(seq))
