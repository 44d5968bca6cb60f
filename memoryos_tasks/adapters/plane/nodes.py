"""This node among the others: it keeps its seat in the shared store, and knows whether it is the scheduler."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from memoryos_tasks.core.errors import RegistryDown
from memoryos_tasks.core.plane.nodes import NodeNote, NodeStatus, Pace, Progress, Term, isolated
from memoryos_tasks.ports.plane.election import Seat

log = structlog.get_logger(__name__)

#: Seconds until a store that could not be reached is told again, where the heartbeat is slower.
RETRY = 0.2


class ControlNode:
    """See :class:`memoryos_tasks.ports.plane.election.Nodes`. ``id`` names the node among the others, ``address`` is
    where it answers."""

    def __init__(
        self, seat: Seat, pace: Pace, *, id: str, address: str, progress: Callable[[], Progress],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.id = id
        self._seat = seat
        self._pace = pace
        self._address = address
        self._progress = progress
        self._clock = clock
        self._started_at = clock()
        self._term: Term | None = None
        self._until = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._down = False

    def nodes(self) -> Sequence[NodeStatus]:
        try:
            return self._seat.look()
        except RegistryDown:
            return [isolated(self._note(), now=self._clock())]

    def term(self) -> Term | None:
        term = self._term
        return term if term is not None and time.monotonic() < self._until else None

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="node", daemon=True)
            self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=self._pace.lease)
        self._set(None)
        try:
            self._seat.leave()
        except RegistryDown:
            log.warning("node_not_signed_off", node=self.id)

    def _run(self) -> None:
        while not self._stop.is_set():
            asked = time.monotonic()
            try:
                token = self._seat.beat(self._note())
            except RegistryDown:
                self._tell(down=True)
                pause = min(self._pace.heartbeat, RETRY)
            except Exception:  # whatever it is, this thread must go on: the others take a silent node for dead
                log.exception("node_not_heard")
                pause = self._pace.heartbeat
            else:
                self._tell(down=False)
                # Counted from the question: the store's lease runs from when it came in, never earlier.
                self._until = asked + self._pace.step_down
                self._set(Term(self.id, token) if token else None)
                pause = self._pace.heartbeat - (time.monotonic() - asked)
            if time.monotonic() >= self._until:
                self._set(None)
            self._stop.wait(max(0.01, pause))

    def _set(self, term: Term | None) -> None:
        if term != self._term:
            self._term = term
            log.info("scheduler_elected" if term else "scheduler_steps_down", node=self.id)

    def _tell(self, *, down: bool) -> None:
        if down != self._down:
            self._down = down
            log.warning("nodes_not_reached" if down else "nodes_reached", node=self.id)

    def _note(self) -> NodeNote:
        has = self._progress()
        return NodeNote(self.id, self._address, self._started_at, has.at, has.revision, has.delay_ms)
