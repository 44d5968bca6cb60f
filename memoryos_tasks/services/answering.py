"""The answer to one chat: what is known already, or memory into the prompt and a model that speaks."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from memoryos_tasks.core import chat as messages
from memoryos_tasks.core import faq_answer
from memoryos_tasks.core.completion import assemble
from memoryos_tasks.core.errors import (
    Cancelled,
    DeadlineExceeded,
    LostClaim,
    MemoryOSError,
    TrafficDown,
    UpstreamError,
)
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.faq_answer import FaqAnswer
from memoryos_tasks.core.items import Recalled
from memoryos_tasks.core.retries import patience
from memoryos_tasks.core.routing import CLOUD, FAQ, Candidate, Reason
from memoryos_tasks.ports.ledger import Job
from memoryos_tasks.ports.llm import ModelCall
from memoryos_tasks.ports.runs import Runs, Saying
from memoryos_tasks.ports.tokenizers import Estimates
from memoryos_tasks.services.context import Context, Contexts
from memoryos_tasks.services.discretion import Discretion
from memoryos_tasks.services.prompts import Policy, Prompts
from memoryos_tasks.services.routing import Course, Router
from memoryos_tasks.services.topics import Topics
from memoryos_tasks.services.work import Lease


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a run: seconds, items, tokens, attempts."""

    deadline: float = 600.0
    recalled: int = 10
    budget: int = 1500
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class Answered:
    """A completion, and how it came about: ``route`` is what the job shows. ``used_memory``: memories were gathered."""

    completion: dict[str, Any]
    route: Mapping[str, Any]
    used_memory: bool = False


Visited = Callable[[Owner, Sequence[Recalled]], None]


class Known(Protocol):
    """Answers that need no model. Nothing raises."""

    def hit(self, owner: Owner, body: Mapping[str, Any]) -> FaqAnswer | None:
        """The answer to this request, if it is known."""

    def note(self, owner: Owner, body: Mapping[str, Any], completion: Mapping[str, Any], used_memory: bool) -> None:
        """Count a request that a model answered."""


class Nothing:
    """Knows no answer."""

    def hit(self, owner: Owner, body: Mapping[str, Any]) -> FaqAnswer | None:
        return None

    def note(self, owner: Owner, body: Mapping[str, Any], completion: Mapping[str, Any], used_memory: bool) -> None:
        return None


