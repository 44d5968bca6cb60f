"""What is up: one thread per process asks every half second, so that a request needs only look."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from memoryos_tasks.core.errors import MemoryOSError

log = structlog.get_logger(__name__)

#: Seconds between two looks.
PERIOD = 0.5


class Worker(Protocol):
    """One worker process as it announced itself."""

    @property
    def name(self) -> str: ...
    @property
    def pid(self) -> int: ...
    @property
    def queues(self) -> tuple[str, ...]: ...
    @property
    def warm(self) -> bool: ...
    @property
    def vectors(self) -> str: ...
    @property
    def models(self) -> tuple[str, ...]: ...
    @property
    def seen_at(self) -> float: ...


@dataclass(frozen=True, slots=True)
class State:
    """Which parts answer now."""

    truth: bool
    traffic: bool
    workers: tuple[Worker, ...] = ()

    @property
    def served(self) -> frozenset[str]:
        """The queues that a warm worker consumes."""
        return frozenset(queue for worker in self.workers if worker.warm for queue in worker.queues)

    @property
    def vectors(self) -> bool:
        """True while a warm worker owns the embedded store or speaks to a server; a client alone has nobody to ask."""
        return any(worker.warm and worker.vectors in ("owner", "server") for worker in self.workers)

    @property
    def status(self) -> str:
        """The value of ``X-MemoryOS-Status``."""
        if not self.truth:
            return "degraded:truth" if self.traffic else "degraded:proxy"
        if not self.traffic:
            return "degraded:traffic"
        if "chat" not in self.served:
            return "not_ready"
        return "ready" if self.vectors else "degraded:vectors"

    @property
    def mode(self) -> str:
        """The value of ``mode`` in ``/health/status``."""
        status = self.status
        return "degraded_ready" if status.startswith("degraded") else status


class Watching(Protocol):
    """What requests ask of a watch."""

    @property
    def state(self) -> State: ...

    def truth_failed(self) -> None:
        """A call has just failed: count the truth as down until it answers again."""

    def traffic_failed(self) -> None:
        """The same for the traffic role."""

    def wait_for(self, queue: str, timeout: float) -> bool:
        """Whether a warm worker serves the queue, now or within that many seconds."""


class Watch:
    """Asks the stores through the given calls, which raise when their store does not answer in time."""

    def __init__(
        self,
        ping_truth: Callable[[], object],
        ping_traffic: Callable[[], object],
        workers: Callable[[], Sequence[Worker]],
        *,
        period: float = PERIOD,
    ) -> None:
        self._ping_truth = ping_truth
        self._ping_traffic = ping_traffic
        self._workers = workers
        self._period = period
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._state = State(False, False)
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    @property
    def state(self) -> State:
        return self._state

    def start(self) -> None:
        """Look once, then go on looking in the background."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def truth_failed(self) -> None:
        self._set(State(False, self._state.traffic, self._state.workers))

    def traffic_failed(self) -> None:
        self._set(State(self._state.truth, False))

    def wait_for(self, queue: str, timeout: float) -> bool:
        until = time.monotonic() + timeout
        with self._changed:
            while queue not in self._state.served:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return True

    def look(self) -> None:
        """Ask everything once."""
        truth, traffic = _answers(self._ping_truth), _answers(self._ping_traffic)
        workers: tuple[Worker, ...] = ()
        if traffic:
            try:
                workers = tuple(self._workers())
            except MemoryOSError:
                traffic = False
        self._set(State(truth, traffic, workers))

    def _set(self, state: State) -> None:
        with self._changed:
            before, self._state = self._state, state
            self._changed.notify_all()
        if before.status != state.status:
            log.info("status changed", before=before.status, now=state.status)

    def _run(self) -> None:
        while not self._stopping.wait(self._period):
            try:
                self.look()
            except Exception as error:
                log.error("the watch failed once", error=type(error).__name__)


def _answers(ping: Callable[[], object]) -> bool:
    """A store that refuses, times out or says anything but yes is down."""
    try:
        ping()
    except Exception:
        return False
    return True
