"""Puts a chat into the queue: ledgered, or left with the broker when the store of record is away."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

from memoryos_app.chat.request import ChatRequest
from memoryos_app.chat.run import Run
from memoryos_app.parts import Parts
from memoryos_tasks.core.errors import InvalidRequest, NotFound, TrafficDown, TruthDown, Unavailable
from memoryos_tasks.ports.ledger import Job, Status

TASK, QUEUE = "chat.run", "chat"
#: Seconds that a chat waits for a warm worker before it is refused.
WORKER_WAIT = 2.0
#: Seconds beyond a chat's own deadline after which its waiter gives up.
SLACK = 5.0
#: How many cancelled runs of one Idempotency-Key may be followed by another.
ATTEMPTS = 20


class IdempotencyConflict(InvalidRequest):
    """This Idempotency-Key was already used with another request."""

    code = "idempotency_conflict"
    status = 409


@dataclass(frozen=True, slots=True)
class Asked:
    """A chat that is on its way; ``known`` when another request had asked for it before."""

    run: Run
    known: bool


def ask(parts: Parts, chat: ChatRequest, request_id: str) -> Asked:
    """Queue the chat and listen for it.

    Raises :class:`TrafficDown`, :class:`Unavailable` (no worker), :class:`IdempotencyConflict`.
    """
    need_worker(parts)
    until = time.monotonic() + parts.settings().jobs.chat_deadline + SLACK
    if parts.watch.state.truth:
        try:
            return _ledgered(parts, chat, request_id, until)
        except TruthDown:
            parts.watch.truth_failed()
    # By the id that its row would have: should the row be there all the same, one of the two runs steps back.
    return Asked(_unledgered(parts, chat, chat.job_id(0), request_id, until), False)


def ask_later(parts: Parts, chat: ChatRequest, request_id: str) -> tuple[str, bool]:
    """Queue the chat for a client that asks again later; its job id and whether it was known before."""
    if not parts.watch.state.truth:
        raise TruthDown(retry_after=1)
    if not parts.watch.state.traffic:
        raise TrafficDown(retry_after=1)
    job_id, known = _find_or_create(parts, chat, request_id, inbox="")
    if known is None:
        _ring(parts, chat, job_id, request_id, ledgered=True)
    return job_id, known is not None


def need_worker(parts: Parts, wait: float = WORKER_WAIT) -> None:
    """Wait so many seconds for a warm worker. Raises :class:`TrafficDown` and :class:`Unavailable`."""
    if not parts.watch.state.traffic:
        raise TrafficDown(retry_after=1)
    if not parts.watch.wait_for(QUEUE, wait):
        if not parts.watch.state.traffic:
            raise TrafficDown(retry_after=1)
        raise Unavailable("No worker is ready for chats; try again in a moment.", retry_after=2)


def _ledgered(parts: Parts, chat: ChatRequest, request_id: str, until: float) -> Asked:
    job_id, known = _find_or_create(parts, chat, request_id, inbox=parts.inbox.id)
    if known is not None:
        ear = parts.inbox.replay(known.owner, job_id)
        # An async run, or one that another process waits for, is not ours to cancel.
        ours = known.inbox == parts.inbox.id
        run = Run(parts, known.owner, job_id, ear, until=until, settled_first=True, watched=ours)
        return Asked(run, True)
    # Listening begins after the row and before the bell: nobody can have claimed the job unheard.
    run = Run(parts, chat.owner, job_id, parts.inbox.listen(chat.owner, job_id), until=until)
    try:
        _ring(parts, chat, job_id, request_id, ledgered=True)
    except TrafficDown:
        run.finished = True
        run.close()
        raise
    return Asked(run, False)


def _unledgered(parts: Parts, chat: ChatRequest, job_id: str, request_id: str, until: float) -> Run:
    """Without the store of record the request travels with the broker: answered, but not remembered."""
    run = Run(parts, chat.owner, job_id, parts.inbox.listen(chat.owner, job_id), until=until, ledgered=False)
    deadline = time.time() + parts.settings().jobs.chat_deadline
    try:
        asked = {"kind": "chat", "inbox": parts.inbox.id, "request_id": request_id, "deadline": deadline}
        parts.runs.ask(chat.owner, job_id, {**asked, **chat.row()})
        _ring(parts, chat, job_id, request_id, ledgered=False)
    except TrafficDown:
        run.finished = True
        run.close()
        raise
    return run


def _find_or_create(
    parts: Parts, chat: ChatRequest, request_id: str, *, inbox: str
) -> tuple[str, Job | None]:
    """The job of this request and, when it was asked for before, its row."""
    for attempt in range(ATTEMPTS):
        job_id = chat.job_id(attempt)
        if chat.idempotency_key:
            known = _known(parts, chat, job_id)
            if known is not None and known.status is not Status.CANCELLED:
                return job_id, known
            if known is not None:
                continue  # Its client had left; a retry deserves a run of its own.
        now = time.time()
        job = Job(
            id=job_id,
            owner=chat.owner,
            kind="chat",
            request=chat.row(),
            inbox=inbox,
            request_id=request_id,
            created_at=now,
            deadline=now + parts.settings().jobs.chat_deadline,
        )
        if parts.ledger.create(job):
            return job_id, None
        known = _known(parts, chat, job_id)
        if known is not None:
            return job_id, known
    raise IdempotencyConflict(
        "This Idempotency-Key was used and cancelled too often; use a new one.", param="Idempotency-Key"
    )


def _known(parts: Parts, chat: ChatRequest, job_id: str) -> Job | None:
    try:
        job = parts.ledger.get(chat.owner.tenant, job_id)
    except NotFound:
        return None
    if job.request.get("digest") != chat.digest:
        raise IdempotencyConflict(param="Idempotency-Key")
    return job


def _ring(parts: Parts, chat: ChatRequest, job_id: str, request_id: str, *, ledgered: bool) -> None:
    args = (chat.owner.tenant, job_id)
    try:
        # The bell itself needs no end: a run finds the job's own, or the request gone.
        parts.doorbell.ring(TASK, args, queue=QUEUE, task_id=job_id, request_id=request_id)
    except TrafficDown:
        parts.watch.traffic_failed()
        if ledgered:
            # The client is told 503, so the sweeper must not run it later.
            _take_back(parts, chat.owner.tenant, job_id)
        raise


def _take_back(parts: Parts, tenant: str, job_id: str) -> None:
    with suppress(TruthDown, NotFound):  # Best effort: at worst the run answers nobody.
        parts.ledger.cancel(tenant, job_id)
