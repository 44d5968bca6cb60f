"""Health probes of endpoints: whose turn it is stands in Redis, so that each is probed once a period."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import redis
import structlog

from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.adapters.llm.transport import Transport
from memoryos_tasks.adapters.redis.connections import script, traffic_errors
from memoryos_tasks.core.errors import MemoryOSError, UpstreamError
from memoryos_tasks.core.plane.config import Endpoint

log = structlog.get_logger(__name__)

#: Probes under way at a time, and in one round.
THREADS = 16
ROUND = 256
_PORTS = {"http": 80, "https": 443}


def probe(endpoint: Endpoint) -> bool:
    """Whether the endpoint's host accepts a connection, or answers the GET of its health path with less than 500.

    Takes no longer than the probe's timeout, beside resolving the name.
    """
    parts = urlsplit(endpoint.url)
    health = endpoint.health
    if not health.path:
        try:
            address = (parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80))
            socket.create_connection(address, timeout=health.timeout).close()
        except OSError:
            return False
        return True
    limits = Timeouts(health.timeout, health.timeout, health.timeout)
    # The token stays here: a health path that wants one answers 401, which is an answer.
    transport = Transport("probe", f"{parts.scheme}://{parts.netloc}", {}, limits)
    try:
        with transport.get(f"/{health.path.lstrip('/')}", deadline=time.monotonic() + health.timeout):
            return True
    except UpstreamError as error:
        return error.upstream_status is not None and error.upstream_status < 500
    except MemoryOSError:
        return False
    finally:
        transport.close()


class Probes:
    """Probes the endpoints whose turn it is, and tells the scheduler's state of them."""

    def __init__(self, traffic: redis.Redis, look: Callable[[Endpoint], bool] = probe) -> None:
        self._look = look
        self._due = script(traffic, "plane_probe_due")
        self._note = script(traffic, "plane_probe_note")

    def round(self, endpoints: Sequence[Endpoint]) -> dict[str, bool]:
        """Probe those that are due; by id whether each answered. Raises :class:`TrafficDown`.

        One that is no longer among ``endpoints`` is probed no more.
        """
        rows = [(one.id, round(one.health.initial_delay * 1000), round(one.health.period * 1000)) for one in endpoints]
        if not rows:
            return {}
        with traffic_errors():
            numbers = self._due([], [value for row in rows[:ROUND] for value in row])
        due = [endpoints[int(number) - 1] for number in numbers]
        if not due:
            return {}
        with ThreadPoolExecutor(min(THREADS, len(due)), thread_name_prefix="probe") as threads:
            found = dict(zip(due, threads.map(self._look, due), strict=True))
        for one, answered in found.items():
            with traffic_errors():
                down = bool(self._note([], [one.id, int(answered), one.health.failure_threshold]))
            if not answered:
                log.info("probe_failed", endpoint=one.id, model=one.model, unready=down)
        return {one.id: answered for one, answered in found.items()}
