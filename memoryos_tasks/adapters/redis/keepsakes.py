"""What vendors want back with the results of tools, in Redis; sealed, since some of it is what a model thought.

In the traffic role: a keepsake that is lost costs a model its train of thought, not an answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, traffic_errors
from memoryos_tasks.core.errors import Unavailable, Unreadable
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.codec import Codec

#: Seconds that an owner's keepsakes stay after the newest; those that are older go when another comes.
KEEP_SECONDS = 86_400
#: Most keepsakes of one owner, and most bytes of them all; the oldest go first.
MOST = 500
MOST_BYTES = 4 * 1024 * 1024
#: Most bytes of one, sealed; a larger one is not kept.
LARGEST = 512 * 1024


class RedisKeepsakes:
    """See :class:`memoryos_tasks.ports.keepsakes.Keepsakes`."""

    def __init__(self, traffic: redis.Redis, codec: Codec) -> None:
        self._redis = traffic
        self._codec = codec
        self._keep = script(traffic, "keepsakes_keep")

    def keep(self, owner: Owner, parts: Mapping[str, Mapping[str, Any]]) -> None:
        pairs: list[str] = []
        try:
            for id, part in parts.items():
                sealed = self._codec.seal(owner, json.dumps(part, separators=(",", ":")))
                if id and len(sealed) <= LARGEST:
                    pairs += [id, sealed]
            if pairs:
                with traffic_errors():
                    self._keep(_keys(owner), [MOST, MOST_BYTES, KEEP_SECONDS * 1000, *pairs])
        except Unavailable:
            return  # Best effort: the answer goes on without.

    def kept(self, owner: Owner, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        wanted = [id for id in dict.fromkeys(ids) if id][-MOST:]
        if not wanted:
            return {}
        try:
            with traffic_errors():
                rows: Any = self._redis.hmget(keyspace.keepsakes(owner), wanted)
            return {id: part for id, row in zip(wanted, rows, strict=True) if (part := self._opened(owner, row))}
        except Unavailable:
            return {}  # Best effort: the question goes out without.

    def forget(self, owner: Owner) -> int:
        """Forget them all; how many there were. Raises :class:`TrafficDown`."""
        ours, ages = _keys(owner)
        with traffic_errors():
            pipe = self._redis.pipeline(transaction=True)
            pipe.zcard(ages)
            pipe.delete(ours, ages)
            return int(pipe.execute()[0])

    def _opened(self, owner: Owner, sealed: str | None) -> dict[str, Any]:
        if sealed is None:
            return {}
        try:
            opened: dict[str, Any] = json.loads(self._codec.open(owner, sealed))
        except Unreadable:
            return {}  # Its user was erased.
        return opened


def _keys(owner: Owner) -> list[str]:
    return [keyspace.keepsakes(owner), keyspace.keepsake_ages(owner)]
