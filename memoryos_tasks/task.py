"""The base of every task: correlation and clean failures."""

from __future__ import annotations

import time
from typing import Any

import structlog
from celery import Task
from celery.exceptions import TaskPredicate

from memoryos_tasks.core.errors import MemoryOSError
from memoryos_tasks.services.chat import Unexpected

log = structlog.get_logger(__name__)


class TaskFailed(Exception):
    """A task failed. Carries a code only: Celery shows this text in Flower and keeps it in results."""


class MemoryOSTask(Task):  # type: ignore[misc]
    """Runs with the request id of the call that rang for it; lets no text of a payload out through an error.

    Nothing is tried again by Celery: the ledger and the journal hold the work, and what becomes of it stands in
    :mod:`memoryos_tasks.core.retries`.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(
            request_id=(self.request.headers or {}).get("request_id", "") or getattr(self.request, "request_id", ""),
            task=self.name,
            task_id=self.request.id,
        )
        try:
            answer = super().__call__(*args, **kwargs)
            self._log(started, **(answer if isinstance(answer, dict) else {}))
            return answer
        except TaskPredicate:
            raise  # Not a failure: Celery's own word for "later", with the error of ours that caused it.
        except MemoryOSError as error:
            log.warning("task_failed", code=error.code)
            raise TaskFailed(error.code) from None
        except Exception as error:
            log.error("task_crashed", exc_info=error.__cause__ if isinstance(error, Unexpected) else error)
            raise TaskFailed(type(error).__name__) from None

    def _log(self, started: float, **answer: Any) -> None:
        """One line a task; what beat rings for every second is for debugging."""
        write = log.debug if self.name.startswith("maintenance.") else log.info
        write("task", duration_ms=round((time.perf_counter() - started) * 1000, 2), **answer)
