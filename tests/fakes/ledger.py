"""A ledger in a dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from memoryos_tasks.core.errors import Cancelled, LostClaim, NotFound, QueueFull, TruthDown
from memoryos_tasks.core.events import Event
from memoryos_tasks.ports.ledger import Claim, Failure, Job, Status


@dataclass
class FakeLedger:
    """Keeps rows in a dict; ``down`` makes it unreachable."""

    rows: dict[tuple[str, str], Job] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    down: bool = False
    #: What was journaled by :meth:`finish`, and the delays of :meth:`retry`.
    journaled: list[Event] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    wanted: list[Job] = field(default_factory=list)
    buried: list[tuple[Job, Failure]] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    #: Inboxes whose gateway process has gone.
    silent: set[str] = field(default_factory=set)
    full: bool = False
    tokens: dict[str, int] = field(default_factory=dict)

    def _reach(self) -> None:
        if self.down:
            raise TruthDown

    def create(self, job: Job) -> bool:
        self._reach()
        if self.full:
            raise QueueFull(retry_after=2.0)
        return self.rows.setdefault((job.owner.tenant, job.id), job) is job

    def want(self, job: Job, *, delay: float) -> None:
        self._reach()
        self.wanted.append(job)

    def listening(self, inbox: str) -> bool:
        self._reach()
        return inbox not in self.silent

    def get(self, tenant: str, job_id: str) -> Job:
        self._reach()
        try:
            return self.rows[tenant, job_id]
        except KeyError:
            raise NotFound(param="id") from None

    def close(self, job_id: str, status: Status, *, result: Any = None, error: Any = None) -> None:
        """What a run does at its end."""
        key = next(key for key in self.rows if key[1] == job_id)
        self.rows[key] = replace(self.rows[key], status=status, result=result, error=error)

    def claim(self, tenant: str, job_id: str) -> Claim | None:
        self._reach()
        job = self.rows.get((tenant, job_id))
        if job is None or job.status is not Status.QUEUED:
            return None
        job = replace(job, status=Status.RUNNING, attempts=job.attempts + 1)
        self.rows[tenant, job_id] = job
        self.tokens[job_id] = self.tokens.get(job_id, 0) + 1
        return Claim(job, self.tokens[job_id])

    def lose(self, job_id: str) -> None:
        """The run's lease runs out, and the job can be claimed again."""
        key = next(key for key in self.rows if key[1] == job_id)
        self.rows[key] = replace(self.rows[key], status=Status.QUEUED)

    def _own(self, claim: Claim) -> None:
        self._reach()
        job = self.rows[claim.job.owner.tenant, claim.job.id]
        if self.tokens[claim.job.id] != claim.token or job.status is not Status.RUNNING:
            raise LostClaim

    def renew(self, claim: Claim) -> bool:
        self._own(claim)
        return claim.job.id in self.cancelled

    def progress(self, claim: Claim, done: int, total: int) -> None:
        self._own(claim)
        if claim.job.id in self.cancelled:
            raise Cancelled
        key = claim.job.owner.tenant, claim.job.id
        self.rows[key] = replace(self.rows[key], progress=done / total if total else 0.0)

    def finish(
        self, claim: Claim, status: Status, *, result: Any = None, error: Any = None, events: Sequence[Event] = ()
    ) -> None:
        self._own(claim)
        self.close(claim.job.id, status, result=result, error=error)
        self.journaled += events

    def retry(self, claim: Claim, *, delay: float, error: Mapping[str, Any], counted: bool = True) -> None:
        self._own(claim)
        self.close(claim.job.id, Status.QUEUED, error=error)
        self.delays.append(delay)
        if not counted:
            self._uncount(claim, waits=1)

    def release(self, claim: Claim) -> None:
        self._own(claim)
        self.close(claim.job.id, Status.QUEUED)
        self._uncount(claim)
        self.released.append(claim.job.id)

    def _uncount(self, claim: Claim, waits: int = 0) -> None:
        key = claim.job.owner.tenant, claim.job.id
        row = self.rows[key]
        self.rows[key] = replace(row, attempts=row.attempts - 1, waits=row.waits + waits)

    def bury(self, claim: Claim, failure: Failure) -> None:
        self._own(claim)
        self.close(claim.job.id, Status.DEAD, error=failure.error)
        self.buried.append((claim.job, failure))

    def due(self, *, count: int, own: int) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
        self._reach()
        open_jobs = [job for job in self.rows.values() if job.status is Status.QUEUED]
        return [(job.owner.tenant, job.id, job.kind) for job in open_jobs[:count]], []

    def cancel(self, tenant: str, job_id: str) -> Job:
        job = self.get(tenant, job_id)
        self.cancelled.append(job_id)
        if not job.status.final:
            self.close(job_id, Status.CANCELLED, error=Cancelled().described())
        return self.rows[tenant, job_id]
