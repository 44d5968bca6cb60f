"""Tasks by which owners look at their memory item by item, change it, take it out and bring it in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any, cast

from memoryos_tasks.bootstrap import House, house
from memoryos_tasks.celery_app import app
from memoryos_tasks.core.errors import NotFound, Unavailable
from memoryos_tasks.memory import answer
from memoryos_tasks.ports.ledger import Status
from memoryos_tasks.ports.runs import Saying
from memoryos_tasks.services.work import Made
from memoryos_tasks.task import MemoryOSTask

#: Tenant and id of the request or job → what the task says: status and counts.
Body = Callable[[str, str], dict[str, Any]]


def _task(name: str) -> Callable[[Body], Body]:
    return cast("Callable[[Body], Body]", app.task(name=name, base=MemoryOSTask))


@_task("memory.items")
def items(tenant: str, request_id: str) -> dict[str, Any]:
    """Answer with a page of the user's items."""
    parts = house()
    return answer(parts, tenant, request_id, parts.items.page)


@_task("memory.item")
def item(tenant: str, request_id: str) -> dict[str, Any]:
    """Answer with one item."""
    parts = house()
    return answer(parts, tenant, request_id, parts.items.one)


@_task("memory.versions")
def versions(tenant: str, request_id: str) -> dict[str, Any]:
    """Answer with what an item was."""
    parts = house()
    return answer(parts, tenant, request_id, parts.items.versions)


@_task("memory.change")
def change(tenant: str, job_id: str) -> dict[str, Any]:
    """Change one item, and tell who waits that it is done."""
    parts = house()
    done = parts.work.run(tenant, job_id, lambda job, _: Made({"changed": 1}, parts.changes.make(job)))
    _tell(parts, tenant, job_id)
    return asdict(done)


@_task("memory.export")
def export(tenant: str, job_id: str) -> dict[str, Any]:
    """Put all of a user's memory into one document: the job's result."""
    parts = house()
    return asdict(parts.work.run(tenant, job_id, parts.exporting.run))


@_task("memory.import")
def bring(tenant: str, job_id: str) -> dict[str, Any]:
    """Believe what an imported document believed; the receipt is the job's result."""
    parts = house()
    return asdict(parts.work.run(tenant, job_id, parts.importing.run))


def _tell(parts: House, tenant: str, job_id: str) -> None:
    """Ring in the inbox of whoever waits: what became of the job stands in the ledger, and nothing of it passes here.

    Who cannot be told asks the ledger after a while.
    """
    with suppress(Unavailable, NotFound):
        job = parts.ledger.get(tenant, job_id)
        if job.inbox and job.status.final:
            saying = Saying.DONE if job.status is Status.SUCCEEDED else Saying.ERROR
            parts.runs.say(job.owner, job_id, saying, {}, inbox=job.inbox)
