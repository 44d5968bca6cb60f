"""The plane's sessions in the store of record: a list each, sealed with its user's key."""

from __future__ import annotations

import json
from collections.abc import Sequence

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.adapters.redis.rows import scanned
from memoryos_tasks.core.errors import Unreadable
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.sessions import Exchange
from memoryos_tasks.ports.codec import Codec


class RedisSessions:
    """See :class:`memoryos_tasks.ports.plane.sessions.Sessions`."""

    def __init__(self, truth: redis.Redis, codec: Codec) -> None:
        self._redis = truth
        self._codec = codec
        self._keep = script(truth, "plane_session_keep")

    def read(self, owner: Owner, session: str) -> Sequence[Exchange]:
        with truth_errors():
            held = [str(each) for each in self._redis.lrange(keyspace.plane_session(owner, session), 0, -1)]
        found = []
        for entry in held:
            job_id, _, sealed = entry.partition(" ")
            try:
                row = json.loads(self._codec.open(owner, sealed))
            except Unreadable:
                continue
            found.append(Exchange(job_id, row["at"], tuple(row["messages"])))
        return found

    def keep(self, owner: Owner, session: str, exchange: Exchange, *, most: int, lifetime: float) -> None:
        row = {"at": exchange.at, "messages": [dict(each) for each in exchange.messages]}
        sealed = self._codec.seal(owner, json.dumps(row, ensure_ascii=False))
        with truth_errors():
            self._keep([keyspace.plane_session(owner, session)],
                       [exchange.job_id, sealed, most, max(1, int(lifetime * 1000))])

    def close(self, owner: Owner, session: str) -> bool:
        with truth_errors():
            return bool(self._redis.delete(keyspace.plane_session(owner, session)))

    def of(self, owner: Owner) -> list[str]:
        """The keys of all sessions of the owner."""
        pattern = keyspace.plane_session(owner, "") + "*"
        return [key for keys in scanned(self._redis, pattern, truth_errors) for key in keys]

    def forget(self, owner: Owner) -> None:
        """Forget all sessions of the owner, who is to be erased."""
        keys = self.of(owner)
        with truth_errors():
            if keys:
                self._redis.delete(*keys)
