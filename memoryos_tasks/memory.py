"""Tasks that move memory through its tiers, and the reads that clients wait for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from memoryos_tasks.bootstrap import House, house
from memoryos_tasks.celery_app import app
from memoryos_tasks.core.errors import LostClaim, MemoryOSError, TrafficDown, VectorsDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.runs import Saying
from memoryos_tasks.queues import MEMORY
from memoryos_tasks.services.ingest import Drained
from memoryos_tasks.task import MemoryOSTask


@app.task(name="memory.ingest", base=MemoryOSTask)
def ingest() -> dict[str, Any]:
    """Take what the journal holds into memory."""
    return {"applied": apply_journal(house())}


@app.task(name="memory.consolidate", base=MemoryOSTask)
def consolidate(tenant: str, user: str, session: str, keep: int) -> dict[str, Any]:
    """Make pages and segments of the session's oldest events, then promote what is hot."""
    parts, owner = house(), Owner(tenant, user)
    pages = parts.consolidation.run(owner, session, keep=keep)
    if pages:
        ring(parts, "memory.promote", [tenant, user])
    return {"pages": pages}


@app.task(name="memory.promote", base=MemoryOSTask)
def promote(tenant: str, user: str) -> dict[str, Any]:
    """Count visits, recompute heat, and learn from what is hot."""
    parts, owner = house(), Owner(tenant, user)
    return {"learned": parts.promotion.run(owner, parts.visits.take(owner))}


@app.task(name="memory.retrieve", base=MemoryOSTask)
def retrieve(tenant: str, request_id: str) -> dict[str, Any]:
    """Answer one retrieval."""
    parts = house()
    return _answer(parts, tenant, request_id, parts.retrieval.retrieve)


@app.task(name="memory.profile", base=MemoryOSTask)
def profile(tenant: str, request_id: str) -> dict[str, Any]:
    """Answer with the user's profile."""
    parts = house()
    return _answer(parts, tenant, request_id, lambda owner, _: parts.retrieval.profile(owner))


def apply_journal(parts: House) -> int:
    """Drain the journal, and note the sessions that overflow; how many events were applied."""
    try:
        drained = parts.ingest.drain()
    except (VectorsDown, LostClaim):
        return 0  # Short-term memory has the events; the sweeper brings them to the index.
    note_overflow(parts, drained)
    return drained.applied


def note_overflow(parts: House, drained: Drained) -> None:
    """Note what holds more than short-term memory should, for beat to ring for."""
    with suppress(TrafficDown):
        parts.overflow.note(drained.overflowing)


def ring(parts: House, task: str, args: list[Any]) -> None:
    """Ring on the memory queue; a bell that cannot be rung is rung by beat later."""
    with suppress(TrafficDown):
        parts.publisher.ring(task, args, queue=MEMORY)


def _answer(
    parts: House, tenant: str, request_id: str, read: Callable[[Owner, Any], dict[str, Any]]
) -> dict[str, Any]:
    """Make the read that was asked for and say its answer to the gateway that waits."""
    asked = parts.runs.asked(tenant, request_id)
    if asked is None:
        return {"status": "skipped"}
    owner, request = asked
    inbox = str(request.get("inbox") or "")
    try:
        answer = read(owner, request)
    except MemoryOSError as error:
        parts.runs.say(owner, request_id, Saying.ERROR, error.described(), inbox=inbox)
        return {"status": "failed", "code": error.code}
    except Exception:
        # Its text stays here (the task's base logs the place); whoever waits is told that it failed.
        broken = MemoryOSError("The read failed inside MemoryOS; its log names the place.")
        parts.runs.say(owner, request_id, Saying.ERROR, broken.described(), inbox=inbox)
        raise
    parts.runs.say(owner, request_id, Saying.DONE, answer, inbox=inbox)
    return {"status": "succeeded"}
