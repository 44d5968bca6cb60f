"""The threads of a worker, which a leaving worker waits for, but not for ever."""

from __future__ import annotations

import time
from concurrent.futures import Future, wait
from typing import Any

from celery.concurrency import thread
from celery.worker import state

from memoryos_tasks.process import process

#: Seconds that a leaving worker gives its runs. Its supervisor has to wait longer before it kills.
GRACE_SECONDS = 8.0
#: Seconds between two looks whether it is to leave at once.
LOOK_SECONDS = 0.2


class TaskPool(thread.TaskPool):  # type: ignore[misc]
    """Celery's waits for every thread, so that one slow answer holds a warm shutdown up until it is killed, with the
    jobs of all its runs locked until their leases end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._runs: set[Future[Any]] = set()

    def on_apply(self, *args: Any, **kwargs: Any) -> Any:
        result = super().on_apply(*args, **kwargs)
        self._runs.add(result.f)
        result.f.add_done_callback(self._runs.discard)
        return result

    def on_stop(self) -> None:
        """Warm: let the runs finish for a while, then give their jobs back. What has not begun is rung for again."""
        process.leave()
        self.executor.shutdown(wait=False, cancel_futures=True)
        end = time.monotonic() + GRACE_SECONDS
        while self._runs and time.monotonic() < end and not state.should_terminate:
            wait(list(self._runs), timeout=LOOK_SECONDS)
        process.give_back(hanging=bool(self._runs))

    def on_terminate(self) -> None:
        """Cold: give the jobs back now."""
        process.leave()
        self.executor.shutdown(wait=False, cancel_futures=True)
        process.give_back(hanging=bool(self._runs))
        process.stop()

    def terminate_job(self, pid: int, signal: Any = None) -> None:
        """A thread cannot be ended; a cold shutdown gives its job back and ends the process."""
