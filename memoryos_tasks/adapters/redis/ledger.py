"""The job ledger in Redis: a hash a job, and one sorted set of what is due for a sweep."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.adapters.redis.payload import rows
from memoryos_tasks.core.errors import (
    Cancelled,
    DeadlineExceeded,
    EventConflict,
    LostClaim,
    NotFound,
    QueueFull,
    WorkerLost,
)
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.settings import Jobs
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.ledger import Claim, Failure, Job, Status
from memoryos_tasks.queues import OWN, TASKS, WAITED_FOR

#: What a closed job keeps of its request: how to replay it, and what tells a repeated request from another.
KEPT = ("stream", "digest")
#: Milliseconds for which a job of our own that died is not begun again: its letter asks for a hand first.
REST_MS = 300_000
#: Seconds after which a client that found the queue full may ask again.
RETRY_AFTER = 2.0


class RedisLedger:
    """See :class:`memoryos_tasks.ports.ledger.Ledger`."""

    def __init__(self, truth: redis.Redis, codec: Codec, jobs: Jobs) -> None:
        self._redis = truth
        self._codec = codec
        self._lease_ms = int(jobs.lease_seconds * 1000)
        self._unclaimed_ms = int(jobs.unclaimed_seconds * 1000)
        self._keep_ms = int(jobs.result_ttl * 1000)
        self._chat_ms = int(jobs.chat_deadline * 1000)
        self._most_attempts = jobs.max_attempts
        self._most_open = jobs.max_queued
        self._create = script(truth, "job_create")
        self._want = script(truth, "job_want")
        self._claim = script(truth, "job_claim")
        self._renew = script(truth, "job_renew")
        self._progress = script(truth, "job_progress")
        self._finish = script(truth, "job_finish")
        self._retry = script(truth, "job_retry")
        self._bury = script(truth, "job_bury")
        self._cancel = script(truth, "job_cancel")
        self._due = script(truth, "job_due")

    def create(self, job: Job) -> bool:
        request = self._codec.seal(job.owner, json.dumps(job.request, ensure_ascii=False))
        kept = {key: value for key, value in job.request.items() if key in KEPT}
        deadline = self._chat_ms if job.kind in WAITED_FOR else 0
        args = [_member(job), self._unclaimed_ms, deadline, job.id, keyspace.part(job.owner.user), job.kind,
                request, job.inbox, job.request_id, json.dumps(kept), uuid.uuid4().hex, self._most_open]
        with truth_errors():
            answer = int(self._create(_keys(job), args))
        if answer < 0:
            raise QueueFull(f"{self._most_open} {job.kind} jobs are open already; send this one again in a moment.",
                            retry_after=RETRY_AFTER)
        return answer == 1

    def want(self, job: Job, *, delay: float) -> None:
        request = self._codec.seal(job.owner, json.dumps(job.request, ensure_ascii=False))
        args = [_member(job), int(delay * 1000), job.id, keyspace.part(job.owner.user), job.kind, request, REST_MS]
        with truth_errors():
            self._want(_keys(job), args)

    def get(self, tenant: str, job_id: str) -> Job:
        with truth_errors():
            row: Any = self._redis.hgetall(keyspace.job(tenant, job_id))
        if not row:
            raise NotFound(f"There is no job {job_id!r}; results are kept for a limited time.", param="id")
        return self._job(tenant, row)

    def _job(self, tenant: str, row: Mapping[str, str]) -> Job:
        owner = Owner(tenant, keyspace.unpart(row["user"]))
        total, left = int(row.get("total", 0)), int(row.get("remaining", 0))
        status = Status(row["status"])
        progress = 1.0 if status is Status.SUCCEEDED else (total - left) / total if total else 0.0
        return Job(
            id=row["id"],
            owner=owner,
            kind=row["kind"],
            status=status,
            attempts=int(row["attempts"]),
            waits=int(row.get("waits", 0)),
            progress=progress,
            request=self._open(owner, row.get("request")) or json.loads(row.get("kept") or "{}"),
            result=self._open(owner, row.get("result")),
            error=self._open(owner, row.get("error")),
            inbox=row.get("inbox", ""),
            request_id=row.get("request_id", ""),
            created_at=int(row["created_at"]) / 1000,
            deadline=int(row["deadline"]) / 1000,
        )

    def claim(self, tenant: str, job_id: str) -> Claim | None:
        keys = [keyspace.job(tenant, job_id), keyspace.claims(tenant)]
        with truth_errors():
            flat = self._claim(keys, [f"{tenant} {job_id} ", self._lease_ms, keyspace.due("")])
        row = dict(zip(flat[::2], flat[1::2], strict=True))
        return Claim(self._job(tenant, row), int(row["token"])) if row else None

    def renew(self, claim: Claim) -> bool:
        with truth_errors():
            answer = int(self._renew(_keys(claim.job), [_member(claim.job), self._lease_ms, claim.token]))
        if answer < 0:
            raise LostClaim
        return answer == 1

    def progress(self, claim: Claim, done: int, total: int) -> None:
        with truth_errors():
            _check(int(self._progress(_keys(claim.job)[:1], [claim.token, done, total])))

    def finish(
        self,
        claim: Claim,
        status: Status,
        *,
        result: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
        events: Sequence[Event] = (),
    ) -> None:
        owner = claim.job.owner
        keys = [*_keys(claim.job), keyspace.JOURNAL, keyspace.sequence(owner.tenant), keyspace.PENDING,
                keyspace.events(owner), keyspace.state(owner), keyspace.ACTIVE, keyspace.sessions(owner),
                keyspace.dead_letters(TASKS[claim.job.kind][1])]
        sealed = self._codec.seal(owner, json.dumps(result, ensure_ascii=False)) if result is not None else ""
        args = [_member(claim.job), claim.token, status.value, sealed, self._sealed(owner, error),
                self._keep_ms, owner.tenant, keyspace.stm_prefix(owner), keyspace.active_member(owner, ""),
                *rows(events, self._codec)]
        with truth_errors():
            answer = int(self._finish(keys, args))
        _check(answer)
        if answer == -2:
            raise EventConflict

    def retry(self, claim: Claim, *, delay: float, error: Mapping[str, Any], counted: bool = True) -> None:
        self._give_back(claim, delay, self._sealed(claim.job.owner, error), counted)

    def release(self, claim: Claim) -> None:
        self._give_back(claim, 0.0, "", False)

    def _give_back(self, claim: Claim, delay: float, error: str, counted: bool) -> None:
        args = [_member(claim.job), claim.token, int(delay * 1000), error, int(counted)]
        with truth_errors():
            answer = int(self._retry(_keys(claim.job), args))
        if answer == -2:
            raise Cancelled
        _check(answer)

    def bury(self, claim: Claim, failure: Failure) -> None:
        task, queue = TASKS[claim.job.kind]
        keys = [*_keys(claim.job), keyspace.dead_letters(queue), keyspace.COUNTERS]
        args = [_member(claim.job), claim.token, claim.job.owner.tenant, queue, task, self._keep_ms,
                self._sealed(claim.job.owner, failure.error), failure.reason,
                self._codec.seal(claim.job.owner, str(failure.error.get("message") or "")),
                failure.exception, failure.traceback]
        with truth_errors():
            _check(int(self._bury(keys, args)))

    def cancel(self, tenant: str, job_id: str) -> Job:
        args = [f"{tenant} {job_id} ", json.dumps(Cancelled().described()), self._keep_ms, keyspace.due("")]
        with truth_errors():
            self._cancel([keyspace.job(tenant, job_id)], args)
        return self.get(tenant, job_id)

    def listening(self, inbox: str) -> bool:
        with truth_errors():
            return bool(self._redis.exists(keyspace.listening(inbox)))

    def due(self, *, count: int, own: int) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
        late, lost = DeadlineExceeded(), WorkerLost()
        texts = [json.dumps(late.described()), late.message, json.dumps(lost.described()), lost.message]
        rung: list[tuple[str, str, str]] = []
        dead: list[tuple[str, str, str]] = []
        for kind, (task, queue) in TASKS.items():
            most = own if kind in OWN else count
            # What was journaled is applied however long it takes.
            attempts = 0 if kind == "ingest" else self._most_attempts
            keys = [keyspace.due(kind), keyspace.dead_letters(queue), keyspace.COUNTERS]
            args = [most, self._unclaimed_ms, attempts, self._keep_ms, queue, task, *texts]
            with truth_errors():
                ring, closed = self._due(keys, args)
            rung += [_parse(member) for member in ring]
            dead += [_parse(member) for member in closed]
        return rung, dead

    def _sealed(self, owner: Owner, error: Mapping[str, Any] | None) -> str:
        """An error as it is stored: a vendor's may quote what the user wrote."""
        return self._codec.seal(owner, json.dumps(error)) if error else ""

    def _open(self, owner: Owner, sealed: str | None) -> dict[str, Any] | None:
        if not sealed:
            return None
        opened: dict[str, Any] = json.loads(self._codec.open(owner, sealed))
        return opened


def _member(job: Job) -> str:
    return f"{job.owner.tenant} {job.id} {job.kind}"


def _parse(member: str) -> tuple[str, str, str]:
    tenant, job_id, kind = member.split(" ")
    return tenant, job_id, kind


def _keys(job: Job) -> list[str]:
    return [keyspace.job(job.owner.tenant, job.id), keyspace.due(job.kind)]


def _check(answer: int) -> None:
    if answer == -1:
        raise LostClaim
    if answer == -3:
        raise Cancelled
