"""The task of the embedded store's owner."""

from __future__ import annotations

from typing import Any

from memoryos_tasks.adapters.vectors.queue import answer_call
from memoryos_tasks.bootstrap import house
from memoryos_tasks.celery_app import app
from memoryos_tasks.task import MemoryOSTask


@app.task(name="vectors.serve", base=MemoryOSTask, max_retries=0)
def serve(call_id: str) -> dict[str, Any]:
    """Make one call on the embedded store for another process."""
    parts = house()
    return {"served": answer_call(parts.store, parts.traffic, call_id)}
