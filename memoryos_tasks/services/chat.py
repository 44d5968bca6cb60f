"""One chat run: claim the job, have it answered, remember what was said, tell who waits how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from memoryos_tasks.core.errors import (
    Cancelled,
    LostClaim,
    MemoryOSError,
    NotFound,
    TrafficDown,
    TruthDown,
    UpstreamError,
)
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.routing import ROUTE
from memoryos_tasks.ports.ledger import Claim, Job, Ledger, Status
from memoryos_tasks.ports.runs import Runs, Saying
from memoryos_tasks.services.answering import Answered, Limits
from memoryos_tasks.services.exchange import exchange
from memoryos_tasks.services.work import Keeper, Lease, broken, close

#: Seconds after which a direct chat in the queue is asked whether anybody still waits.
ABANDONED_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What goes to the result backend: ids, status and counts, never text."""

    job_id: str
    status: str
    usage: Mapping[str, Any] | None = None
    code: str | None = None
    remembered: int = 0


class Answerer(Protocol):
    """Makes the answer of a job."""

    def answer(self, job: Job, lease: Lease | None, *, mute: bool) -> Answered:
        """The answer; said chunk by chunk for a stream, unless ``mute``. Raises errors of ours."""

    def note(self, job: Job, answered: Answered) -> None:
        """An answer has been given, and remembered where it is to be."""


