"""A user's events in the store of record: journal, short-term memory, and what is known of each."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.burial import INGEST, due_member
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.core.events import Owner

#: Entries, rows or sessions read in one step.
STEP = 500
#: Milliseconds for which an ingest job whose events are gone can be asked about.
KEEP_MS = 60_000

Fields = Mapping[str, str]


class EventRemains:
    """Finds and removes the events of one owner that are numbered up to ``cut``."""

    def __init__(self, truth: redis.Redis) -> None:
        self._redis = truth
        self._entry = script(truth, "erase_entry")
        self._events = script(truth, "erase_events")
        self._session = script(truth, "erase_session")

    def remove(self, owner: Owner, cut: int) -> dict[str, int]:
        # First the journal, so that nobody begins to apply one; what is known of the events before anything that was
        # made of them, so that a run which is at it finds out before or after.
        gone = {"journal": sum(self.remove_entry(owner, *entry) for entry in self.entries(owner, cut))}
        gone["events"] = 0
        for ids in self._known(owner):
            keys = [keyspace.events(owner), keyspace.state(owner), keyspace.PENDING]
            with truth_errors():
                gone["events"] += int(self._events(keys, [cut, *ids]))
        gone["short_term"] = 0
        for session in self.sessions(owner):
            keys = [keyspace.stm_prefix(owner) + session, keyspace.ACTIVE, keyspace.sessions(owner)]
            with truth_errors():
                gone["short_term"] += int(
                    self._session(keys, [cut, keyspace.active_member(owner, "") + session, session])
                )
        return gone

    def left(self, owner: Owner, cut: int) -> dict[str, int]:
        return {
            "journal": sum(1 for _ in self.entries(owner, cut)),
            "events": sum(self._numbered(owner, ids, cut) for ids in self._known(owner)),
            "short_term": sum(self._shown(owner, session, cut) for session in self.sessions(owner)),
        }

    def remove_entry(self, owner: Owner, stream_id: str, fields: Fields, body: Mapping[str, Any]) -> int:
        """Take an entry out of the journal as if it had been applied; how many."""
        job_id, event_id = fields.get("job", ""), event_id_of(stream_id, fields, body)
        keys = [keyspace.JOURNAL, keyspace.due(INGEST), keyspace.PENDING, keyspace.TRIES, keyspace.events(owner),
                keyspace.state(owner), keyspace.job(owner.tenant, job_id)]
        args = [stream_id, event_id, keyspace.part(str(body.get("session_id") or "default")), job_id,
                due_member(owner.tenant, job_id), KEEP_MS, int(time.time() * 1000)]
        with truth_errors():
            return int(self._entry(keys, args))

    def entries(self, owner: Owner, cut: int) -> Iterator[tuple[str, Fields, Mapping[str, Any]]]:
        """The owner's journal entries; those without a number were put in by hand and are not applied yet."""
        for stream_id, fields in streamed(self._redis, keyspace.JOURNAL):
            body = body_of(owner, fields)
            number = fields.get("seq", "0")
            if body is not None and (not number.isdecimal() or int(number) <= cut):
                yield stream_id, fields, body

    def _known(self, owner: Owner) -> Iterator[list[str]]:
        cursor = 0
        while True:
            with truth_errors():
                answer: Any = self._redis.hscan(keyspace.events(owner), cursor, count=STEP)
            cursor, rows = int(answer[0]), answer[1]
            if rows:
                yield list(rows)
            if not cursor:
                return

    def _numbered(self, owner: Owner, ids: list[str], cut: int) -> int:
        with truth_errors():
            rows: Any = self._redis.hmget(keyspace.events(owner), ids)
        return sum(1 for row in rows if row and int(row.split(" ")[1]) <= cut)

    def sessions(self, owner: Owner) -> list[str]:
        """The owner's sessions, as parts of keys."""
        with truth_errors():
            names: Any = self._redis.zrange(keyspace.sessions(owner), 0, -1)
        return list(names)

    def _shown(self, owner: Owner, session: str, cut: int) -> int:
        with truth_errors():
            count: Any = self._redis.zcount(keyspace.stm_prefix(owner) + session, "-inf", cut)
        return int(count)


def streamed(client: redis.Redis, key: str) -> Iterator[tuple[str, Fields]]:
    """Every entry of a stream, oldest first, up to what was its end at the start."""
    with truth_errors():
        last: Any = client.xrevrange(key, count=1)
    after = "-"
    while last:
        with truth_errors():
            rows: Any = client.xrange(key, min=after, max=last[0][0], count=STEP)
        yield from rows
        if len(rows) < STEP:
            return
        after = f"({rows[-1][0]}"


def event_id_of(stream_id: str, fields: Fields, body: Mapping[str, Any]) -> str:
    """The event's id, which an entry that was put in by hand may leave out."""
    return str(body.get("event_id") or fields.get("event_id") or stream_id)


def body_of(owner: Owner, fields: Fields, payload: str | None = None) -> Mapping[str, Any] | None:
    """The payload of a journal entry or of its letter, its text sealed, when it is this owner's."""
    if (fields.get("tenant") or "default") != owner.tenant:
        return None
    try:
        body = json.loads(fields.get("payload", "") if payload is None else payload)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) and body.get("user_id") == owner.user else None
