"""Dead letters in Redis: one stream a queue, and ``chat_log:dlq`` for events."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace, payload
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.core.errors import InvalidRequest, MemoryOSError, NotFound, Unreadable
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.settings import Jobs
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.dead_letters import EVENTS, SYSTEM_LETTERS, Letter, Replayed
from memoryos_tasks.queues import CHAT, QUEUES, TASKS

LISTS = (EVENTS, *QUEUES)


class RedisDeadLetters:
    """See :class:`memoryos_tasks.ports.dead_letters.DeadLetters`."""

    def __init__(self, truth: redis.Redis, codec: Codec, jobs: Jobs) -> None:
        self._redis = truth
        self._codec = codec
        self._deadline_ms = int(jobs.chat_deadline * 1000)
        self._replay_event = script(truth, "event_replay")
        self._replay_job = script(truth, "job_replay")

    def counts(self) -> Mapping[str, int]:
        with truth_errors():
            pipe = self._redis.pipeline(transaction=False)
            for queue in LISTS:
                pipe.xlen(_stream(queue))
            return dict(zip(LISTS, map(int, pipe.execute()), strict=True))

    def page(self, queue: str, *, count: int, after: str = "") -> tuple[Sequence[Letter], str | None]:
        start = f"({_number(after)}" if after else "-"
        with truth_errors():
            rows: Any = self._redis.xrange(_stream(queue), min=start, count=count + 1)
        letters = [self._letter(queue, number, fields) for number, fields in rows[:count]]
        return letters, letters[-1].id if len(rows) > count else None

    def get(self, id: str) -> Letter:
        return self._letter(*self._found(id))

    def replay(self, id: str) -> Replayed:
        queue, number, fields = self._found(id)
        answer = self._event(number, fields) if queue == EVENTS else self._job(queue, number, fields)
        if answer == "gone":
            raise _missing(id)
        return Replayed(answer)

    def purge(self, id: str) -> bool:
        queue, number = _parse(id)
        with truth_errors():
            return bool(self._redis.xdel(_stream(queue), number))

    def bury(self, letter: Letter) -> str:
        fields: dict[Any, Any] = {
            "kind": letter.kind, "queue": letter.queue, "task": letter.task, "reason": letter.reason,
            "message": letter.message, "exception": letter.exception, "traceback": letter.traceback,
            "attempts": letter.attempts, "first_seen": int(letter.first_seen * 1000),
            "last_seen": int(letter.last_seen * 1000), "request_id": letter.request_id, "tenant": letter.tenant,
            "subject": letter.subject, "headers": self._codec.seal(SYSTEM_LETTERS, json.dumps(letter.headers)),
            "raw": self._codec.seal(SYSTEM_LETTERS, letter.body),
        }
        with truth_errors():
            pipe = self._redis.pipeline(transaction=True)
            pipe.xadd(_stream(letter.queue), fields)
            pipe.hincrby(keyspace.COUNTERS, f"dead {letter.reason}", 1)
            number = pipe.execute()[0]
        return f"{letter.queue}:{number}"

    def _event(self, number: str, fields: Mapping[str, str]) -> str:
        event = self._event_of(fields)
        if event is None:
            return Replayed.IMPOSSIBLE
        owner = event.owner
        keys = [keyspace.JOURNAL, keyspace.DEAD_LETTERS, keyspace.sequence(owner.tenant), keyspace.PENDING,
                keyspace.events(owner), keyspace.state(owner), keyspace.ACTIVE, keyspace.sessions(owner)]
        event_id, digest, body, session = payload.rows([event], self._codec)
        args = [number, owner.tenant, event_id, digest, body, session, keyspace.stm_prefix(owner),
                keyspace.active_member(owner, ""), int(time.time() * 1000), fields.get("first_seen", "")]
        with truth_errors():
            return str(self._replay_event(keys, args))

    def _event_of(self, fields: Mapping[str, str]) -> Event | None:
        """The event of a letter, if its payload can be read by now."""
        tenant = fields.get("tenant") or "default"
        if not keyspace.TENANT.fullmatch(tenant):
            return None
        number = str(fields.get("stream_id") or "0-0")
        with suppress(InvalidRequest, Unreadable, payload.NewerPayload):
            return payload.load(tenant, self._nobodys(fields, "payload"), self._codec,
                                event_id=fields.get("event_id") or number, at=int(number.split("-")[0]) / 1000)
        return None

    def _job(self, queue: str, number: str, fields: Mapping[str, str]) -> str:
        kind = fields.get("kind", "")
        if kind not in TASKS:
            return Replayed.IMPOSSIBLE
        tenant, subject = fields["tenant"], fields["subject"]
        keys = [_stream(queue), keyspace.job(tenant, subject), keyspace.due(kind)]
        deadline = self._deadline_ms if kind == CHAT else 0
        with truth_errors():
            return str(self._replay_job(keys, [number, f"{tenant} {subject} {kind}", deadline]))

    def _found(self, id: str) -> tuple[str, str, dict[str, str]]:
        queue, number = _parse(id)
        with truth_errors():
            rows: Any = self._redis.xrange(_stream(queue), min=number, max=number)
        if not rows:
            raise _missing(id)
        return queue, number, rows[0][1]

    def _letter(self, queue: str, number: str, fields: Mapping[str, str]) -> Letter:
        letter = Letter(
            id=f"{queue}:{number}",
            queue=queue,
            kind=fields.get("kind") or "event",
            reason=fields.get("reason", ""),
            message=fields.get("message", ""),
            tenant=fields.get("tenant", ""),
            subject=fields.get("subject") or fields.get("event_id", ""),
            task=fields.get("task", ""),
            exception=fields.get("exception", ""),
            traceback=fields.get("traceback", ""),
            attempts=int(fields.get("attempts") or 0),
            first_seen=int(fields.get("first_seen") or 0) / 1000,
            last_seen=int(fields.get("last_seen") or 0) / 1000,
            request_id=fields.get("request_id", ""),
        )
        if queue == EVENTS:
            return self._event_letter(letter, fields)
        return replace(letter, headers=json.loads(self._nobodys(fields, "headers") or "{}"),
                       body=self._body(fields), message=self._opened(_owner(fields), letter.message),
                       replaying=letter.kind in TASKS and self._open(letter))

    def _event_letter(self, letter: Letter, fields: Mapping[str, str]) -> Letter:
        event = self._event_of(fields)
        # The fields of an entry that was put in by hand may have any names.
        letter = replace(letter, kind="event", subject=fields.get("event_id", ""), task="", request_id="")
        headers = {name: fields[name] for name in ("event_id", "stream_id", "seq", "job") if fields.get(name)}
        if event is None:
            return replace(letter, headers=headers, body=self._nobodys(fields, "payload"))
        with truth_errors():
            row: Any = self._redis.hget(keyspace.events(event.owner), event.event_id)
        waiting = bool(row) and row.startswith(event.digest) and row.endswith(" s")
        headers["user_id"] = event.owner.user
        letter = replace(letter, message=self._opened(event.owner, letter.message))
        return replace(letter, headers=headers, body=event.content, replaying=waiting)

    def _body(self, fields: Mapping[str, str]) -> str:
        if fields.get("raw"):
            return self._nobodys(fields, "raw")
        return self._opened(_owner(fields), fields.get("body", ""))

    def _opened(self, owner: Owner, sealed: str) -> str:
        try:
            return self._codec.open(owner, sealed)
        except MemoryOSError as error:
            return f"({error.message})"

    def _nobodys(self, fields: Mapping[str, str], name: str) -> str:
        """A field of what cannot be told to be any user's."""
        return self._codec.open(SYSTEM_LETTERS, fields.get(name, ""))

    def _open(self, letter: Letter) -> bool:
        with truth_errors():
            status: Any = self._redis.hget(keyspace.job(letter.tenant, letter.subject), "status")
        return status in ("queued", "running")


def _owner(fields: Mapping[str, str]) -> Owner:
    return Owner(fields.get("tenant", ""), keyspace.unpart(fields.get("user", "")))


def _stream(queue: str) -> str:
    return keyspace.DEAD_LETTERS if queue == EVENTS else keyspace.dead_letters(queue)


def _parse(id: str) -> tuple[str, str]:
    queue, _, number = id.rpartition(":")
    if queue not in LISTS or not _is_number(number):
        raise _missing(id)
    return queue, number


def _number(id: str) -> str:
    return _parse(id)[1]


def _is_number(text: str) -> bool:
    first, _, second = text.partition("-")
    return text.isascii() and first.isdecimal() and second.isdecimal() and max(len(first), len(second)) <= 19


def _missing(id: str) -> NotFound:
    return NotFound(f"There is no dead letter {id!r}; it was replayed or purged.", param="id")
