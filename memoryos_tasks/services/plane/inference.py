"""One inference: a place at an endpoint, the call, and another endpoint when that one fails."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from memoryos_tasks.core.chat import text_of
from memoryos_tasks.core.completion import said
from memoryos_tasks.core.errors import (
    Cancelled,
    DeadlineExceeded,
    MemoryOSError,
    ModelNotFound,
    SensitiveContent,
    Unavailable,
    UpstreamTimeout,
)
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.locality import private_url
from memoryos_tasks.core.plane.backoff import full_jitter
from memoryos_tasks.core.plane.breaker import Outcome, may_try_again, outcome_of
from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.core.plane.records import OK, InferenceRecord
from memoryos_tasks.ports.llm import ModelCall, Provider, never
from memoryos_tasks.ports.plane.scheduling import Budget, Reservation, Scheduler

#: Seconds between two looks whether a place, or room for a retry, has become free: the first pause and the longest.
FIRST_LOOK = 0.02
LAST_LOOK = 0.5


@dataclass(frozen=True, slots=True)
class PlaneCall:
    """What is asked. ``body`` is an OpenAI request with ``messages``; ``model`` '' means the first one that there is.

    ``session`` keeps requests at one endpoint; '' for none. ``deadline`` is the end of all tries, in seconds of
    time.monotonic(). ``queued``: seconds that went by before.
    """

    id: str
    owner: Owner
    model: str
    body: Mapping[str, Any]
    session: str = ""
    deadline: float = float("inf")
    cancelled: Callable[[], bool] = never
    queued: float = 0.0


@dataclass(frozen=True, slots=True)
class PlaneAnswer:
    """A ``chat.completion``, the id of the endpoint that gave it and how many were asked."""

    completion: dict[str, Any]
    model: str
    endpoint: str
    attempts: int
    seconds: float


@dataclass(slots=True)
class _Course:
    """Where a call stands."""

    call: PlaneCall
    candidates: Sequence[Endpoint]
    begun: float
    tries: int = 0
    failed: list[str] = field(default_factory=list)
    error: MemoryOSError | None = None


class Inference:
    """Runs inferences. Safe to share between threads.

    ``note`` takes the record of each try and does not raise; ``keeps`` tells texts that must stay in house.
    """

    def __init__(
        self,
        endpoints: Callable[[], Sequence[Endpoint]],
        scheduler: Scheduler,
        budget: Budget,
        providers: Callable[[Endpoint], Provider],
        note: Callable[[InferenceRecord], None] = lambda record: None,
        *,
        keeps: Callable[[str], bool] = lambda text: False,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._endpoints = endpoints
        self._scheduler = scheduler
        self._budget = budget
        self._providers = providers
        self._note = note
        self._keeps = keeps
        self._clock = clock
        self._sleep = sleep

    def run(self, call: PlaneCall) -> PlaneAnswer:
        """The answer of the first endpoint that gives one.

        Raises :class:`ModelNotFound`, :class:`SensitiveContent`, :class:`UpstreamError` and its children (the last
        endpoint's), :class:`DeadlineExceeded`, :class:`Unavailable` when no endpoint was free, :class:`Cancelled`,
        :class:`TrafficDown`.
        """
        course = _Course(call, self._candidates(call, call.model), time.monotonic() - call.queued)
        model = course.candidates[0].model
        try:
            while True:
                with self._recorded(course, model):
                    reservation = self._place(course, model)
                answer = self._tried(course, reservation)
                if answer is not None:
                    return answer
                with self._recorded(course, model):
                    self._before_another(course, model)
        finally:
            if course.tries > 1 or course.failed:
                self._budget.leave(model, call.id)

    def _candidates(self, call: PlaneCall, model: str) -> Sequence[Endpoint]:
        known = self._endpoints()
        if not known:
            raise Unavailable("This worker knows no endpoint of the plane. Register one, or give the worker the file "
                              "that the nodes have (MEMORYOS_MCP_CONFIG).", retry_after=5)
        name = model or next((one.model for one in known if not one.draining), known[0].model)
        found = [one for one in known if one.model == name]
        if not found:
            names = ", ".join(dict.fromkeys(one.model for one in known)) or "none"
            raise ModelNotFound(f"The plane has no model {name!r}; those that it has: {names}.", param="model")
        if self._keeps("\n".join(text_of(message.get("content")) for message in call.body["messages"])):
            found = [one for one in found if private_url(one.url)]
            if not found:
                raise SensitiveContent
        return found

    def _place(self, course: _Course, model: str) -> Reservation:
        """A place at an endpoint, waited for as long as the call may take."""
        call, pause = course.call, FIRST_LOOK
        course.tries += 1
        while True:
            if call.cancelled():
                raise Cancelled
            for exclude in (course.failed, ()) if course.failed else ((),):
                # Those that failed are asked again only when there is no other.
                reservation = self._scheduler.reserve(
                    model, course.candidates, request_id=f"{call.id}.{course.tries}", session=call.session or None,
                    exclude=exclude)
                if reservation is not None:
                    return reservation
            self._hopeless(course)
            self._wait(course, random.uniform(0.5, 1.0) * pause)
            pause = min(LAST_LOOK, 2 * pause)
            # Endpoints may have come and gone.
            course.candidates = self._candidates(call, model)

    def _tried(self, course: _Course, reservation: Reservation) -> PlaneAnswer | None:
        """The endpoint's answer; None when another one may be tried. The reservation is finished."""
        call, endpoint = course.call, reservation.endpoint
        began, outcome, retry_after = time.monotonic(), Outcome.ABANDONED, None
        code = MemoryOSError.code
        again = False
        completion: dict[str, Any] = {}
        try:
            completion = self._providers(endpoint).complete(self._model_call(call, endpoint, began))
            outcome, code = Outcome.SUCCEEDED, OK
        except MemoryOSError as error:
            outcome, retry_after, code = outcome_of(error), error.retry_after, error.code
            if isinstance(error, UpstreamTimeout) and call.deadline < began + endpoint.timeout:
                outcome = Outcome.ABANDONED  # It was given less time than it may take.
            again = may_try_again(error) and len(course.failed) < endpoint.max_retries and self._left(course) > 0
            if not again:
                raise
            course.error = error
            course.failed.append(endpoint.id)
        finally:
            seconds = time.monotonic() - began
            self._scheduler.finish(reservation, outcome, seconds, retry_after)
            self._record(course, endpoint.model, endpoint.id, code, seconds, len(said(completion)), last=not again)
        if again:
            return None
        return PlaneAnswer(completion, endpoint.model, endpoint.id, course.tries, time.monotonic() - course.begun)

    @staticmethod
    def _model_call(call: PlaneCall, endpoint: Endpoint, began: float) -> ModelCall:
        return ModelCall(
            id=call.id,
            model=endpoint.model,
            body={**call.body, "model": endpoint.model},
            memory=False,
            deadline=min(call.deadline, began + endpoint.timeout),
            owner=call.owner,
            cancelled=call.cancelled,
        )

    def _before_another(self, course: _Course, model: str) -> None:
        """Back off, and wait for room among the retries. Raises the last error when there is no time for it."""
        self._wait(course, full_jitter(len(course.failed), random.random()))
        pause = FIRST_LOOK
        while not self._budget.take(model, course.call.id, course.candidates):
            self._wait(course, random.uniform(0.5, 1.0) * pause)
            pause = min(LAST_LOOK, 2 * pause)

    def _hopeless(self, course: _Course) -> None:
        """Raise the last error when every endpoint failed and the last one wants no request in time, or all drain."""
        error = course.error
        open_ones = {one.id for one in course.candidates if not one.draining}
        if not open_ones:
            raise error or Unavailable("Every endpoint of this model is being drained; try again later.", retry_after=5)
        if error is None or not open_ones <= set(course.failed):
            return
        if (error.retry_after or 0.0) >= self._left(course):
            raise error

    def _wait(self, course: _Course, seconds: float) -> None:
        if course.call.cancelled():
            raise Cancelled
        left = self._left(course)
        if left <= seconds:
            raise course.error or Unavailable(
                "No endpoint of this model was free before the deadline; try again.", retry_after=1)
        self._sleep(seconds)

    @staticmethod
    def _left(course: _Course) -> float:
        left = course.call.deadline - time.monotonic()
        if left <= 0 and course.error is None:
            raise DeadlineExceeded
        return left

    @contextmanager
    def _recorded(self, course: _Course, model: str) -> Iterator[None]:
        """An inference that ends here, at no endpoint, counts as one."""
        try:
            yield
        except MemoryOSError as error:
            self._record(course, model, "", error.code, 0.0)
            raise

    def _record(
        self, course: _Course, model: str, endpoint: str, outcome: str, seconds: float, written: int = 0, *,
        last: bool = True,
    ) -> None:
        call = course.call
        asked = sum(len(text_of(message.get("content"))) for message in call.body["messages"])
        waited = max(0.0, time.monotonic() - course.begun - seconds)
        self._note(InferenceRecord(
            self._clock(), call.owner, model, endpoint, asked, written, seconds, waited, outcome, last))
