"""Choosing a model for a chat, and asking those that stand in for it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from memoryos_tasks.core import complexity
from memoryos_tasks.core.errors import DeadlineExceeded, EndpointBusy, MemoryOSError, SensitiveContent, UpstreamError
from memoryos_tasks.core.models import AUTO, resolve
from memoryos_tasks.core.routing import CLOUD, Candidate, Facts, candidates, is_complex, passes_on
from memoryos_tasks.core.routing_plan import Endpoint, Plan
from memoryos_tasks.core.sensitivity import Sensitivity
from memoryos_tasks.ports.llm import ModelCall, Provider
from memoryos_tasks.ports.slots import NoSlots, Slots
from memoryos_tasks.services.once_more import Bear, Chunks, chunks_once_more, once_more

#: Seconds for which a server in house that failed is asked after the others.
COOL_SECONDS = 10.0
#: Seconds that a run waits for a slot at its last candidate, and between two looks.
SLOT_SECONDS, SLOT_LOOK = 2.0, 0.05


@dataclass(frozen=True, slots=True)
class Fleet:
    """What can be asked now. ``providers``: by :attr:`Endpoint.source`; ``guard``: what must stay in house, None for
    nothing; ``most``: runs at one endpoint at a time, 0 for any number."""

    plan: Plan
    providers: Mapping[str, Provider]
    guard: Sensitivity | None = None
    most: int = 0


@dataclass(slots=True)
class Course:
    """The way of one chat through its candidates. ``answered`` is set as soon as one of them speaks."""

    fleet: Fleet
    candidates: list[Candidate]
    answered: Candidate
    #: The name of the model that was asked for; '' for ``auto``.
    asked: str = ""
    tried: list[dict[str, Any]] = field(default_factory=list)
    #: What the window of the model that was asked last had no room for.
    truncated: str = ""

    @property
    def shortened(self) -> dict[str, str]:
        """That, for whoever shows it; nothing when all was sent."""
        return {"truncated": self.truncated} if self.truncated else {}

    @property
    def as_asked(self) -> bool:
        """Whether the model that was named answers."""
        return self.answered.endpoint.name == self.asked

    def described(self) -> dict[str, Any]:
        """What the job shows."""
        one = self.answered
        told = {"tier": one.tier, "model": one.endpoint.name, "reason": one.reason.value, "tried": [*self.tried]}
        return {**told, **self.shortened}


#: Makes the call for a candidate.
Calls = Callable[[Candidate], ModelCall]


class Router:
    """Safe to share between threads; which server's turn it is and which failed is known to this process alone."""

    def __init__(
        self,
        fleet: Callable[[], Fleet],
        slots: Slots | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._fleet = fleet
        self._slots = slots or NoSlots()
        self._clock = clock
        self._sleep = sleep
        self._turns = itertools.count()
        self._failed: dict[Endpoint, float] = {}

    def choose(self, body: Mapping[str, Any], hot: Callable[[], float] = lambda: 0.0) -> Course:
        """The candidates for a chat request; ``hot`` tells the heat of its topic, and is asked only where it counts.

        Raises :class:`ModelNotFound` and :class:`SensitiveContent`.
        """
        fleet = self._fleet()
        facts = self._facts(fleet, body, hot)
        found = self._candidates(fleet, facts)
        if not facts.sensitive and any(one.tier == CLOUD for one in found) and _sensitive(fleet, body):
            found = self._candidates(fleet, Facts(facts.named, sensitive=True))
        return Course(fleet, found, found[0], facts.named.name if facts.named else "")

    def _facts(self, fleet: Fleet, body: Mapping[str, Any], hot: Callable[[], float]) -> Facts:
        plan = fleet.plan
        # A provider may be there at servers of its own alone.
        known = {*fleet.providers, *(one.provider for one in plan.local)}
        if plan.local or plan.cloud:
            known.add(AUTO)
        model = resolve(str(body.get("model")), known)
        if model.provider != AUTO:
            return Facts(Endpoint(model.provider, model.model))
        messages = body.get("messages") or ()
        facts = Facts(tokens=complexity.tokens(messages), code=complexity.has_code(messages),
                      sensitive=_sensitive(fleet, body))
        if facts.sensitive or is_complex(facts, plan) or not plan.local:
            return facts
        return Facts(tokens=facts.tokens, hot=hot())

    def _candidates(self, fleet: Fleet, facts: Facts) -> list[Candidate]:
        turn = next(self._turns)
        found = candidates(facts, fleet.plan, lambda endpoints: self._turned(endpoints, fleet.plan, turn))
        there = [one for one in found if one.endpoint.source in fleet.providers]
        if there:
            return there
        if facts.sensitive:
            raise SensitiveContent(param="messages")
        resolve(found[0].endpoint.name, fleet.providers)  # Raises, and says what to configure.
        raise AssertionError("a provider that can be resolved is among the providers")

    def _turned(self, endpoints: Iterable[Endpoint], plan: Plan, turn: int) -> list[Endpoint]:
        """The servers in house take turns, those that failed lately come last; the others stand as they are."""
        listed = [*endpoints]
        if len(listed) < 2 or not set(listed) <= set(plan.local):
            return listed
        start = turn % len(listed)
        now = self._clock()
        return sorted([*listed[start:], *listed[:start]], key=lambda one: self._failed.get(one, 0.0) > now)

    def complete(self, course: Course, run: str, calls: Calls, bear: Bear) -> dict[str, Any]:
        """The whole answer of the first candidate that gives one; else the error of the first."""
        errors: list[MemoryOSError] = []
        for candidate in course.candidates:
            try:
                with self._slot(course, candidate, run):
                    whole = self._whole(course, candidate, calls, bear)
            except MemoryOSError as error:
                self._failed_at(course, candidate, error, errors)
            else:
                course.answered = candidate
                return whole
        raise errors[0]

    def stream(self, course: Course, run: str, calls: Calls, bear: Bear) -> Chunks:
        """The chunks of the first candidate that says something; one that has spoken is followed by no other.

        What comes before the first token is held until it is there.
        """
        errors: list[MemoryOSError] = []
        for candidate in course.candidates:
            begun = False
            try:
                with self._slot(course, candidate, run), closing(self._asked(course, candidate, calls, bear)) as chunks:
                    for chunk in chunks:
                        if not begun:
                            course.answered, begun = candidate, True
                        yield chunk
                return
            except MemoryOSError as error:
                if begun:
                    raise
                self._failed_at(course, candidate, error, errors)
        raise errors[0]

    def _whole(self, course: Course, candidate: Candidate, calls: Calls, bear: Bear) -> dict[str, Any]:
        """A whole answer has no first token: a silent model must leave a share of the time to each that stands in."""
        provider, call = course.fleet.providers[candidate.endpoint.source], calls(candidate)
        others = len(course.candidates) - course.candidates.index(candidate) - 1
        now = self._clock()
        call = replace(call, deadline=now + (call.deadline - now) / (others + 1))

        def bear_within(error: UpstreamError) -> None:
            bear(error)
            if others and self._clock() >= call.deadline:
                raise error

        return once_more(bear_within, lambda: provider.complete(call))

    def _asked(self, course: Course, candidate: Candidate, calls: Calls, bear: Bear) -> Chunks:
        provider, call = course.fleet.providers[candidate.endpoint.source], calls(candidate)
        return chunks_once_more(bear, lambda: from_first_token(provider.stream(call)))

    def _failed_at(
        self, course: Course, candidate: Candidate, error: MemoryOSError, errors: list[MemoryOSError]
    ) -> None:
        """Note the error, or raise it (or that of the model that was chosen) when no other candidate is asked."""
        if errors and isinstance(error, DeadlineExceeded):
            raise errors[0]  # No time was left to ask this one.
        course.tried.append({"model": candidate.endpoint.name, "code": error.code})
        first = not errors
        if candidate.endpoint in course.fleet.plan.local and not isinstance(error, EndpointBusy):
            self._failed[candidate.endpoint] = self._clock() + COOL_SECONDS
        if not passes_on(error, first=first):
            raise error
        errors.append(error)

    @contextmanager
    def _slot(self, course: Course, candidate: Candidate, run: str) -> Iterator[None]:
        """A slot at the endpoint. Raises :class:`EndpointBusy`, after a short wait where no other is to be asked."""
        most, endpoint = course.fleet.most, f"{candidate.endpoint.source}/{candidate.endpoint.model}"
        if not most:
            yield
            return
        until = self._clock() + (SLOT_SECONDS if candidate is course.candidates[-1] else 0.0)
        while not self._slots.take(endpoint, run, most):
            if self._clock() >= until:
                raise EndpointBusy(f"{most} runs are at {candidate.endpoint.name} already, as many as "
                                   "llm.max_concurrent allows; try again in a moment.", retry_after=2)
            self._sleep(SLOT_LOOK)
        try:
            yield
        finally:
            self._slots.leave(endpoint, run)


def from_first_token(chunks: Generator[dict[str, Any], None, None]) -> Chunks:
    """The same chunks; those before the first token come together with it."""
    with closing(chunks):
        held: list[dict[str, Any]] = []
        for chunk in chunks:
            held.append(chunk)
            if any(_says(choice) for choice in chunk.get("choices") or ()):
                break
        yield from held
        yield from chunks


def _says(choice: Mapping[str, Any]) -> bool:
    said = any(value for key, value in (choice.get("delta") or {}).items() if key != "role")
    return said or choice.get("finish_reason") is not None


def guard_towards(fleet: Fleet, model: str) -> Sensitivity | None:
    """What a model must not be shown: nothing is kept from one in house."""
    try:
        found = resolve(model, fleet.providers)
    except MemoryOSError:
        return fleet.guard
    return None if fleet.plan.is_local(Endpoint(found.provider, found.model)) else fleet.guard


def _sensitive(fleet: Fleet, body: Mapping[str, Any]) -> bool:
    return fleet.guard is not None and fleet.guard.request(body)
