"""Tasks that a client waits for."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from celery.exceptions import Ignore

from memoryos_tasks.bootstrap import house
from memoryos_tasks.celery_app import app
from memoryos_tasks.memory import ring_for_ingest
from memoryos_tasks.soon import Soon
from memoryos_tasks.task import MemoryOSTask

#: Seconds until what chats have said is indexed, in one batch and off the path of the next question. The session
#: itself shows it at once, and whoever reads from elsewhere before then has it indexed first.
INDEX_DELAY = 0.05

_ingest = Soon(lambda: ring_for_ingest(house()), delay=INDEX_DELAY)


@app.task(name="chat.run", base=MemoryOSTask)
def run(tenant: str, job_id: str) -> dict[str, Any]:
    """Run one chat job, then have what it journaled indexed."""
    outcome = house().chats.run(tenant, job_id)
    if outcome.status == "skipped":
        raise Ignore  # A second bell: the first one's result stays.
    if outcome.remembered:
        _ingest.ask()
    return asdict(outcome)
