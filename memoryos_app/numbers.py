"""The gateway's own numbers for Prometheus."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

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
            now = self._parts.backlog()
        except Exception:
            return  # A store is away: the status gauge says so, and these numbers are not known.
        yield _by("memoryos_queue_messages", "Messages waiting in a queue.", "queue", now.messages)
        yield _one("memoryos_queue_unacked", "Messages delivered and not acknowledged.", now.unacked)
        yield _one("memoryos_queue_unacked_age_seconds", "Age of the oldest of them.", now.unacked_age)
        yield _by("memoryos_jobs_open", "Jobs waiting or running.", "kind", now.jobs)
        yield _one("memoryos_jobs_due", "Jobs that a sweep would publish again now.", now.jobs_due)
        yield _one("memoryos_events_pending", "Events journaled and not applied yet.", now.events)
        yield _one("memoryos_oldest_event_age_seconds", "Age of the oldest of them.", now.oldest_event_age)
        yield _by("memoryos_journal_pending", "Entries delivered and not acknowledged.", "group", now.groups)
        yield _by("memoryos_dead_letters", "Dead letters that are kept.", "queue", now.dead_letters)
        for name, label, text in COUNTED:
            yield _counter(name, label, text, now.counters)


#: What workers count: the name in the store, its label and what it means.
COUNTED = (
    ("dead", "reason", "Work that became a dead letter."),
    ("redelivered", "what", "Work that was given out again because its worker was lost."),
    ("sweeper", "action", "What the sweeper has done."),
    ("lock", "event", "Locks on a user's memory that had to be waited for, or were not had."),
    ("compaction", "action", "What compaction has done: runs, segments of each sort, pages, events."),
    ("reindexing", "action", "What embedding memory anew has done: runs, points filled, embedders switched."),
    ("plane_anomalies", "sort", "Users and addresses that asked the control plane far too much, or guessed keys."),
    ("analysis", "outcome", "Answers of the model that analyses segments, and segments that the rules did instead."),
)
#: Their names as Prometheus sees them.
NAMES = {
    "dead": "memoryos_dead_letters_made",
    "redelivered": "memoryos_redelivered",
    "sweeper": "memoryos_sweeper_actions",
    "lock": "memoryos_lock_waits",
    "compaction": "memoryos_compaction",
    "reindexing": "memoryos_reindexing",
    "analysis": "memoryos_analysis",
    "plane_anomalies": "memoryos_plane_anomalies_flagged",
}


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], float(number))
    return family


def _counter(name: str, label: str, text: str, counters: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(NAMES[name], text, labels=[label])
    for key, number in counters.items():
        counted, _, value = key.partition(" ")
        if counted == name:
            family.add_metric([value], float(number))
    return family


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
