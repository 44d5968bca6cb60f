"""Ringing a worker: a small Celery producer that imports no task."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import kombu.exceptions
import redis
from celery import Celery

from memoryos_tasks.core.errors import TrafficDown
from memoryos_tasks.core.settings import Settings


class Publisher:
    """Publishes tasks whose arguments are ids only."""

    def __init__(self, settings: Settings) -> None:
        self._lock = threading.Lock()
        self._settings = settings
        self._celery: Celery | None = None

    def ring(
        self,
        task: str,
        args: Sequence[str] = (),
        *,
        queue: str,
        task_id: str | None = None,
        request_id: str = "",
        expires: float | None = None,
    ) -> None:
        """Publish one task. Raises :class:`TrafficDown` when the broker cannot be reached in time."""
        try:
            self._app().send_task(
                task,
                args=list(args),
                queue=queue,
                task_id=task_id,
                expires=expires,
                headers={"request_id": request_id},
            )
        except (kombu.exceptions.OperationalError, redis.RedisError, OSError) as error:
            raise TrafficDown(retry_after=1) from error

    def _app(self) -> Celery:
        with self._lock:
            if self._celery is None:
                self._celery = self._make()
            return self._celery

    def _make(self) -> Celery:
        celery = Celery("memoryos-publisher", set_as_current=False)
        celery.config_from_object("celeryconfig", force=True)
        timeout = self._settings.redis.timeout
        celery.conf.update(
            broker_url=self._settings.redis.traffic_url,
            # Without a backend a publish makes no subscription for a result that nobody here waits for.
            result_backend="disabled://",
            broker_connection_timeout=timeout,
            broker_transport_options={
                **celery.conf.broker_transport_options,
                "socket_timeout": timeout,
                "socket_connect_timeout": timeout,
            },
            broker_pool_limit=16,
            # A ring that fails is told at once: who rings answers 503, or leaves it to the sweeper.
            task_publish_retry=False,
        )
        return celery
