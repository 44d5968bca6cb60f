"""Tasks that a client waits for."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from memoryos_tasks.bootstrap import house
from memoryos_tasks.celery_app import app
from memoryos_tasks.memory import apply_journal
from memoryos_tasks.task import MemoryOSTask


@app.task(name="chat.run", base=MemoryOSTask)
def run(tenant: str, job_id: str) -> dict[str, Any]:
    """Run one chat job, then take what it journaled into memory."""
    parts = house()
    outcome = parts.chats.run(tenant, job_id)
    if outcome.remembered:
        apply_journal(parts)
    return asdict(outcome)
