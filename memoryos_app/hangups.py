"""Runs whose client has gone: each is cancelled after a grace, unless somebody comes back for it."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable

import structlog

from memoryos_tasks.core.errors import MemoryOSError
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.ledger import Ledger
from memoryos_tasks.ports.runs import Runs

log = structlog.get_logger(__name__)

#: Most runs that wait for their end; beyond it the next one is cancelled without grace.
BOUND = 10_000


class Hangups:
    """One thread per process, started by the first hang-up."""

    def __init__(self, ledger: Ledger, runs: Runs, grace: Callable[[], float]) -> None:
        self._ledger = ledger
        self._runs = runs
        self._grace = grace
        self._lock = threading.Condition()
        self._due: list[tuple[float, str, Owner]] = []
        self._gone: dict[str, float] = {}
        self._listeners: dict[str, int] = {}
        self._thread: threading.Thread | None = None
        self._stopping = False

    def came(self, job_id: str) -> None:
        """Somebody waits for this run; a coming cancel is off."""
        with self._lock:
            self._listeners[job_id] = self._listeners.get(job_id, 0) + 1
            self._gone.pop(job_id, None)

    def left(self, owner: Owner, job_id: str, *, finished: bool) -> None:
        """A waiter has gone; the last one of an unfinished run starts the grace."""
        with self._lock:
            listeners = self._listeners.pop(job_id, 1) - 1
            if listeners > 0:
                self._listeners[job_id] = listeners
                return
            if finished:
                return
            grace = self._grace() if len(self._gone) < BOUND else 0.0
            due = time.monotonic() + grace
            self._gone[job_id] = due
            heapq.heappush(self._due, (due, job_id, owner))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hangups", daemon=True)
                self._thread.start()
            self._lock.notify()

    def stop(self) -> None:
        with self._lock:
            self._stopping = True
            self._lock.notify()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._stopping and (not self._due or self._due[0][0] > time.monotonic()):
                    self._lock.wait(self._due[0][0] - time.monotonic() if self._due else None)
                if self._stopping:
                    return
                due, job_id, owner = heapq.heappop(self._due)
                if self._gone.get(job_id) != due:
                    continue
                del self._gone[job_id]
            self._cancel(owner, job_id)

    def _cancel(self, owner: Owner, job_id: str) -> None:
        for cancel in (
            lambda: self._runs.cancel(owner, job_id),
            lambda: self._ledger.cancel(owner.tenant, job_id),
        ):
            try:
                cancel()
            except MemoryOSError as error:
                log.warning("a run whose client left was not cancelled", job_id=job_id, code=error.code)
            except Exception as error:
                log.error("cancelling failed", job_id=job_id, error=type(error).__name__)
