"""The job ledger: the truth about every queued piece of work. A Celery message is only its doorbell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from memoryos_tasks.core.events import Event, Owner


class Status(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEAD = "dead"

    @property
    def final(self) -> bool:
        return self not in (Status.QUEUED, Status.RUNNING)


@dataclass(frozen=True, slots=True)
class Job:
    """One row. ``request`` and ``result`` are plain JSON objects here and sealed at rest; times in seconds, UTC.

    ``request`` of a chat holds ``{"body": …, "session", "assistant", "memory": bool, "stream": bool}``;
    ``result`` of a chat is the ``chat.completion`` object.
    ``error`` is ``{"message", "type", "param", "code", "status", "retry_after"}``; of a chat also
    ``"route"``, where a model was asked.
    """

    id: str
    owner: Owner
    kind: str
    status: Status = Status.QUEUED
    attempts: int = 0
    #: Runs that did not count: a part of ours was away.
    waits: int = 0
    progress: float = 0.0
    request: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    #: The gateway process that waits for it; empty for an async job.
    inbox: str = ""
    request_id: str = ""
    created_at: float = 0.0
    #: 0 for work that may take as long as it takes.
    deadline: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job is dead. ``traceback`` names places, never values."""

    error: Mapping[str, Any]
    reason: str
    exception: str = ""
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A run's right to a job. ``token`` grows with every claim; an older one is refused everywhere."""

    job: Job
    token: int


class Ledger(Protocol):
    """Raises :class:`TruthDown` when the store of record cannot be reached."""

    def create(self, job: Job) -> bool:
        """Write the row, due for a sweep if nobody claims it; False when another row of this id was there.

        Raises :class:`QueueFull` when too many jobs of its kind are open.
        """

    def want(self, job: Job, *, delay: float) -> None:
        """Have a job of our own done in about ``delay`` seconds: one row for its id, however often it is wanted.

        While it runs it is noted to run once more; while it waits, or rests as a dead letter, nothing changes.
        """

    def get(self, owner_tenant: str, job_id: str) -> Job:
        """The row as it is now. Raises :class:`NotFound`."""

    def claim(self, tenant: str, job_id: str) -> Claim | None:
        """Take the job for one run; None when it is final, or claimed by a run whose lease still holds."""

    def renew(self, claim: Claim) -> bool:
        """Extend the lease; True when the job is to be cancelled. Raises :class:`LostClaim`."""

    def progress(self, claim: Claim, done: int, total: int) -> None:
        """Note how far the run has come. Raises :class:`LostClaim`, and :class:`Cancelled` when it is to stop."""

    def finish(
        self,
        claim: Claim,
        status: Status,
        *,
        result: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
        events: Sequence[Event] = (),
    ) -> None:
        """Close the job, journal ``events`` (of one session) and show them in short-term memory, in one atomic step.

        One that was wanted again meanwhile is queued instead. Raises :class:`LostClaim`, and :class:`Cancelled` for
        a success that was cancelled meanwhile.
        """

    def retry(self, claim: Claim, *, delay: float, error: Mapping[str, Any], counted: bool = True) -> None:
        """Give the job back, due again after ``delay`` seconds; the attempt is forgotten unless ``counted``.

        Raises :class:`LostClaim` and :class:`Cancelled`.
        """

    def release(self, claim: Claim) -> None:
        """Give the job back untouched, due now: this process leaves. Raises :class:`LostClaim`, :class:`Cancelled`."""

    def bury(self, claim: Claim, failure: Failure) -> None:
        """Close the job as dead, its dead letter written in the same step.

        Raises :class:`LostClaim`, and :class:`Cancelled` for a job that was cancelled meanwhile.
        """

    def cancel(self, tenant: str, job_id: str) -> Job:
        """Cancel: at once when queued, else ask its run to stop. Final jobs stay as they are."""

    def listening(self, inbox: str) -> bool:
        """Whether the gateway process of that inbox has been heard of lately."""

    def due(self, *, count: int, own: int) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
        """(tenant, job_id, kind) of rows to ring again, and of rows now closed as dead letters; of each kind at most
        ``count``, of each kind of our own work at most ``own``.

        To ring: nobody claimed it in time, or its lease ran out. Dead: its runs were lost as often as it may run,
        or it passed its deadline.
        """
