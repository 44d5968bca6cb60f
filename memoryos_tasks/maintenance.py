"""What beat rings for: each finds out what there is to do and does a bounded piece of it."""

from __future__ import annotations

import time
from typing import Any

from memoryos_tasks.bootstrap import House, house
from memoryos_tasks.celery_app import app
from memoryos_tasks.core.errors import LostClaim, Unavailable
from memoryos_tasks.memory import apply_journal
from memoryos_tasks.ports.runs import Saying
from memoryos_tasks.queues import TASKS
from memoryos_tasks.services import wanted
from memoryos_tasks.task import MemoryOSTask

#: Jobs, sessions or owners that one round looks at.
ROUND = 200
#: Jobs of our own, of each kind, that one sweep begins for each worker.
OWN_ROUND = 8
#: Seconds after which an entry that a consumer took and did not apply is applied by another; twice does no harm.
ABANDONED_SECONDS = 5.0


@app.task(name="maintenance.sweep", base=MemoryOSTask)
def sweep() -> dict[str, Any]:
    """Ring again for jobs that nobody works on, close those that cannot be, and apply what lies in the journal."""
    parts = house()
    due, dead = parts.ledger.due(count=ROUND, own=OWN_ROUND * max(len(parts.presence.workers()), 1))
    for tenant, job_id, kind in due:
        task, queue = TASKS[kind]
        if kind != "ingest":  # What these wait for is applied below.
            parts.publisher.ring(task, [tenant, job_id], queue=queue, task_id=job_id)
    for tenant, job_id, _ in dead:
        job = parts.ledger.get(tenant, job_id)
        parts.runs.say(job.owner, job.id, Saying.ERROR, job.error or {}, inbox=job.inbox)
    applied = apply_journal(parts)
    recovered = recover(parts)
    return {"rung": len(due), "dead": len(dead), "applied": applied + recovered}


def recover(parts: House) -> int:
    """Apply what was left half done; what cannot be applied now is tried again."""
    try:
        return parts.ingest.recover(idle_seconds=ABANDONED_SECONDS).applied
    except (Unavailable, LostClaim):
        return 0


@app.task(name="maintenance.idle", base=MemoryOSTask)
def idle() -> dict[str, Any]:
    """Want the sessions consolidated that have heard nothing for a while."""
    parts = house()
    found = parts.stm.idle(seconds=parts.live.current.memory.idle_seconds, count=ROUND)
    for owner, session in found:
        wanted.consolidate(parts.ledger, owner, session, keep=0)
    return {"sessions": len(found)}


@app.task(name="maintenance.heat", base=MemoryOSTask)
def heat() -> dict[str, Any]:
    """Want the owners promoted whose segments were visited, so that heat and promotion follow."""
    parts = house()
    owners = parts.visits.owners(count=ROUND)
    for owner in owners:
        wanted.promote(parts.ledger, owner)
    return {"owners": len(owners)}


@app.task(name="maintenance.compact", base=MemoryOSTask)
def compact() -> dict[str, Any]:
    """Want the owners' mid-term memory compacted whose time has come."""
    parts = house()
    owners = parts.upkeep.due(count=ROUND)
    for owner in owners:
        wanted.compact(parts.ledger, owner)
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


@app.task(name="maintenance.reindex", base=MemoryOSTask)
def reindex() -> dict[str, Any]:
    """Want memory embedded anew where another embedder is wanted, or where points lack their vectors."""
    parts = house()
    try:
        due = parts.reindexing.due()
    except Unavailable:
        due = False  # The next round looks again.
    if due:
        wanted.reindex(parts.ledger)
    return {"due": due}


@app.task(name="maintenance.plane_watch", base=MemoryOSTask)
def plane_watch() -> dict[str, Any]:
    """Look who asks the control plane far too much, and how full the queues are; forget endpoints long gone."""
    parts = house()
    try:
        odd = parts.watching.look()
        parts.queue_loads.take(time.time())
        return {"odd": len(odd), "forgotten": parts.recorded.prune(time.time())}
    except Unavailable:
        return {"odd": 0, "forgotten": 0}  # The next round looks again.
