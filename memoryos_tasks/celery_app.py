"""The Celery app: ``celery -A memoryos_tasks worker``."""

from __future__ import annotations

from celery import Celery

from memoryos_tasks.queues import QUEUES

#: The modules whose tasks a worker runs; imported by workers only.
TASK_MODULES = (
    "memoryos_tasks.chat",
    "memoryos_tasks.plane",
    "memoryos_tasks.memory",
    "memoryos_tasks.rights",
    "memoryos_tasks.faq",
    "memoryos_tasks.maintenance",
    "memoryos_tasks.vectors",
    "memoryos_tasks.process",
)

app = Celery("memoryos", include=list(TASK_MODULES))
app.config_from_object("celeryconfig")
# The class that keeps results, by the schemes of ``result_backend``.
app.loader.override_backends = dict.fromkeys(("redis", "rediss"), "memoryos_tasks.results:RedisBackend")


def check_queues(celery: Celery) -> None:
    """Raises ``ValueError`` when a route or a schedule entry feeds a queue that is not declared."""
    conf = celery.conf
    fed = {route["queue"] for route in conf.task_routes.values()}
    fed |= {entry.get("options", {}).get("queue", conf.task_default_queue) for entry in conf.beat_schedule.values()}
    unknown = fed - set(QUEUES)
    if unknown:
        raise ValueError(f"These queues are fed and not declared: {', '.join(sorted(unknown))}.")


check_queues(app)
