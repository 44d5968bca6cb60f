"""Ringing a worker: a small Celery producer that imports no task."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from typing import Any

import kombu
import kombu.exceptions
import redis
from celery import Celery
from celery.utils.nodenames import anon_nodename
from kombu.utils.json import dumps

from memoryos_tasks.core.errors import TrafficDown
from memoryos_tasks.core.settings import Settings

#: Threads of a process that may ring at the same moment.
MOST_RINGING = 4096


class Publisher:
    """Publishes tasks whose arguments are ids only."""

    def __init__(self, settings: Settings) -> None:
        self._lock = threading.Lock()
        self._settings = settings
        self._origin = anon_nodename()
        self._opened: tuple[Celery, Any] | None = None

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
            celery, channel = self._open()
            call = celery.amqp.as_task_v2(
                task_id or str(uuid.uuid4()), task, list(args), expires=expires, origin=self._origin, ignore_result=None
            )
            message = channel.prepare_message(
                dumps(call.body),
                content_type="application/json",
                content_encoding="utf-8",
                headers={**call.headers, "request_id": request_id},
                properties={**call.properties, "delivery_mode": kombu.Exchange.PERSISTENT_DELIVERY_MODE},
            )
            channel.basic_publish(message, "", queue)
        except (kombu.exceptions.OperationalError, redis.RedisError, OSError) as error:
            raise TrafficDown(retry_after=1) from error

    def _open(self) -> tuple[Celery, Any]:
        """Celery, which writes the message, and one of kombu's channels, which all threads put it into the queue by.

        ``Celery.send_task`` finds out anew for each message what here is always so, in four times the time. The
        channel has a pool of connections below it, which come back by themselves.
        """
        with self._lock:
            if self._opened is None:
                celery = self._make()
                self._opened = celery, celery.connection_for_write().channel()
            return self._opened

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
                # One for each thread that rings at the same moment; kombu's 10 would fail the eleventh.
                "max_connections": MOST_RINGING,
            },
            # A ring that fails is told at once: who rings answers 503, or leaves it to the sweeper.
            task_publish_retry=False,
        )
        return celery
