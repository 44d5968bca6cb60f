"""An inference on its way: a job in the ledger, a ring for a worker, a wait in this process's inbox."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import structlog

from memoryos_app.chat.ask import SLACK, IdempotencyConflict, need_worker
from memoryos_app.chat.run import Run
from memoryos_app.errors import RunFailed
from memoryos_app.parts import Parts
from memoryos_app.plane.app_parts import PlaneParts
from memoryos_tasks.core.completion import said
from memoryos_tasks.core.errors import MemoryOSError, ModelNotFound, NotFound, TrafficDown, TruthDown, Unavailable
from memoryos_tasks.core.plane.config import model_names
from memoryos_tasks.core.plane.messages import Inquiry, Said
from memoryos_tasks.core.plane.sessions import Exchange, context
from memoryos_tasks.ports.ledger import Job
from memoryos_tasks.ports.runs import Saying
from memoryos_tasks.queues import TASKS

log = structlog.get_logger(__name__)

KIND = "infer"
#: Seconds that an inference waits for a worker before it is refused; with all else it takes less than 2 s.
WORKER_WAIT = 1.5


@dataclass(frozen=True, slots=True)
class Inferred:
    """The answer: a ``chat.completion`` and the job that made it."""

    job_id: str
    completion: Mapping[str, Any]


def infer(
    parts: Parts, plane: PlaneParts, asked: Inquiry, *, request_id: str, ip: str, gone: Callable[[], bool]
) -> Inferred:
    """Have the inference made and wait for it.

    Raises :class:`ModelNotFound`, :class:`Unavailable` (no worker, no endpoint), :class:`TruthDown`,
    :class:`TrafficDown`, :class:`QueueFull`, :class:`IdempotencyConflict`, :class:`RunFailed`, :class:`ClientGone`.
    """
    _need_model(plane, asked.model)
    need_worker(parts, WORKER_WAIT)
    if not parts.watch.state.truth:
        raise TruthDown(retry_after=1)
    job_id, until = asked.job_id, time.monotonic() + plane.config().mcp.timeout + SLACK
    created = parts.ledger.create(_row(parts, plane, asked, job_id, request_id, ip))
    run = _follow(parts, asked, job_id, until) if created else _join(parts, asked, job_id, until)
    with closing(run):
        if created:
            _ring(parts, asked, job_id, request_id, plane.config().mcp.timeout, run)
        completion = _wait(run, gone)
    if asked.session:
        _keep(plane, asked, job_id, completion)
    return Inferred(job_id, completion)


def _need_model(plane: PlaneParts, model: str | None) -> None:
    known = plane.registry.endpoints()
    names = model_names(known)
    if not names:
        raise Unavailable("The plane has no endpoint; register one or put it into the configuration.", retry_after=5)
    if model is not None and model not in names:
        raise ModelNotFound(f"model: the plane has no {model!r}; it has: {', '.join(names[:20])}.", param="model")
    if all(one.draining for one in known if model in (None, one.model)):
        raise Unavailable("Every endpoint of this model is being drained; try again later.", retry_after=5)


def _row(parts: Parts, plane: PlaneParts, asked: Inquiry, job_id: str, request_id: str, ip: str) -> Job:
    now = time.time()
    deadline = now + plane.config().mcp.timeout
    request = {"body": asked.body(_context(plane, asked)), "session": asked.session, "memory": False, "stream": False,
               "ip": ip, "digest": asked.digest, "deadline": deadline}
    return Job(job_id, asked.owner, KIND, request=request, inbox=parts.inbox.id, request_id=request_id,
               created_at=now, deadline=deadline)


def _context(plane: PlaneParts, asked: Inquiry) -> Sequence[Said]:
    if not asked.session:
        return ()
    rules = plane.config().sessions
    held = plane.sessions.read(asked.owner, asked.session)
    return context(held, count=rules.exchanges, characters=rules.characters)


def _follow(parts: Parts, asked: Inquiry, job_id: str, until: float) -> Run:
    # Listening begins after the row and before the bell: nobody can have claimed the job unheard.
    return Run(parts, asked.owner, job_id, parts.inbox.listen(asked.owner, job_id), until=until)


def _join(parts: Parts, asked: Inquiry, job_id: str, until: float) -> Run:
    """Wait for the inference that was asked for under this request_id before."""
    known = parts.ledger.get(asked.owner.tenant, job_id)
    if known.request.get("digest") != asked.digest:
        raise IdempotencyConflict("This request_id was already used with another request.", param="request_id")
    ours = known.inbox == parts.inbox.id
    ear = parts.inbox.replay(asked.owner, job_id)
    return Run(parts, asked.owner, job_id, ear, until=until, settled_first=True, watched=ours)


def _ring(parts: Parts, asked: Inquiry, job_id: str, request_id: str, seconds: float, run: Run) -> None:
    task, queue = TASKS[KIND]
    tenant = asked.owner.tenant
    try:
        parts.doorbell.ring(task, (tenant, job_id), queue=queue, task_id=job_id, request_id=request_id, expires=seconds)
    except TrafficDown:
        parts.watch.traffic_failed()
        run.finished = True
        # The client is told 503, so the sweeper must not run it later.
        with suppress(TruthDown, NotFound):
            parts.ledger.cancel(tenant, job_id)
        raise


def _wait(run: Run, gone: Callable[[], bool]) -> Mapping[str, Any]:
    for message in run.messages(gone):
        if message is not None and message.saying is Saying.ERROR:
            raise RunFailed(message.data)
        if message is not None and message.saying is Saying.DONE:
            return message.data
    raise AssertionError("a run's messages end with a terminal one")


def _keep(plane: PlaneParts, asked: Inquiry, job_id: str, completion: Mapping[str, Any]) -> None:
    """Put the exchange into its session. Its client has waited for the answer, which is not withheld from it."""
    rules = plane.config().sessions
    exchange = Exchange(job_id, time.time(), (*asked.said, {"role": "assistant", "content": said(completion)}))
    if exchange.characters > rules.characters:
        return  # It would never be shown to a model again.
    try:
        plane.sessions.keep(asked.owner, asked.session, exchange, most=rules.exchanges, lifetime=rules.lifetime)
    except MemoryOSError as error:
        log.warning("a session missed an exchange", job_id=job_id, code=error.code)
