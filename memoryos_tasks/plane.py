"""Tasks of the model control plane: inferences, and what beat rings for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, cast

from celery.exceptions import Ignore

from memoryos_tasks.bootstrap import house
from memoryos_tasks.celery_app import app
from memoryos_tasks.core.errors import Unavailable
from memoryos_tasks.task import MemoryOSTask

Body = Callable[..., dict[str, Any]]


def _task(name: str) -> Callable[[Body], Body]:
    return cast("Callable[[Body], Body]", app.task(name=name, base=MemoryOSTask))


@_task("plane.infer")
def infer(tenant: str, job_id: str) -> dict[str, Any]:
    """Run one inference job."""
    outcome = house().plane.runs.run(tenant, job_id)
    if outcome.status == "skipped":
        raise Ignore  # A second bell: the first one's result stays.
    return asdict(outcome)


@_task("maintenance.plane_probe")
def probe() -> dict[str, Any]:
    """Probe the endpoints whose turn it is."""
    parts = house().plane
    try:
        if not parts.plane.used():
            return {"probed": 0, "failed": 0}
        found = parts.probes.round(parts.plane.registry().endpoints())
    except Unavailable:
        return {"probed": 0, "failed": 0}  # The next round looks again.
    return {"probed": len(found), "failed": sum(not answered for answered in found.values())}