class Chats:
    """Runs chat jobs."""

    def __init__(
        self,
        ledger: Ledger,
        runs: Runs,
        answers: Answerer,
        keeper: Keeper,
        limits: Limits,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._runs = runs
        self._answers = answers
        self._keeper = keeper
        self._limits = limits
        self._clock = clock

    def run(self, tenant: str, job_id: str) -> Outcome:
        """Run the job once. A job that is final or held by another run is left alone.

        Raises :class:`TruthDown` when the row cannot be read and no unledgered request stands in for it.
        """
        try:
            claim = self._ledger.claim(tenant, job_id)
        except TruthDown:
            asked = self._runs.asked(tenant, job_id)
            if asked is None:
                raise
            return self._unledgered(job_id, *asked)
        if claim is None:
            return self._without_claim(tenant, job_id)
        if self._abandoned(claim.job):
            return self._failed(claim, Cancelled("The client had gone before a worker was free."))
        with self._keeper.keep(claim) as lease:
            try:
                return self._claimed(claim, lease)
            except LostClaim:
                return Outcome(job_id, "lost")
            except MemoryOSError as error:
                return self._failed(claim, error)
            except Exception as error:
                self._failed(claim, error)
                raise Unexpected(type(error).__name__) from error

    def _without_claim(self, tenant: str, job_id: str) -> Outcome:
        """A chat that was asked for while the store of record was down has no row; any other is somebody else's."""
        asked = self._runs.asked(tenant, job_id)
        if asked is None:
            return Outcome(job_id, "skipped")
        try:
            self._ledger.get(tenant, job_id)
        except NotFound:
            return self._unledgered(job_id, *asked)
        return Outcome(job_id, "skipped")

    def _abandoned(self, job: Job) -> bool:
        """Whether a direct chat waited so long that its client has gone with its gateway process."""
        waited = self._clock() - job.created_at
        return bool(job.inbox) and waited > ABANDONED_SECONDS and not self._ledger.listening(job.inbox)

    def _claimed(self, claim: Claim, lease: Lease) -> Outcome:
        job = claim.job
        # A run that was given back is not counted, and may have spoken all the same.
        may_repeat = job.attempts > 1 or bool(job.request.get("stream"))
        repeated = may_repeat and self._runs.spoke(job.owner, job.id)
        if repeated and job.inbox:
            raise UpstreamError("The run was interrupted after it had begun to answer; ask again.")
        # Whoever has followed a part of an earlier run is told so, and finds the whole answer in the job.
        cut = repeated and bool(job.request.get("stream"))
        answered = self._answers.answer(job, lease, mute=cut)
        completion = answered.completion
        events = exchange(job, completion, self._clock()) if job.request.get("memory") else []
        # Where nothing becomes memory, whoever waits need not wait for the row as well.
        told = bool(job.inbox) and not job.request.get("memory") and not cut
        if told:
            self._end(job, completion)
        try:
            self._ledger.finish(claim, Status.SUCCEEDED, result={**completion, ROUTE: answered.route}, events=events)
        except TruthDown:
            if not job.inbox:
                raise
            if not told:
                # The answer is there and the store of record is not: answered, and perhaps not remembered.
                self._say_unremembered(job)
                self._end(job, completion)
            return Outcome(job.id, "unrecorded", completion.get("usage"))
        if cut:
            self._say_error(job, MemoryOSError("A part of the stream was lost; the job holds the whole answer."))
        elif not told:
            self._end(job, completion)
        self._answers.note(job, answered)
        return Outcome(job.id, "succeeded", completion.get("usage"), remembered=len(events))

    def _unledgered(self, job_id: str, owner: Owner, request: Mapping[str, Any]) -> Outcome:
        """The run of a chat that was left without a ledger row, because the store of record was down."""
        job = Job(job_id, owner, "chat", request=request, inbox=str(request.get("inbox") or ""))
        try:
            completion = self._answers.answer(job, None, mute=False).completion
        except MemoryOSError as error:
            self._say_error(job, error)
            return Outcome(job_id, "failed", code=error.code)
        except Exception as error:
            self._say_error(job, broken())
            raise Unexpected(type(error).__name__) from error
        self._end(job, completion)
        return Outcome(job_id, "succeeded", completion.get("usage"))

    def _say_unremembered(self, job: Job) -> None:
        """For the headers of an answer that is whole; those of a stream are out."""
        if not job.request.get("stream"):
            with suppress(TrafficDown):
                self._runs.say(job.owner, job.id, Saying.START, {"missing": ["truth"]}, inbox=job.inbox)

    def _end(self, job: Job, completion: Mapping[str, Any]) -> None:
        streamed = bool(job.request.get("stream"))
        data: Mapping[str, Any] = {} if streamed else completion
        try:
            self._runs.say(job.owner, job.id, Saying.DONE, data, inbox=job.inbox, behind=streamed)
        except TrafficDown:
            return  # The ledger has the answer; whoever waits finds it there.

    def _failed(self, claim: Claim, error: Exception) -> Outcome:
        """Tell who waits, or leave it to the policy when nobody does."""
        job = claim.job
        told = error if isinstance(error, MemoryOSError) else broken()
        try:
            if job.inbox or self._would_repeat(job, error):
                status = Status.CANCELLED if isinstance(error, Cancelled) else Status.FAILED
                self._ledger.finish(claim, status, error=told.described())
                ended = status.value
            else:
                ended = close(self._ledger, claim, error, self._limits.attempts)
        except LostClaim:
            return Outcome(job.id, "lost")
        except TruthDown:
            # The row cannot be closed now; its lease runs out, and the sweeper sees to it. Who waits is told at once.
            if not job.inbox:
                return Outcome(job.id, "lost", code=told.code)
            ended = "lost"
        # An async job that is not closed runs again, here or elsewhere: nothing has ended for who follows it.
        if ended != Status.QUEUED.value and (job.inbox or ended != "lost"):
            self._say_error(job, Cancelled() if ended == Status.CANCELLED.value else told)
        return Outcome(job.id, ended, code=told.code)

    def _would_repeat(self, job: Job, error: Exception) -> bool:
        """Whether the run of a stream has spoken, so that another would only say that it was interrupted."""
        return bool(job.request.get("stream")) and not isinstance(error, TrafficDown) and self._runs.spoke(
            job.owner, job.id)

    def _say_error(self, job: Job, error: MemoryOSError) -> None:
        try:
            self._runs.say(job.owner, job.id, Saying.ERROR, error.described(), inbox=job.inbox)
        except TrafficDown:
            return  # The ledger has the error.


class Unexpected(Exception):
    """A task failed on an error that is not ours: carries the error's class name only, never its text."""

