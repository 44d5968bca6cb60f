"""Which runs of this process were cancelled: one thread asks for all of them, so that a silent run learns it too."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.core.events import Owner

#: Seconds between two looks.
LOOK_SECONDS = 0.2
#: Looks without any run to look after, after which the thread ends.
IDLE_LOOKS = 25


class Watched:
    """One run that is looked after."""

    __slots__ = ("cancelled", "key")

    def __init__(self, key: str) -> None:
        self.key = key
        self.cancelled = False


class Cancels:
    """Looks after runs while they go on."""

    def __init__(self, traffic: redis.Redis) -> None:
        self._redis = traffic
        self._lock = threading.Lock()
        self._runs: set[Watched] = set()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, owner: Owner, job_id: str) -> Iterator[Callable[[], bool]]:
        """See :meth:`memoryos_tasks.ports.runs.Runs.watching`."""
        run = Watched(keyspace.cancelled(owner.tenant, job_id))
        with self._lock:
            self._runs.add(run)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look_after, name="cancels", daemon=True)
                self._thread.start()
        try:
            yield lambda: run.cancelled
        finally:
            with self._lock:
                self._runs.discard(run)

    def _look_after(self) -> None:
        pause, idle = threading.Event(), 0
        while True:
            pause.wait(LOOK_SECONDS)
            with self._lock:
                runs = list(self._runs)
                idle = 0 if runs else idle + 1
                if idle >= IDLE_LOOKS:
                    self._thread = None
                    return
            if runs:
                self._look(runs)

    def _look(self, runs: list[Watched]) -> None:
        try:
            flags: Any = self._redis.mget([run.key for run in runs])
        except redis.RedisError:
            return  # Away for a moment: the ledger tells who renews a claim.
        for run, flag in zip(runs, flags, strict=True):
            if flag is not None:
                run.cancelled = True