class Answers:
    """Makes answers, and says them as they come."""

    def __init__(
        self,
        runs: Runs,
        contexts: Contexts,
        router: Router,
        discretion: Discretion,
        topics: Topics,
        limits: Limits,
        visited: Visited,
        *,
        known: Known | None = None,
        prompts: Prompts | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._runs = runs
        self._contexts = contexts
        self._router = router
        self._discretion = discretion
        self._topics = topics
        self._limits = limits
        self._visited = visited
        self._known = known or Nothing()
        self._prompts = prompts or Prompts(Estimates(), lambda: Policy(limits.budget))
        self._clock = clock

    def answer(self, job: Job, lease: Lease | None, *, mute: bool) -> Answered:
        """The answer; said chunk by chunk for a stream, unless ``mute``.

        Raises :class:`Cancelled`, :class:`LostClaim`, :class:`DeadlineExceeded`, :class:`SensitiveContent`,
        :class:`ModelNotFound`, :class:`UpstreamError` and its children.
        """
        body: Mapping[str, Any] = job.request["body"]
        found = self._known.hit(job.owner, body) if job.request.get("memory") else None
        if found is not None:
            return self._told(job, body, found, lease, mute=mute)
        gathered: list[tuple[Context, str]] = []

        def gather() -> tuple[Context, str]:
            if not gathered:
                gathered.append(self._context(job, body))
            return gathered[0]

        course = self._router.choose(body, lambda: self._hot(job, *gather()))
        context, question = gather()
        with self._runs.watching(job.owner, job.id) as asked_to_stop:

            def gone() -> bool:
                return asked_to_stop() or (lease is not None and (lease.cancelled or lease.lost))

            def call(candidate: Candidate) -> ModelCall:
                return self._call(job, course, candidate, context, question, gone)

            try:
                completion = self._asked(job, course, call, context, lease, mute=mute)
            except MemoryOSError as error:
                error.route = course.described()
                raise
        used = bool(context.facts or context.recalled or context.recent)
        return Answered(completion, course.described(), used)

    def note(self, job: Job, answered: Answered) -> None:
        """Count an answer that has been given and remembered."""
        if job.request.get("memory") and answered.route["tier"] != FAQ:
            self._known.note(job.owner, job.request["body"], answered.completion, answered.used_memory)

    def _told(
        self, job: Job, body: Mapping[str, Any], found: FaqAnswer, lease: Lease | None, *, mute: bool
    ) -> Answered:
        """What is known, as a model would have said it."""
        route = {"tier": FAQ, "model": "faq", "reason": Reason.FAQ.value, "tried": []}
        start = {"tier": str(FAQ), "model": "faq", "missing": [], "recalled": 0}
        id, model, now = f"chatcmpl-{job.id}", str(body.get("model")), self._clock()
        if mute or not job.request.get("stream"):
            if not mute:
                with suppress(TrafficDown):
                    self._runs.say(job.owner, job.id, Saying.START, start, inbox=job.inbox)
            return Answered(faq_answer.completion(found, id=id, model=model, now=now), route)
        usage = bool((body.get("stream_options") or {}).get("include_usage"))
        chunks = (chunk for chunk in faq_answer.chunks(found, id=id, model=model, now=now, usage=usage))
        return Answered(assemble(self._relay(job, lambda: start, chunks, lease)), route)

    def _asked(
        self,
        job: Job,
        course: Course,
        call: Callable[[Candidate], ModelCall],
        context: Context,
        lease: Lease | None,
        *,
        mute: bool,
    ) -> dict[str, Any]:
        def start() -> dict[str, Any]:
            one = course.answered
            return {"tier": str(one.tier), "model": one.endpoint.name, "missing": list(context.missing),
                    "recalled": len(context.recalled), **course.shortened}

        def bear(error: UpstreamError) -> None:
            self._bear(job, error)

        if not mute and job.request.get("stream"):
            return assemble(self._relay(job, start, self._router.stream(course, job.id, call, bear), lease))
        completion = self._router.complete(course, job.id, call, bear)
        if lease is not None and lease.cancelled:
            raise Cancelled
        # The gateway knows by itself what a model that was named and answered would say.
        if not mute and (context.missing or course.shortened or not course.as_asked):
            with suppress(TrafficDown):  # Only headers are lost: the answer stands in the ledger.
                self._runs.say(job.owner, job.id, Saying.START, start(), inbox=job.inbox)
        return completion

    def _call(
        self,
        job: Job,
        course: Course,
        candidate: Candidate,
        context: Context,
        question: str,
        gone: Callable[[], bool],
    ) -> ModelCall:
        body: Mapping[str, Any] = job.request["body"]
        if candidate.tier == CLOUD and course.fleet.guard is not None:
            context = self._discretion.outward(job.owner, context, course.fleet.guard)
        model = candidate.endpoint.model
        prompt = self._prompts.made(body, candidate.endpoint.provider, model, context)
        course.truncated = prompt.truncated
        return ModelCall(
            id=job.id,
            model=model,
            body={**body, "model": model, "messages": prompt.messages},
            question=question,
            facts=context.facts,
            recalled=[*context.recalled, *context.recent],
            deadline=time.monotonic() + self._time_left(job),
            memory=bool(job.request.get("memory")),
            owner=job.owner,
            cancelled=gone,
        )

    def _hot(self, job: Job, context: Context, question: str) -> float:
        return self._topics.score(job.owner, question, context) if job.request.get("memory") else 0.0

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

    def _relay(
        self,
        job: Job,
        start: Callable[[], Mapping[str, Any]],
        chunks: Generator[dict[str, Any], None, None],
        lease: Lease | None,
    ) -> Iterator[dict[str, Any]]:
        """Say each chunk as it comes; a cancelled run closes the upstream at the next one.

        The start is said before the model is asked, and once more when another one answers.
        """
        with closing(chunks), self._runs.speaking(job.owner, job.id, inbox=job.inbox) as speech:
            said = start()
            speech.say(Saying.START, said)
            begun = False
            for chunk in chunks:
                if not begun and (now := start()) != said:
                    speech.say(Saying.START, now)
                begun = True
                stop = speech.say(Saying.CHUNK, chunk)
                if stop or (lease is not None and lease.cancelled):
                    raise Cancelled
                if lease is not None and lease.lost:
                    raise LostClaim
                yield chunk
