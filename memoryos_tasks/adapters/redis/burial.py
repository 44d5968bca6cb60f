"""Journal entries that cannot be applied: to the dead letters ``chat_log:dlq``, then acknowledged, in one step."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace, payload
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.core.errors import EventConflict, InvalidRequest, Unreadable
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.dead_letters import SYSTEM_LETTERS
from memoryos_tasks.ports.journal import Ended, Entry
from memoryos_tasks.ports.ledger import Failure

#: Fields of a journal entry that hold no words.
OURS = ("event_id", "tenant", "seq", "job", "letter", "first_seen")
#: The kind of the jobs that wait for journaled events.
INGEST = "ingest"


class Burial:
    """Buries entries of one consumer group; ``keep_ms`` is how long a job that this ends can be asked about."""

    def __init__(self, truth: redis.Redis, codec: Codec, group: str, keep_ms: int) -> None:
        self._codec = codec
        self._group = group
        self._keep_ms = keep_ms
        self._bury = script(truth, "journal_bury")

    def event(self, entry: Entry, failure: Failure, attempts: int) -> list[Ended]:
        """An event that failed for good: it leaves short-term memory and waits for a replay."""
        fields = {**self._fields(entry), "seq": entry.event.seq, "job": entry.job_id or ""}
        return self._move(entry, fields, failure, attempts, digest=entry.event.digest)

    def stranger(self, entry: Entry) -> list[Ended]:
        """An entry whose event_id is that of another event, which stays as it is."""
        error = EventConflict("The journal entry's event_id was used before with other content.")
        return self._move(entry, self._fields(entry), Failure(error.described(), error.code), 1, digest="")

    def unreadable(self, stream_id: str, fields: Mapping[str, str], error: InvalidRequest | Unreadable) -> list[Ended]:
        """An entry that is no add-message, as it stands in the stream, or whose key is gone."""
        tenant = fields.get("tenant") or "default"
        owner = Owner(tenant if keyspace.TENANT.fullmatch(tenant) else "default", "")
        failure = Failure(error.described(), error.code)
        # Whose words these are cannot be told; any field may hold some.
        fields = {name: value if name in OURS else self._codec.seal(SYSTEM_LETTERS, value)
                  for name, value in fields.items()}
        return self._run(stream_id, owner, "", fields.get("job", ""), "", "",
                         self._letter(stream_id, fields, failure, 1, 0), failure)

    def _fields(self, entry: Entry) -> dict[str, Any]:
        event = entry.event
        return {"event_id": event.event_id, "tenant": event.owner.tenant, "payload": payload.dump(event, self._codec)}

    def _move(
        self, entry: Entry, fields: Mapping[str, Any], failure: Failure, attempts: int, *, digest: str
    ) -> list[Ended]:
        event = entry.event
        letter = self._letter(entry.stream_id, fields, failure, attempts, int(entry.first_seen * 1000))
        letter["message"] = self._codec.seal(event.owner, letter["message"])
        return self._run(entry.stream_id, event.owner, event.session, entry.job_id or "", digest, entry.letter, letter,
                         failure)

    def _letter(
        self, stream_id: str, fields: Mapping[str, Any], failure: Failure, attempts: int, first_seen: int
    ) -> dict[str, Any]:
        return {
            **fields,
            "stream_id": stream_id,
            "reason": failure.reason,
            "message": str(failure.error.get("message") or ""),
            "exception": failure.exception,
            "traceback": failure.traceback,
            "attempts": attempts,
            "first_seen": first_seen or int(stream_id.split("-")[0]),
            "last_seen": int(time.time() * 1000),
        }

    def _run(
        self,
        stream_id: str,
        owner: Owner,
        session: str,
        job_id: str,
        digest: str,
        replaced: str,
        letter: Mapping[str, Any],
        failure: Failure,
    ) -> list[Ended]:
        error = json.dumps(failure.error)
        keys = [keyspace.JOURNAL, keyspace.DEAD_LETTERS, keyspace.due(INGEST), keyspace.PENDING, keyspace.TRIES,
                keyspace.COUNTERS, keyspace.events(owner), keyspace.state(owner), keyspace.stm(owner, session),
                keyspace.job(owner.tenant, job_id), keyspace.ACTIVE]
        args = [self._group, stream_id, letter.get("event_id", ""), digest, keyspace.part(session), job_id,
                due_member(owner.tenant, job_id), self._keep_ms, letter["last_seen"],
                self._codec.seal(owner, error) if owner.user else error, failure.reason, replaced,
                keyspace.active_member(owner, session),
                *[item for pair in letter.items() for item in pair]]
        with truth_errors():
            answer = self._bury(keys, args)
        return [Ended(owner.tenant, job_id, answer[2], False)] if answer and answer[1] else []


def due_member(tenant: str, job_id: str) -> str:
    """An ingest job among those due for a sweep."""
    return f"{tenant} {job_id} {INGEST}"
