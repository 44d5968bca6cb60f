"""One chat run: claim the job, gather memory, call the model, say what comes, remember what was said."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

from memoryos_tasks.core import chat as messages
from memoryos_tasks.core.completion import assemble, said
from memoryos_tasks.core.errors import (
    Cancelled,
    DeadlineExceeded,
    LostClaim,
    MemoryOSError,
    TrafficDown,
    TruthDown,
    UpstreamError,
)
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Recalled
from memoryos_tasks.core.models import resolve
from memoryos_tasks.core.prompt import compose, distinct, memory_block, not_carried
from memoryos_tasks.ports.ledger import Claim, Job, Ledger, Status
from memoryos_tasks.ports.llm import ModelCall, Provider
from memoryos_tasks.ports.runs import Runs, Saying
from memoryos_tasks.services.context import Context, Contexts

#: Upstream statuses that another attempt may cure.
RETRIED = frozenset({408, 409, 429, 500, 502, 503, 504})


#: Characters of one message that are remembered: a pasted file is for its question, not for every later one.
MOST_REMEMBERED = 100_000


class Lease(Protocol):
    """A claim kept alive while its run works."""

    cancelled: bool
    lost: bool


class Keeper(Protocol):
    """Renews the leases of this process' runs."""

    def keep(self, claim: Claim) -> Any:
        """A context manager that gives the :class:`Lease`."""


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
            # Asked for while the store of record was down, and rung when it was back.
            asked = self._runs.asked(tenant, job_id)
            return self._unledgered(job_id, *asked) if asked else Outcome(job_id, "skipped")
        with self._keeper.keep(claim) as lease:
            try:
                return self._claimed(claim, lease)
            except LostClaim:
                return Outcome(job_id, "lost")
            except MemoryOSError as error:
                return self._failed(claim, error)
            except Exception as error:
                self._failed(claim, _broken())
                raise Unexpected(type(error).__name__) from error

    def _claimed(self, claim: Claim, lease: Lease) -> Outcome:
        job = claim.job
        if claim.job.attempts > 1 and self._runs.spoke(job.owner, job.id):
            raise UpstreamError("The run was interrupted after it had begun to answer; ask again.")
        completion = self._answer(job, lease)
        events = self._exchange(job, completion) if job.request.get("memory") else []
        try:
            self._ledger.finish(claim, Status.SUCCEEDED, result=completion, events=events)
        except TruthDown:
            # The answer is there and the store of record is not: answered, not remembered, as without a row.
            self._end(job, completion)
            return Outcome(job.id, "unrecorded", completion.get("usage"))
        self._end(job, completion)
        return Outcome(job.id, "succeeded", completion.get("usage"), remembered=len(events))

    def _unledgered(self, job_id: str, owner: Owner, request: Mapping[str, Any]) -> Outcome:
        """The run of a chat that was left without a ledger row, because the store of record was down."""
        job = Job(job_id, owner, "chat", request=request, inbox=str(request.get("inbox") or ""))
        try:
            completion = self._answer(job, None)
        except MemoryOSError as error:
            self._say_error(job, error)
            return Outcome(job_id, "failed", code=error.code)
        except Exception as error:
            self._say_error(job, _broken())
            raise Unexpected(type(error).__name__) from error
        self._end(job, completion)
        return Outcome(job_id, "succeeded", completion.get("usage"))

    def _answer(self, job: Job, lease: Lease | None) -> dict[str, Any]:
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
        if not job.request.get("stream"):
            if context.missing:
                self._runs.say(job.owner, job.id, Saying.START, start, inbox=job.inbox)
            completion = provider.complete(call)
            if lease is not None and lease.cancelled:
                raise Cancelled
            return completion
        return assemble(self._relay(job, start, provider.stream(call), lease))

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

    def _exchange(self, job: Job, completion: Mapping[str, Any]) -> list[Event]:
        """The events of this exchange: the request's new messages and the reply."""
        said_before = [
            (str(message["role"]), messages.text_of(message.get("content")), message.get("name"))
            for message in messages.new_messages(job.request["body"]["messages"])
        ]
        rows = [*said_before, ("assistant", said(completion), None)]
        return [
            self._event(job, index, role, content, name)
            for index, (role, content, name) in enumerate(rows)
            if content.strip()
        ]

    def _event(self, job: Job, index: int, role: str, content: str, name: str | None) -> Event:
        at = self._clock() if role == "assistant" else job.created_at
        return Event(
            owner=job.owner,
            event_id=f"{job.id}:{index}",
            role=role,  # type: ignore[arg-type]
            content=content[:MOST_REMEMBERED],
            timestamp=at,
            session=str(job.request.get("session") or "default"),
            assistant=str(job.request.get("assistant") or "default"),
            name=name if isinstance(name, str) and name else None,
        )

    def _end(self, job: Job, completion: Mapping[str, Any]) -> None:
        data: Mapping[str, Any] = {} if job.request.get("stream") else completion
        try:
            self._runs.say(job.owner, job.id, Saying.DONE, data, inbox=job.inbox)
        except TrafficDown:
            return  # The ledger has the answer; whoever waits finds it there.

    def _failed(self, claim: Claim, error: MemoryOSError) -> Outcome:
        job = claim.job
        try:
            if self._again(job, error):
                try:
                    self._ledger.retry(claim, delay=self._pause(job, error), error=error.described())
                    return Outcome(job.id, "queued", code=error.code)
                except Cancelled as cancelled:
                    error = cancelled
            status = Status.CANCELLED if isinstance(error, Cancelled) else Status.FAILED
            self._ledger.finish(claim, status, error=error.described())
        except LostClaim:
            return Outcome(job.id, "lost")
        except TruthDown:
            # The row cannot be closed now; its lease runs out, and the sweeper sees to it. Who waits is told at once.
            self._say_error(job, error)
            return Outcome(job.id, "lost", code=error.code)
        self._say_error(job, error)
        return Outcome(job.id, status.value, code=error.code)

    def _pause(self, job: Job, error: MemoryOSError) -> float:
        """Seconds until the next attempt: what the vendor asks for, else exponential with jitter."""
        return error.retry_after or random.uniform(0.5, 1.0) * 2.0**job.attempts

    def _again(self, job: Job, error: MemoryOSError) -> bool:
        """Whether to try again later: background work only, a client that waits asks again itself."""
        transient = isinstance(error, UpstreamError | TrafficDown) and error.status in RETRIED
        if not transient or job.inbox or job.attempts >= self._limits.attempts:
            return False
        if job.deadline and self._clock() + self._pause(job, error) >= job.deadline:
            return False
        # Another run of a stream that has spoken would only say that it was interrupted.
        streamed = job.request.get("stream") and not isinstance(error, TrafficDown)
        return not (streamed and self._runs.spoke(job.owner, job.id))

    def _say_error(self, job: Job, error: MemoryOSError) -> None:
        try:
            self._runs.say(job.owner, job.id, Saying.ERROR, error.described(), inbox=job.inbox)
        except TrafficDown:
            return  # The ledger has the error.


def _broken() -> MemoryOSError:
    """What clients are told of an error that is not ours."""
    return MemoryOSError("The run failed inside MemoryOS; its log names the place.")


class Unexpected(Exception):
    """A task failed on an error that is not ours: carries the error's class name only, never its text."""

