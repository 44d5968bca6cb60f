"""Background jobs: claimed, done, closed; what fails is tried again or buried, as the policy says."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from memoryos_tasks.core.errors import Cancelled, InvalidRequest, LostClaim, MemoryOSError
from memoryos_tasks.core.retries import ATTEMPTS, Verdict, decide, reason
from memoryos_tasks.ports.ledger import Claim, Failure, Job, Ledger, Status

log = structlog.get_logger(__name__)


class Lease(Protocol):
    """A claim kept alive while its run works."""

    cancelled: bool
    lost: bool


class Keeper(Protocol):
    """Renews the leases of this process' runs."""

    def keep(self, claim: Claim) -> Any:
        """A context manager that gives the :class:`Lease`."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a run ended: what its task says, never text."""

    status: str
    counts: Mapping[str, int]
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What a run has made: counts for its task's result, and what the job's ``result`` shows its owner."""

    counts: Mapping[str, int]
    result: Mapping[str, Any] | None = None


#: Tells how far a run has come: done, of how many. Raises :class:`Cancelled` and :class:`LostClaim`.
Progress = Callable[[int, int], None]


class Work:
    """Runs jobs that nobody waits for."""

    def __init__(self, ledger: Ledger, keeper: Keeper, attempts: int = ATTEMPTS) -> None:
        self._ledger = ledger
        self._keeper = keeper
        self._attempts = attempts

    def run(self, tenant: str, job_id: str, do: Callable[[Job, Progress], Made]) -> Done:
        """One run of the job; one that is final or held elsewhere is left alone. Raises :class:`TruthDown`."""
        claim = self._ledger.claim(tenant, job_id)
        if claim is None:
            return Done("skipped", {})
        with self._keeper.keep(claim):
            try:
                made = do(claim.job, lambda done, total: self._ledger.progress(claim, done, total))
                self._ledger.finish(claim, Status.SUCCEEDED, result=made.result)
            except Exception as error:
                if not isinstance(error, MemoryOSError):
                    log.error("job_crashed", job_id=job_id, error=type(error).__name__, at=places(error))
                return Done(close(self._ledger, claim, error, self._attempts), {}, reason(error))
        return Done("succeeded", made.counts)


def close(ledger: Ledger, claim: Claim, error: Exception, attempts: int) -> str:
    """Give the job back or bury it, as the policy says; the status that it has now.

    Raises :class:`TruthDown`: then the claim runs out, and the sweeper sees to the job.
    """
    job = claim.job
    decision = decide(error, job.attempts, waits=job.waits, most=attempts, jitter=random.uniform(0.5, 1.0))
    described = error.described() if isinstance(error, MemoryOSError) else broken().described()
    try:
        if decision.verdict in (Verdict.RETRY, Verdict.WAIT):
            counted = decision.verdict is Verdict.RETRY
            ledger.retry(claim, delay=decision.delay, error=described, counted=counted)
            return Status.QUEUED.value
        if isinstance(error, Cancelled):
            ledger.finish(claim, Status.CANCELLED, error=described)
            return Status.CANCELLED.value
        if decision.verdict is Verdict.FAIL and job.request_id and isinstance(error, InvalidRequest):
            # A client asked for what cannot be done: it reads so in its job, and there is nothing to replay.
            ledger.finish(claim, Status.FAILED, error=described)
            return Status.FAILED.value
        if decision.verdict is Verdict.FAIL:
            ledger.bury(claim, failure(error))
            return Status.DEAD.value
    except Cancelled as cancelled:
        return close(ledger, claim, cancelled, attempts)
    except LostClaim:
        pass
    return "lost"


def failure(error: BaseException) -> Failure:
    """What a dead letter says about an error; its text only when the error is ours."""
    ours = isinstance(error, MemoryOSError)
    described = error.described() if isinstance(error, MemoryOSError) else broken().described()
    return Failure(described, reason(error), "" if ours else type(error).__name__, places(error))


def places(error: BaseException) -> str:
    """Where an error came from: files, lines and functions, with no value and no source text."""
    frames = traceback.extract_tb(error.__traceback__)
    return "\n".join(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)


def broken() -> MemoryOSError:
    """What clients are told of an error that is not ours."""
    return MemoryOSError("The run failed inside MemoryOS; its log and its dead letter name the place.")


