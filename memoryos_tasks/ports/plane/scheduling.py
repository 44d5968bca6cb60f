"""Which endpoint of a model takes a request: chosen, counted and judged over all workers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from memoryos_tasks.core.plane.breaker import Outcome, State
from memoryos_tasks.core.plane.config import Endpoint

__all__ = ["Budget", "EndpointState", "Outcome", "Reservation", "Scheduler", "State"]


@dataclass(frozen=True, slots=True)
class Reservation:
    """A request's place at an endpoint, kept until it is finished or its worker is no longer heard of.

    ``generation``: of the endpoint's breaker; a result that belongs to an older one says nothing about it.
    ``trial``: the request holds one of a half-open breaker's permits. ``panic``: most endpoints of the model are
    unready, so unready ones are asked too.
    """

    endpoint: Endpoint
    request_id: str
    generation: int
    trial: bool = False
    panic: bool = False
    #: What it was chosen among: how many may be isolated depends on the others.
    among: tuple[Endpoint, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class EndpointState:
    """An endpoint as all workers see it. Times are seconds from now, 0 when there is nothing to wait for.

    ``weight`` is the one in effect: less than the configured one during a slow start. ``down``: its probes fail.
    ``panic`` is of its model as a whole.
    """

    breaker: State = State.CLOSED
    in_flight: int = 0
    weight: float = 0.0
    trips: int = 0
    opens_for: float = 0.0
    cooling: float = 0.0
    down: bool = False
    next_probe: float = 0.0
    panic: bool = False

    @property
    def ready(self) -> bool:
        """Whether requests go there."""
        return self.breaker is State.CLOSED and not self.down and self.cooling <= 0


class Scheduler(Protocol):
    """Raises :class:`TrafficDown` from :meth:`reserve` and :meth:`states`; the others do what they can."""

    def reserve(
        self,
        model: str,
        candidates: Sequence[Endpoint],
        *,
        request_id: str,
        session: str | None = None,
        exclude: Collection[str] = (),
    ) -> Reservation | None:
        """A place at the best of the candidates whose id is not excluded, in one step; None when none can be had.

        ``session`` keeps its requests at one endpoint while that is ready and not overloaded.
        """

    def renew(self, reservation: Reservation) -> None:
        """The request goes on. Done by itself while the process lives."""

    def finish(
        self, reservation: Reservation, outcome: Outcome, seconds: float, retry_after: float | None = None
    ) -> None:
        """Give the place back and tell the breaker how it went; a second time has no effect."""

    def states(self, endpoints: Sequence[Endpoint]) -> Mapping[str, EndpointState]:
        """Endpoint id to its state, as one look at all of them found it; endpoints of several models may be mixed."""


class Budget(Protocol):
    """How many retries may be under way at a time, so that a failing model is not asked ever more."""

    def take(self, model: str, request_id: str, endpoints: Sequence[Endpoint]) -> bool:
        """Whether the request may try again now; True when nobody can tell."""

    def leave(self, model: str, request_id: str) -> None:
        """Its further try is over; one that never began is no error."""
