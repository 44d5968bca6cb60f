"""The job ledger in Redis: a hash a job, and one sorted set of what is due for a sweep."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.adapters.redis.journal import triples
from memoryos_tasks.core.errors import Cancelled, DeadlineExceeded, EventConflict, LostClaim, NotFound
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.settings import Jobs
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.ledger import Claim, Job, Status

#: What a closed job keeps of its request: how to replay it, and what tells a repeated request from another.
KEPT = ("stream", "digest")


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
        self._create = script(truth, "job_create")
        self._claim = script(truth, "job_claim")
        self._renew = script(truth, "job_renew")
        self._finish = script(truth, "job_finish")
        self._retry = script(truth, "job_retry")
        self._cancel = script(truth, "job_cancel")
        self._due = script(truth, "job_due")

    def create(self, job: Job) -> bool:
        request = self._codec.seal(job.owner, json.dumps(job.request, ensure_ascii=False))
        kept = {key: value for key, value in job.request.items() if key in KEPT}
        args = [_member(job), self._unclaimed_ms, self._chat_ms, job.id, keyspace.part(job.owner.user), job.kind,
                request, job.inbox, job.request_id, json.dumps(kept)]
        with truth_errors():
            return bool(self._create(_keys(job), args))

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
            progress=progress,
            request=self._open(owner, row.get("request")) or json.loads(row.get("kept") or "{}"),
            result=self._open(owner, row.get("result")),
            error=json.loads(row["error"]) if row.get("error") else None,
            inbox=row.get("inbox", ""),
            request_id=row.get("request_id", ""),
            created_at=int(row["created_at"]) / 1000,
            deadline=int(row["deadline"]) / 1000,
        )

    def claim(self, tenant: str, job_id: str) -> Claim | None:
        keys = [keyspace.job(tenant, job_id), keyspace.DUE, keyspace.claims(tenant)]
        with truth_errors():
            flat = self._claim(keys, [f"{tenant} {job_id} ", self._lease_ms])
        row = dict(zip(flat[::2], flat[1::2], strict=True))
        return Claim(self._job(tenant, row), int(row["token"])) if row else None

    def renew(self, claim: Claim) -> bool:
        with truth_errors():
            answer = int(self._renew(_keys(claim.job), [_member(claim.job), self._lease_ms, claim.token]))
        if answer < 0:
            raise LostClaim
        return answer == 1

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
        session = events[0].session if events else ""
        keys = [*_keys(claim.job), keyspace.JOURNAL, keyspace.sequence(owner.tenant), keyspace.events(owner),
                keyspace.state(owner), keyspace.ACTIVE, keyspace.stm(owner, session), keyspace.sessions(owner)]
        sealed = self._codec.seal(owner, json.dumps(result, ensure_ascii=False)) if result is not None else ""
        args = [_member(claim.job), claim.token, status.value, sealed, json.dumps(error) if error else "",
                self._keep_ms, owner.tenant, keyspace.active_member(owner, session), keyspace.part(session),
                *triples(events, self._codec)]
        with truth_errors():
            answer = int(self._finish(keys, args))
        if answer == -1:
            raise LostClaim
        if answer == -2:
            raise EventConflict
        if answer == -3:
            raise Cancelled

    def retry(self, claim: Claim, *, delay: float, error: Mapping[str, Any]) -> None:
        args = [_member(claim.job), claim.token, int(delay * 1000), json.dumps(error)]
        with truth_errors():
            answer = int(self._retry(_keys(claim.job), args))
        if answer == -1:
            raise LostClaim
        if answer == -2:
            raise Cancelled

    def cancel(self, tenant: str, job_id: str) -> Job:
        keys = [keyspace.job(tenant, job_id), keyspace.DUE]
        args = [f"{tenant} {job_id} ", json.dumps(Cancelled().described()), self._keep_ms]
        with truth_errors():
            self._cancel(keys, args)
        return self.get(tenant, job_id)

    def due(self, *, count: int) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
        error = DeadlineExceeded("The job used up its attempts or its time without an answer.").described()
        args = [count, self._unclaimed_ms, self._most_attempts, self._keep_ms, json.dumps(error)]
        with truth_errors():
            ring, dead = self._due([keyspace.DUE], args)
        return [_parse(member) for member in ring], [_parse(member) for member in dead]

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
    return [keyspace.job(job.owner.tenant, job.id), keyspace.DUE]
