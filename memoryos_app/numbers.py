"""The gateway's own numbers for Prometheus."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily

from memoryos_app.parts import Parts

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "memoryos_http_requests", "Requests answered.", ("route", "method", "status"), registry=REGISTRY
)
DURATION = Histogram(
    "memoryos_http_request_seconds",
    "Time from a request to the last byte of its answer.",
    ("route", "method"),
    buckets=_BUCKETS,
    registry=REGISTRY,
)
IN_FLIGHT = Gauge(
    "memoryos_http_in_flight", "Requests being served.", registry=REGISTRY, multiprocess_mode="livesum"
)
FIRST_WORD = Histogram(
    "memoryos_chat_wait_seconds",
    "Time from queueing a chat to the first word of its run.",
    buckets=_BUCKETS,
    registry=REGISTRY,
)
HANGUPS = Counter("memoryos_chat_hangups", "Chats whose client left before the end.", registry=REGISTRY)

#: Every value of the status gauge.
STATUSES = ("ready", "degraded:vectors", "degraded:truth", "degraded:traffic", "degraded:proxy", "not_ready")


class _Stack:
    """The state of the whole stack, asked when somebody looks."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Any]:
        state = self._parts.watch.state
        status = GaugeMetricFamily("memoryos_status", "1 for the current status.", labels=["status"])
        for name in STATUSES:
            status.add_metric([name], float(name == state.status))
        yield status
        workers = GaugeMetricFamily(
            "memoryos_workers", "Warm workers that consume a queue.", labels=["queue"]
        )
        for queue in sorted({queue for worker in state.workers for queue in worker.queues}):
            count = sum(worker.warm and queue in worker.queues for worker in state.workers)
            workers.add_metric([queue], float(count))
        yield workers
        yield from self._backlog()

    def _backlog(self) -> Iterator[Any]:
        try:
            lengths, due = self._parts.backlog()
        except Exception:
            return  # A store is away: the status gauge says so, and these numbers are not known.
        waiting = GaugeMetricFamily(
            "memoryos_queue_messages", "Messages waiting in a queue.", labels=["queue"]
        )
        for queue, length in lengths.items():
            waiting.add_metric([queue], float(length))
        yield waiting
        yield GaugeMetricFamily(
            "memoryos_jobs_due", "Jobs that a sweep would publish again now.", value=float(due)
        )


def exposition(parts: Parts) -> bytes:
    """The page for Prometheus; over all gateway processes when PROMETHEUS_MULTIPROC_DIR is set."""
    text = b""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        shared = CollectorRegistry()
        multiprocess.MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        text += generate_latest(shared)
    else:
        text += generate_latest(REGISTRY)
    stack = CollectorRegistry(auto_describe=False)
    stack.register(_Stack(parts))
    return text + generate_latest(stack)
