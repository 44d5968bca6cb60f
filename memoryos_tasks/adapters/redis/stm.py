"""Short-term memory in Redis: per session a sorted set of events by sequence number."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace, payload
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.core.errors import LostClaim
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.ports.codec import Codec

#: Sessions that are looked into in one step.
SESSIONS = 500


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

    def preceding(self, before: Mapping[tuple[Owner, str], int], *, count: int) -> list[list[Event]]:
        with truth_errors():
            pipe = self._redis.pipeline(transaction=False)
            for (owner, session), seq in before.items():
                key = keyspace.stm(owner, session)
                pipe.zrevrangebyscore(key, f"({seq}", "-inf", start=0, num=count, withscores=True)
            found = pipe.execute()
        return [
            [self._event(owner, body, seq) for body, seq in reversed(rows)]
            for (owner, _), rows in zip(before, found, strict=True)
        ]

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

    def sizes(self, sessions: Sequence[tuple[Owner, str]]) -> list[int]:
        with truth_errors():
            pipe = self._redis.pipeline(transaction=False)
            for owner, session in sessions:
                pipe.zcard(keyspace.stm(owner, session))
            return [int(size) for size in pipe.execute()]

    def size(self, owner: Owner, session: str) -> int:
        with truth_errors():
            held: Any = self._redis.zcard(keyspace.stm(owner, session))
        return int(held)

    def drop(self, owner: Owner, session: str, events: Sequence[Event], *, token: int) -> None:
        keys = [keyspace.stm(owner, session), keyspace.ACTIVE, keyspace.lock(owner)]
        args = [keyspace.active_member(owner, session), token, *(event.seq for event in events)]
        with truth_errors():
            if self._drop(keys, args) < 0:
                raise LostClaim("The lock on this user's memory was lost; another run goes on.")

    def latest(self, owner: Owner) -> int:
        with truth_errors():
            value: Any = self._redis.get(keyspace.sequence(owner.tenant))
        return int(value or 0)

    def following(self, owner: Owner, session: str | None, *, after: int, count: int) -> list[Event]:
        names = [keyspace.part(session)] if session is not None else self._sessions(owner, -1)
        found: list[tuple[float, str]] = []
        for start in range(0, len(names), SESSIONS):
            with truth_errors():
                pipe = self._redis.pipeline(transaction=False)
                for name in names[start : start + SESSIONS]:
                    key = keyspace.stm_prefix(owner) + name
                    pipe.zrangebyscore(key, f"({after}", "+inf", start=0, num=count, withscores=True)
                found += [(seq, body) for rows in pipe.execute() for body, seq in rows]
            found = sorted(found)[:count]
        return [self._event(owner, body, seq) for seq, body in found]

    def sessions(self, owner: Owner, *, count: int) -> list[str]:
        return [keyspace.unpart(session) for session in self._sessions(owner, count - 1)]

    def _sessions(self, owner: Owner, last: int) -> list[str]:
        with truth_errors():
            names: Any = self._redis.zrevrange(keyspace.sessions(owner), 0, last)
        return list(names)

    def idle(self, *, seconds: float, count: int) -> list[tuple[Owner, str]]:
        before = int((time.time() - seconds) * 1000)
        with truth_errors():
            members: Any = self._redis.zrangebyscore(keyspace.ACTIVE, "-inf", before, start=0, num=count)
        return [keyspace.parse_active(member) for member in members]

    def _event(self, owner: Owner, body: str, seq: float) -> Event:
        event = payload.load(owner.tenant, body, self._codec)
        return replace(event, seq=int(seq))
