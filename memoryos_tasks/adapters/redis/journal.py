"""The journal in Redis: the stream ``chat_log``, read by one consumer group."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace, payload
from memoryos_tasks.adapters.redis.burial import INGEST, Burial, due_member
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.core.errors import EventConflict, InvalidRequest, QueueFull, Unreadable
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.journal import Ended, Entry, Receipt
from memoryos_tasks.ports.ledger import Failure

#: Seconds after which a client that found the queue full may send again.
RETRY_AFTER = 2.0
#: Milliseconds that an ingest job may wait before the sweeper rings for it again.
SWEEP_MS = 2_000
#: Milliseconds after which an ingest bell that nobody answered is rung again by the next append.
BELL_MS = 2_000
#: Milliseconds without a word after which a consumer that holds nothing is forgotten.
SILENT_MS = 3_600_000
#: Seconds for which an ingest job can be asked about: applied events are their own proof.
KEEP_SECONDS = 3_600.0
_STREAM_ID, _MILLISECONDS = re.compile(r"[0-9]{1,19}-[0-9]{1,19}"), re.compile(r"[0-9]{1,16}")
#: Events that may wait to be applied, unless the settings say otherwise.
MOST_PENDING = 100_000


class RedisJournal:
    """See :class:`memoryos_tasks.ports.journal.Journal`."""

    def __init__(
        self,
        truth: redis.Redis,
        codec: Codec,
        *,
        group: str = "memoryos",
        consumer: str = "",
        keep: float = KEEP_SECONDS,
        most_pending: int = MOST_PENDING,
    ) -> None:
        self._redis = truth
        self._codec = codec
        self._group = group
        self._consumer = consumer or uuid.uuid4().hex
        self._keep_ms = int(keep * 1000)
        self._most_pending = most_pending
        self._append = script(truth, "journal_append")
        self._admit = script(truth, "journal_admit")
        self._applied = script(truth, "journal_applied")
        self._burial = Burial(truth, codec, group, self._keep_ms)
        self._tidy = script(truth, "journal_tidy")

    def append(
        self, owner: Owner, events: Sequence[Event], *, inbox: str = "", request_id: str = ""
    ) -> Receipt:
        job_id = f"job_{uuid.uuid4().hex}"
        tenant = owner.tenant
        keys = [
            keyspace.JOURNAL,
            keyspace.sequence(tenant),
            keyspace.PENDING,
            keyspace.events(owner),
            keyspace.state(owner),
            keyspace.ACTIVE,
            keyspace.sessions(owner),
            keyspace.job(tenant, job_id),
            keyspace.due(INGEST),
            keyspace.BELL,
        ]
        args: list[Any] = [
            tenant, job_id, due_member(tenant, job_id), SWEEP_MS, keyspace.part(owner.user), inbox, request_id,
            keyspace.stm_prefix(owner), keyspace.active_member(owner, ""), self._most_pending, BELL_MS,
        ]
        with truth_errors():
            answer = self._append(keys, args + payload.rows(events, self._codec))
        if answer[0] == "conflict":
            raise EventConflict(
                f"The event_id {answer[1]!r} was already used with other content; nothing was applied.",
                param="event_id",
            )
        if answer[0] == "full":
            raise QueueFull(f"{answer[1]} events wait to be applied, so nothing was written; send again in a moment.",
                            retry_after=RETRY_AFTER)
        return Receipt(tuple(answer[1]), tuple(answer[2]), job_id if answer[1] else None, bool(answer[3]))

    def ring(self) -> bool:
        with truth_errors():
            return bool(self._redis.set(keyspace.BELL, 1, nx=True, px=BELL_MS))

    def answer(self) -> None:
        with truth_errors():
            self._redis.delete(keyspace.BELL)

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
            entries = self._entries(answer[1])
            if not entries:
                return []
            first, last = entries[0].stream_id, entries[-1].stream_id
            held: Any = self._redis.xpending_range(
                keyspace.JOURNAL, self._group, first, last, count=2 * count, consumername=self._consumer
            )
            self._redis.hincrby(keyspace.COUNTERS, "redelivered event", len(entries))
        times = {row["message_id"]: int(row["times_delivered"]) for row in held}
        return [replace(entry, deliveries=times.get(entry.stream_id, 1)) for entry in entries]

    def spare(self, entries: Sequence[Entry]) -> None:
        ids: Any = [entry.stream_id for entry in entries]
        if not ids:
            return
        with truth_errors():
            self._redis.xclaim(keyspace.JOURNAL, self._group, self._consumer, 0, ids, retrycount=0, justid=True)

    def admit(self, entries: Sequence[Entry]) -> list[Entry]:
        if not entries:
            return []
        keys = [keyspace.ACTIVE, keyspace.PENDING, keyspace.JOURNAL, keyspace.TRIES]
        args: list[Any] = [int(time.time() * 1000), self._group]
        for entry in entries:
            event = entry.event
            owner = event.owner
            keys += [keyspace.sequence(owner.tenant), keyspace.events(owner), keyspace.state(owner),
                     keyspace.sessions(owner)]
            args += [*payload.rows([event], self._codec), keyspace.stm_prefix(owner),
                     keyspace.active_member(owner, ""), entry.stream_id]
        with truth_errors():
            answers = self._admit(keys, args)
        admitted = []
        for entry, (seq, outcome) in zip(entries, answers, strict=True):
            if outcome == "conflict":
                self._burial.stranger(entry)
            elif outcome not in ("later", "gone"):
                admitted.append(replace(entry, event=replace(entry.event, seq=int(seq))))
        return admitted

    def applied(self, entries: Sequence[Entry]) -> list[Ended]:
        if not entries:
            return []
        keys = [keyspace.JOURNAL, keyspace.due(INGEST), keyspace.PENDING, keyspace.TRIES, keyspace.DEAD_LETTERS]
        args: list[Any] = [self._group, self._keep_ms, int(time.time() * 1000)]
        tenants: dict[str, str] = {}
        for entry in entries:
            owner, job_id = entry.event.owner, entry.job_id or ""
            tenants[job_id] = owner.tenant
            keys += [keyspace.events(owner), keyspace.state(owner), keyspace.job(owner.tenant, job_id)]
            args += [entry.stream_id, entry.event.event_id, job_id, due_member(owner.tenant, job_id),
                     keyspace.part(entry.event.session), entry.letter, entry.event.digest]
        with truth_errors():
            done = self._applied(keys, args)
        return [Ended(tenants[job_id], job_id, inbox or "", status == "succeeded") for job_id, inbox, status in done]

    def erased(self, events: Sequence[Event]) -> list[Event]:
        if not events:
            return []
        with truth_errors():
            pipe = self._redis.pipeline(transaction=False)
            for event in events:
                pipe.hexists(keyspace.events(event.owner), event.event_id)
            known = pipe.execute()
        return [event for event, there in zip(events, known, strict=True) if not there]

    def tried(self, entry: Entry, times: int = 1) -> int:
        with truth_errors():
            tries = int(self._redis.hincrby(keyspace.TRIES, entry.stream_id, times))
            if tries <= 0:
                self._redis.hdel(keyspace.TRIES, entry.stream_id)
        return tries

    def bury(self, entry: Entry, failure: Failure, attempts: int) -> list[Ended]:
        return self._burial.event(entry, failure, attempts)

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
            self._tidy([keyspace.JOURNAL], [self._group, SILENT_MS])
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

    def standing(self, owner: Owner) -> tuple[int, int]:
        with truth_errors():
            pending, settled = self._redis.hmget(keyspace.state(owner), "pending", "settled")
        return int(pending or 0), int(settled or 0)

    def _entries(self, raw: Sequence[tuple[str, dict[str, str] | None]]) -> list[Entry]:
        entries = []
        for stream_id, fields in raw:
            if not fields:
                continue  # Redis 6.2 hands out deleted entries without fields.
            try:
                entries.append(self._entry(stream_id, fields))
            except payload.NewerPayload:
                continue  # It stays pending until a newer process asks for it.
            except (InvalidRequest, Unreadable) as error:
                self._burial.unreadable(stream_id, fields, error)
        return entries

    def _entry(self, stream_id: str, fields: dict[str, str]) -> Entry:
        tenant = fields.get("tenant") or "default"
        if not keyspace.TENANT.fullmatch(tenant):
            raise InvalidRequest("The journal entry's tenant is not a tenant name.", param="tenant")
        at = int(stream_id.split("-")[0]) / 1000
        event_id = fields.get("event_id") or stream_id
        event = payload.load(tenant, fields.get("payload", ""), self._codec, event_id=event_id, at=at)
        # A replay names its letter so; in an entry that was put in by hand these may be anything.
        letter, first_seen = fields.get("letter", ""), fields.get("first_seen", "")
        replays = _STREAM_ID.fullmatch(letter) and _MILLISECONDS.fullmatch(first_seen)
        return Entry(stream_id, event, fields.get("job") or None, letter if replays else "",
                     int(first_seen) / 1000 if replays else 0.0)


def _stream_order(stream_id: str) -> tuple[int, int]:
    milliseconds, _, number = stream_id.partition("-")
    return int(milliseconds), int(number)


def _after(stream_id: str) -> str:
    milliseconds, number = _stream_order(stream_id)
    return f"{milliseconds}-{number + 1}"
