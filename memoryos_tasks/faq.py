"""Tasks of FAQs: what beat rings for, and exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, cast

from memoryos_tasks.bootstrap import house
from memoryos_tasks.celery_app import app
from memoryos_tasks.core.errors import Unavailable
from memoryos_tasks.services.faq_upkeep import Round
from memoryos_tasks.task import MemoryOSTask

Body = Callable[..., dict[str, Any]]


def _task(name: str) -> Callable[[Body], Body]:
    return cast("Callable[[Body], Body]", app.task(name=name, base=MemoryOSTask))


@_task("maintenance.faq")
def upkeep() -> dict[str, Any]:
    """Promote questions that have become common, demote FAQs that nobody asks any more."""
    try:
        return asdict(house().faq.upkeep.round())
    except Unavailable:
        return asdict(Round())  # The next round looks again.


@_task("memory.faq_export")
def export(tenant: str, job_id: str) -> dict[str, Any]:
    """Put a tenant's FAQs into a document, to S3 or to Confluence: where it is stands in the job's result."""
    parts = house()
    return asdict(parts.work.run(tenant, job_id, parts.faq.exporting.run))
