"""Tasks that move memory through its tiers, and the reads that clients wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

from memoryos_tasks.bootstrap import House, house
from memoryos_tasks.celery_app import app
from memoryos_tasks.core.errors import LostClaim, MemoryOSError, Unavailable
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.ledger import Job
from memoryos_tasks.ports.runs import Saying
from memoryos_tasks.queues import MEMORY
from memoryos_tasks.services import wanted
from memoryos_tasks.services.work import Made, Progress
from memoryos_tasks.task import MemoryOSTask

#: Seconds that a job of our own waits for its turn; after that the sweeper rings for it again.
TURN_SECONDS = 3.0
#: The answer of a task whose turn did not come.
LATER: dict[str, Any] = {"status": "later"}
_turn = threading.BoundedSemaphore()


@app.task(name="memory.ingest", base=MemoryOSTask)
def ingest() -> dict[str, Any]:
    """Take what the journal holds into memory."""
    return {"applied": apply_journal(house())}


@app.task(name="memory.consolidate", base=MemoryOSTask)
def consolidate(tenant: str, job_id: str) -> dict[str, Any]:
    """Make pages and segments of a session's oldest events, then have promoted what is hot."""
    parts = house()

    def do(job: Job, _: Progress) -> Made:
        pages = parts.consolidation.run(job.owner, str(job.request["session"]), keep=int(job.request["keep"]))
        if pages:
            parts.upkeep.note(job.owner, after=parts.live.current.memory.compact_seconds)
            wanted.promote(parts.ledger, job.owner)
        return Made({"pages": pages})

    with _in_turn() as mine:
        return asdict(parts.work.run(tenant, job_id, do)) if mine else LATER


@app.task(name="memory.promote", base=MemoryOSTask)
def promote(tenant: str, job_id: str) -> dict[str, Any]:
    """Count visits, recompute heat, and learn from what is hot."""
    parts = house()

    def do(job: Job, _: Progress) -> Made:
        learned = parts.promotion.run(job.owner, parts.visits)
        # What was visited has to cool again.
        parts.upkeep.note(job.owner, after=parts.live.current.memory.compact_seconds)
        return Made({"learned": learned})

    with _in_turn() as mine:
        return asdict(parts.work.run(tenant, job_id, do)) if mine else LATER


@contextmanager
def _in_turn() -> Iterator[bool]:
    """Whether it is this run's turn: one job of our own at a time in a process, beside clients' work."""
    mine = _turn.acquire(timeout=TURN_SECONDS)
    try:
        yield mine
    finally:
        if mine:
            _turn.release()


@app.task(name="memory.compact", base=MemoryOSTask)
def compact(tenant: str, job_id: str) -> dict[str, Any]:
    """Cool, merge, summarise, evict and forget, as far as one run may."""
    parts = house()
    return asdict(parts.work.run(tenant, job_id, lambda job, _: Made(asdict(parts.compaction.run(job.owner)))))


@app.task(name="memory.erase", base=MemoryOSTask)
def erase(tenant: str, job_id: str) -> dict[str, Any]:
    """Erase a user; the receipt is the job's result."""
    parts = house()

    def do(job: Job, progress: Progress) -> Made:
        return _receipt(parts.erasure.user(job.owner, progress))

    return asdict(parts.work.run(tenant, job_id, do))


@app.task(name="memory.erase_item", base=MemoryOSTask)
def erase_item(tenant: str, job_id: str) -> dict[str, Any]:
    """Erase one item and seal the rest of the user anew; the receipt is the job's result."""
    parts = house()

    def do(job: Job, progress: Progress) -> Made:
        return _receipt(parts.item_erasure.item(job, progress))

    return asdict(parts.work.run(tenant, job_id, do))


def _receipt(receipt: dict[str, Any]) -> Made:
    return Made({"keys_destroyed": receipt["keys_destroyed"], **receipt["removed"]}, receipt)


@app.task(name="memory.reindex", base=MemoryOSTask)
def reindex(tenant: str, job_id: str) -> dict[str, Any]:
    """Embed for some seconds what lacks the vectors of the wanted embedder; beat rings again while something does."""
    parts = house()

    def do(_: Job, progress: Progress) -> Made:
        done = parts.reindexing.run(progress)
        return Made({"filled": done.filled, "left": done.left, "switched": int(done.switched)})

    return asdict(parts.work.run(tenant, job_id, do))


@app.task(name="memory.retrieve", base=MemoryOSTask)
def retrieve(tenant: str, request_id: str) -> dict[str, Any]:
    """Answer one retrieval."""
    parts = house()
    return answer(parts, tenant, request_id, parts.retrieval.retrieve)


@app.task(name="memory.profile", base=MemoryOSTask)
def profile(tenant: str, request_id: str) -> dict[str, Any]:
    """Answer with the user's profile."""
    parts = house()
    return answer(parts, tenant, request_id, lambda owner, _: parts.retrieval.profile(owner))


@app.task(name="memory.events", base=MemoryOSTask)
def events(tenant: str, request_id: str) -> dict[str, Any]:
    """Answer with a page of the user's events."""
    parts = house()
    return answer(parts, tenant, request_id, parts.history.events)


def apply_journal(parts: House) -> int:
    """Drain the journal; how many events were applied."""
    try:
        return parts.ingest.drain().applied
    except (Unavailable, LostClaim):
        return 0  # Short-term memory has the events; the sweeper brings them to the index.


def ring_for_ingest(parts: House) -> None:
    """Ring for ingest unless a bell is outstanding; one that cannot be rung is replaced by the sweeper's look."""
    with suppress(Unavailable):
        if parts.journal.ring():
            parts.publisher.ring("memory.ingest", [], queue=MEMORY)


def answer(
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
