"""The journal in Redis: the stream ``chat_log``, read by one consumer group."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace, payload
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.core.errors import EventConflict, InvalidRequest
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.journal import Entry, Receipt

#: Milliseconds that an ingest job may wait before the sweeper rings for it again.
SWEEP_MS = 2_000


class RedisJournal:
    """See :class:`memoryos_tasks.ports.journal.Journal`."""

    def __init__(
        self, truth: redis.Redis, codec: Codec, *, group: str = "memoryos", consumer: str = "", keep: float = 86400
    ) -> None:
        self._redis = truth
        self._codec = codec
        self._group = group
        self._consumer = consumer or uuid.uuid4().hex
        self._keep_ms = int(keep * 1000)
        self._append = script(truth, "journal_append")
        self._admit = script(truth, "journal_admit")
        self._applied = script(truth, "journal_applied")

    def append(
        self, owner: Owner, events: Sequence[Event], *, inbox: str = "", request_id: str = ""
    ) -> Receipt:
        job_id = f"job_{uuid.uuid4().hex}"
        tenant = owner.tenant
        keys = [
            keyspace.JOURNAL,
            keyspace.sequence(tenant),
            keyspace.events(owner),
            keyspace.state(owner),
            keyspace.job(tenant, job_id),
            keyspace.DUE,
        ]
        args: list[Any] = [
            tenant, job_id, f"{tenant} {job_id} ingest", SWEEP_MS, keyspace.part(owner.user), inbox, request_id, 0,
        ]
        with truth_errors():
            answer = self._append(keys, args + triples(events, self._codec))
        if answer[0] == "conflict":
            raise EventConflict(
                f"The event_id {answer[1]!r} was already used with other content; nothing was applied.",
                param="event_id",
            )
        return Receipt(tuple(answer[1]), tuple(answer[2]), job_id if answer[1] else None)

    def read(self, *, count: int) -> list[Entry]:
        with truth_errors():
            try:
                streams = self._read(count)
            except redis.ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                self._create_group()
                streams = self._read(count)
        return self._entries(streams[0][1] if streams else [])

    def _read(self, count: int) -> Any:
        return self._redis.xreadgroup(self._group, self._consumer, {keyspace.JOURNAL: ">"}, count=count)

    def _create_group(self) -> None:
        try:
            self._redis.xgroup_create(keyspace.JOURNAL, self._group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def reclaim(self, *, idle_seconds: float, count: int) -> list[Entry]:
        with truth_errors():
            try:
                answer: Any = self._redis.xautoclaim(
                    keyspace.JOURNAL, self._group, self._consumer, int(idle_seconds * 1000), count=count
                )
            except redis.ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                return []
        return self._entries(answer[1])

    def admit(self, entries: Sequence[Entry]) -> list[Entry]:
        if not entries:
            return []
        keys = [keyspace.ACTIVE]
        args: list[Any] = [int(time.time() * 1000)]
        for entry in entries:
            event = entry.event
            owner = event.owner
            keys += [keyspace.sequence(owner.tenant), keyspace.events(owner), keyspace.state(owner),
                     keyspace.stm(owner, event.session), keyspace.sessions(owner)]
            args += [event.event_id, event.digest, payload.dump(event, self._codec),
                     keyspace.active_member(owner, event.session), keyspace.part(event.session)]
        with truth_errors():
            answers = self._admit(keys, args)
        admitted = []
        for entry, (seq, outcome) in zip(entries, answers, strict=True):
            if outcome == "conflict":
                self._bury(entry.stream_id, "The journal entry's event_id was already used with other content.",
                           entry.event.event_id, entry.event.owner.tenant, payload.dump(entry.event, self._codec))
                continue
            admitted.append(Entry(entry.stream_id, replace(entry.event, seq=int(seq)), entry.job_id))
        return admitted

    def applied(self, entries: Sequence[Entry]) -> list[tuple[str, str, str]]:
        if not entries:
            return []
        keys = [keyspace.JOURNAL, keyspace.DUE]
        args: list[Any] = [self._group, self._keep_ms, int(time.time() * 1000)]
        tenants: dict[str, str] = {}
        for entry in entries:
            owner, job_id = entry.event.owner, entry.job_id or ""
            tenants[job_id] = owner.tenant
            keys += [keyspace.events(owner), keyspace.state(owner), keyspace.job(owner.tenant, job_id)]
            args += [entry.stream_id, entry.event.event_id, job_id, f"{owner.tenant} {job_id} ingest",
                     keyspace.part(entry.event.session)]
        with truth_errors():
            done = self._applied(keys, args)
        return [(tenants[job_id], job_id, inbox or "") for job_id, inbox in done]

    def trim(self) -> int:
        with truth_errors():
            try:
                groups: Any = self._redis.xinfo_groups(keyspace.JOURNAL)
            except redis.ResponseError as error:
                if "no such key" not in str(error):
                    raise
                return 0
            # The oldest entry that some group still needs: its oldest pending one, else what it reads next.
            needed = [self._oldest_pending(group["name"]) or _after(group["last-delivered-id"]) for group in groups]
            if not needed:
                return 0
            oldest = min(needed, key=_stream_order)
            dropped: Any = self._redis.xtrim(keyspace.JOURNAL, minid=oldest, approximate=True)
        return int(dropped)

    def _oldest_pending(self, group: str) -> str | None:
        summary: Any = self._redis.xpending(keyspace.JOURNAL, group)
        return summary["min"] if summary["pending"] else None

    def pending(self, owner: Owner) -> int:
        with truth_errors():
            value: Any = self._redis.hget(keyspace.state(owner), "pending")
        return int(value or 0)

    def _entries(self, raw: Sequence[tuple[str, dict[str, str] | None]]) -> list[Entry]:
        entries = []
        for stream_id, fields in raw:
            if not fields:
                continue  # Redis 6.2 hands out deleted entries without fields.
            try:
                entries.append(self._entry(stream_id, fields))
            except InvalidRequest as error:
                self._bury(stream_id, error.message, fields.get("event_id", ""), fields.get("tenant", "default"),
                           fields.get("payload", ""))
        return entries

    def _entry(self, stream_id: str, fields: dict[str, str]) -> Entry:
        tenant = fields.get("tenant") or "default"
        if not keyspace.TENANT.fullmatch(tenant):
            raise InvalidRequest("The journal entry's tenant is not a tenant name.", param="tenant")
        at = int(stream_id.split("-")[0]) / 1000
        event_id = fields.get("event_id") or stream_id
        event = payload.load(tenant, fields.get("payload", ""), self._codec, event_id=event_id, at=at)
        return Entry(stream_id, event, fields.get("job") or None)

    def _bury(self, stream_id: str, reason: str, event_id: str, tenant: str, body: str) -> None:
        """Move an entry that can never be applied to the dead letters, then acknowledge it."""
        with truth_errors():
            pipe = self._redis.pipeline(transaction=True)
            pipe.xadd(keyspace.DEAD_LETTERS, {"event_id": event_id, "tenant": tenant, "payload": body,
                                              "reason": reason, "stream_id": stream_id})
            pipe.xack(keyspace.JOURNAL, self._group, stream_id)
            pipe.execute()


def triples(events: Sequence[Event], codec: Codec) -> list[str]:
    """Flat event_id, digest, payload of each event: what ``lib_append.lua`` takes."""
    flat: list[str] = []
    for event in events:
        flat += [event.event_id, event.digest, payload.dump(event, codec)]
    return flat


def _stream_order(stream_id: str) -> tuple[int, int]:
    milliseconds, _, number = stream_id.partition("-")
    return int(milliseconds), int(number)


def _after(stream_id: str) -> str:
    milliseconds, number = _stream_order(stream_id)
    return f"{milliseconds}-{number + 1}"
