"""Single events of a user in the store of record, and the journal entries that are no longer needed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.adapters.redis.erase_events import STEP, EventRemains, Fields, event_id_of
from memoryos_tasks.core.events import Owner

#: No sequence number exceeds it.
ALL = 2**52


class SaidEvents:
    """Finds and removes events by their ids."""

    def __init__(self, truth: redis.Redis) -> None:
        self._redis = truth
        self._remains = EventRemains(truth)
        self._forget = script(truth, "erase_events")

    def remove(self, owner: Owner, event_ids: Sequence[str]) -> dict[str, int]:
        gone = {"journal": 0, "events": 0, "short_term": 0}
        if not event_ids:
            return gone
        for stream_id, fields, body in self._remains.entries(owner, ALL):
            if event_id_of(stream_id, fields, body) in event_ids:
                gone["journal"] += self._remains.remove_entry(owner, stream_id, fields, body)
        keys = [keyspace.events(owner), keyspace.state(owner), keyspace.PENDING]
        for start in range(0, len(event_ids), STEP):
            with truth_errors():
                gone["events"] += int(self._forget(keys, [ALL, *event_ids[start : start + STEP]]))
        for key, member, _ in self.shown(owner):
            if _id_of(member) in event_ids:
                with truth_errors():
                    removed: Any = self._redis.zrem(key, member)
                gone["short_term"] += int(removed)
        return gone

    def left(self, owner: Owner, event_ids: Sequence[str]) -> dict[str, int]:
        if not event_ids:
            return {"journal": 0, "events": 0, "short_term": 0}
        entries = (event_id_of(*entry) for entry in self._remains.entries(owner, ALL))
        with truth_errors():
            known: Any = self._redis.hmget(keyspace.events(owner), list(event_ids))
        return {
            "journal": sum(1 for id in entries if id in event_ids),
            "events": sum(1 for row in known if row is not None),
            "short_term": sum(1 for _, member, _ in self.shown(owner) if _id_of(member) in event_ids),
        }

    def shown(self, owner: Owner) -> Iterator[tuple[str, str, float]]:
        """Key, member and score of all that short-term memory shows."""
        for session in self._remains.sessions(owner):
            key = keyspace.stm_prefix(owner) + session
            with truth_errors():
                rows: Any = self._redis.zrange(key, 0, -1, withscores=True)
            yield from ((key, member, score) for member, score in rows)

    def drop_applied(self, owner: Owner, stale: Mapping[str, str]) -> None:
        """Drop the journal entries of these events, by the entry's number, that are in memory, or dead; the others
        wait."""
        rows: list[Any] = []
        for start in range(0, len(stale), STEP):
            with truth_errors():
                found: Any = self._redis.hmget(keyspace.events(owner), list(stale.values())[start : start + STEP])
            rows += found
        settled = [number for number, row in zip(stale, rows, strict=True) if row and not row.endswith(" s")]
        for start in range(0, len(settled), STEP):
            with truth_errors():
                self._redis.xdel(keyspace.JOURNAL, *settled[start : start + STEP])

    def entries(self, owner: Owner) -> Iterator[tuple[str, Fields, str]]:
        """Numbers, fields and event ids of the owner's journal entries."""
        for number, fields, body in self._remains.entries(owner, ALL):
            yield number, fields, event_id_of(number, fields, body)


def _id_of(member: str) -> str:
    return str(json.loads(member).get("event_id"))
