"""What beat rings for: each finds out what there is to do and does a bounded piece of it."""

from __future__ import annotations

from typing import Any

from memoryos_tasks.bootstrap import House, house
from memoryos_tasks.celery_app import app
from memoryos_tasks.core.errors import LostClaim, VectorsDown
from memoryos_tasks.memory import apply_journal, note_overflow, ring
from memoryos_tasks.ports.runs import Saying
from memoryos_tasks.queues import CHAT
from memoryos_tasks.services.ingest import Drained
from memoryos_tasks.task import MemoryOSTask

#: Jobs, sessions or owners that one round looks at.
ROUND = 200
#: Seconds after which an entry that a consumer took and did not apply is applied by another; twice does no harm.
ABANDONED_SECONDS = 5.0


@app.task(name="maintenance.sweep", base=MemoryOSTask)
def sweep() -> dict[str, Any]:
    """Ring again for jobs that nobody works on, close those that cannot be, apply what lies in the journal, and
    ring for the consolidation of what overflows."""
    parts = house()
    due, dead = parts.ledger.due(count=ROUND)
    for tenant, job_id, kind in due:
        if kind == "chat":
            parts.publisher.ring("chat.run", [tenant, job_id], queue=CHAT, task_id=job_id)
    for tenant, job_id, _ in dead:
        job = parts.ledger.get(tenant, job_id)
        parts.runs.say(job.owner, job.id, Saying.ERROR, job.error or {}, inbox=job.inbox)
    applied = apply_journal(parts)
    recovered = recover(parts)
    note_overflow(parts, recovered)
    for owner, session in parts.overflow.take(count=ROUND):
        ring(parts, "memory.consolidate", [owner.tenant, owner.user, session, parts.settings.memory.stm_capacity])
    return {"rung": len(due), "dead": len(dead), "applied": applied + recovered.applied}


def recover(parts: House) -> Drained:
    """Apply what was left half done; what cannot be applied now is tried again."""
    try:
        return parts.ingest.recover(idle_seconds=ABANDONED_SECONDS)
    except (VectorsDown, LostClaim):
        return Drained()


@app.task(name="maintenance.idle", base=MemoryOSTask)
def idle() -> dict[str, Any]:
    """Ring for the consolidation of sessions that have heard nothing for a while."""
    parts = house()
    found = parts.stm.idle(seconds=parts.live.current.memory.idle_seconds, count=ROUND)
    for owner, session in found:
        ring(parts, "memory.consolidate", [owner.tenant, owner.user, session, 0])
    return {"sessions": len(found)}


@app.task(name="maintenance.heat", base=MemoryOSTask)
def heat() -> dict[str, Any]:
    """Ring for the owners whose segments were visited, so that heat and promotion follow."""
    parts = house()
    owners = parts.visits.owners(count=ROUND)
    for owner in owners:
        ring(parts, "memory.promote", [owner.tenant, owner.user])
    return {"owners": len(owners)}


@app.task(name="maintenance.trim", base=MemoryOSTask)
def trim() -> dict[str, Any]:
    """Drop what every consumer of the journal has applied; its permanent home is the index."""
    return {"dropped": house().journal.trim()}


@app.task(name="maintenance.optimize", base=MemoryOSTask)
def optimize() -> dict[str, Any]:
    """Let the embedded store build its indexes; only its owner can."""
    shared = house().shared
    store = shared.owned if shared is not None else None
    return {"optimized": store.optimize() if store is not None else False}
