"""One chat run: claim the job, gather memory, call the model, say what comes, remember what was said."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

from memoryos_tasks.core import chat as messages
from memoryos_tasks.core.completion import assemble
from memoryos_tasks.core.errors import (
    Cancelled,
    DeadlineExceeded,
    LostClaim,
    MemoryOSError,
    NotFound,
    TrafficDown,
    TruthDown,
    UpstreamError,
)
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Recalled
from memoryos_tasks.core.models import resolve
from memoryos_tasks.core.prompt import compose, distinct, memory_block, not_carried
from memoryos_tasks.core.retries import patience
from memoryos_tasks.ports.ledger import Claim, Job, Ledger, Status
from memoryos_tasks.ports.llm import ModelCall, Provider
from memoryos_tasks.ports.runs import Runs, Saying
from memoryos_tasks.services.context import Context, Contexts
from memoryos_tasks.services.exchange import exchange
from memoryos_tasks.services.once_more import chunks_once_more, once_more
from memoryos_tasks.services.work import Keeper, Lease, broken, close

#: Seconds after which a direct chat in the queue is asked whether anybody still waits.
ABANDONED_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a run: seconds, items, tokens, attempts."""

    deadline: float = 600.0
    recalled: int = 10
    budget: int = 1500
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What goes to the result backend: ids, status and counts, never text."""

    job_id: str
    status: str
    usage: Mapping[str, Any] | None = None
    code: str | None = None
    remembered: int = 0


Visited = Callable[[Owner, Sequence[Recalled]], None]


class Chats:
    """Runs chat jobs."""

    def __init__(
        self,
        ledger: Ledger,
        runs: Runs,
        contexts: Contexts,
        providers: Callable[[], Mapping[str, Provider]],
        keeper: Keeper,
        limits: Limits,
        visited: Visited,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._runs = runs
        self._contexts = contexts
        self._providers = providers
        self._keeper = keeper
        self._limits = limits
        self._visited = visited
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
        completion = self._answer(job, lease, mute=cut)
        events = exchange(job, completion, self._clock()) if job.request.get("memory") else []
        try:
            self._ledger.finish(claim, Status.SUCCEEDED, result=completion, events=events)
        except TruthDown:
            if not job.inbox:
                raise
            # The answer is there and the store of record is not: answered, and perhaps not remembered.
            self._say_unremembered(job)
            self._end(job, completion)
            return Outcome(job.id, "unrecorded", completion.get("usage"))
        if cut:
            self._say_error(job, MemoryOSError("A part of the stream was lost; the job holds the whole answer."))
        else:
            self._end(job, completion)
        return Outcome(job.id, "succeeded", completion.get("usage"), remembered=len(events))

    def _unledgered(self, job_id: str, owner: Owner, request: Mapping[str, Any]) -> Outcome:
        """The run of a chat that was left without a ledger row, because the store of record was down."""
        job = Job(job_id, owner, "chat", request=request, inbox=str(request.get("inbox") or ""))
        try:
            completion = self._answer(job, None, mute=False)
        except MemoryOSError as error:
            self._say_error(job, error)
            return Outcome(job_id, "failed", code=error.code)
        except Exception as error:
            self._say_error(job, broken())
            raise Unexpected(type(error).__name__) from error
        self._end(job, completion)
        return Outcome(job_id, "succeeded", completion.get("usage"))

    def _answer(self, job: Job, lease: Lease | None, *, mute: bool) -> dict[str, Any]:
        body: Mapping[str, Any] = job.request["body"]
        configured = self._providers()
        model = resolve(str(body.get("model")), configured)
        provider = configured[model.provider]
        context, question = self._context(job, body)
        call = ModelCall(
            id=job.id,
            model=model.model,
            body={**body, "model": model.model, "messages": self._prompt(body["messages"], context)},
            question=question,
            facts=context.facts,
            recalled=[*context.recalled, *context.recent],
            deadline=time.monotonic() + self._time_left(job),
            memory=bool(job.request.get("memory")),
        )
        start = {"tier": "2", "missing": list(context.missing), "recalled": len(context.recalled)}
        if mute or not job.request.get("stream"):
            if context.missing and not mute:
                self._runs.say(job.owner, job.id, Saying.START, start, inbox=job.inbox)
            completion = once_more(lambda error: self._bear(job, error), lambda: provider.complete(call))
            if lease is not None and lease.cancelled:
                raise Cancelled
            return completion
        chunks = chunks_once_more(lambda error: self._bear(job, error), lambda: provider.stream(call))
        return assemble(self._relay(job, start, chunks, lease))

    def _bear(self, job: Job, error: UpstreamError) -> None:
        """Wait as the vendor wants, or raise the error when that is not for a run that a client waits for."""
        seconds = patience(error) if job.inbox else None
        if seconds is None or seconds >= self._time_left(job):
            raise error
        time.sleep(seconds)

    def _time_left(self, job: Job) -> float:
        """Seconds until the job's deadline, which counts from its arrival."""
        end = job.deadline or float(job.request.get("deadline") or 0.0)
        left = min(self._limits.deadline, end - self._clock()) if end else self._limits.deadline
        if left <= 0:
            raise DeadlineExceeded
        return left

    def _context(self, job: Job, body: Mapping[str, Any]) -> tuple[Context, str]:
        question = messages.question(body["messages"])
        if not job.request.get("memory"):
            return Context(), question
        session = str(job.request.get("session") or "default")
        context = self._contexts.gather(job.owner, question, session=session, limit=self._limits.recalled)
        self._visited(job.owner, context.recalled)
        return context, question

    def _prompt(self, asked: list[Mapping[str, Any]], context: Context) -> list[dict[str, Any]]:
        recent = not_carried(context.recent, asked)
        block = memory_block(context.facts, distinct([*recent, *context.recalled]), self._limits.budget)
        return compose(asked, block)

    def _relay(
        self, job: Job, start: Mapping[str, Any], chunks: Generator[dict[str, Any], None, None], lease: Lease | None
    ) -> Iterator[dict[str, Any]]:
        """Say each chunk as it comes; a cancelled run closes the upstream at the next one."""
        with closing(chunks), self._runs.speaking(job.owner, job.id, inbox=job.inbox) as speech:
            speech.say(Saying.START, start)
            for chunk in chunks:
                stop = speech.say(Saying.CHUNK, chunk)
                if stop or (lease is not None and lease.cancelled):
                    raise Cancelled
                if lease is not None and lease.lost:
                    raise LostClaim
                yield chunk

    def _say_unremembered(self, job: Job) -> None:
        """For the headers of an answer that is whole; those of a stream are out."""
        if not job.request.get("stream"):
            with suppress(TrafficDown):
                self._runs.say(job.owner, job.id, Saying.START, {"missing": ["truth"]}, inbox=job.inbox)

    def _end(self, job: Job, completion: Mapping[str, Any]) -> None:
        data: Mapping[str, Any] = {} if job.request.get("stream") else completion
        try:
            self._runs.say(job.owner, job.id, Saying.DONE, data, inbox=job.inbox)
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

