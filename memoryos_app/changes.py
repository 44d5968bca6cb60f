"""Jobs that change an item, or move a whole memory: in the ledger before they are acknowledged."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

from flask import g, request

from memoryos_app.chat.run import Run, ending
from memoryos_app.errors import RunFailed
from memoryos_app.gone import ClientGone, detector
from memoryos_app.parts import Parts
from memoryos_tasks.core.errors import Cancelled, DeadlineExceeded, TrafficDown, TruthDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.ledger import Job
from memoryos_tasks.ports.runs import Saying
from memoryos_tasks.queues import TASKS

#: Errors of the wait, not of the work: the job goes on.
_WAITED = (DeadlineExceeded.code, TrafficDown.code)


def begin(parts: Parts, owner: Owner, kind: str, asked: Mapping[str, Any]) -> str:
    """Have work done for a client that asks again later; the id of its job.

    Raises :class:`TruthDown` and :class:`QueueFull`, and then there is no such job.
    """
    job_id = _create(parts, owner, kind, asked, inbox="")
    _ring(parts, owner, kind, job_id)
    return job_id


def change(parts: Parts, owner: Owner, asked: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    """Have one item changed and wait a moment for it; its job and what became of it, None while that is not known.

    Raises :class:`TruthDown` and :class:`QueueFull`, and then nothing is changed, and :class:`RunFailed` with the
    reason why it cannot be.
    """
    wait = parts.watch.state.traffic
    job_id = _create(parts, owner, "change", {**asked, "at": time.time()}, inbox=parts.inbox.id if wait else "")
    if not wait:
        return job_id, None
    ear = parts.inbox.listen(owner, job_id)
    until = time.monotonic() + parts.settings().gateway.add_deadline
    run = Run(parts, owner, job_id, ear, until=until, watched=False)
    try:
        if not _ring(parts, owner, "change", job_id):
            return job_id, None
        for message in run.messages(detector(request.environ)):
            if message is None or not message.terminal:
                continue
            # The bell says that it ended; what became of it stands in the ledger.
            if message.saying is Saying.ERROR and message.data.get("code") in _WAITED:
                return job_id, None
            return job_id, _result(parts, owner, job_id)
    except ClientGone:
        pass
    finally:
        run.close()
    return job_id, None


def _result(parts: Parts, owner: Owner, job_id: str) -> Mapping[str, Any] | None:
    job = parts.ledger.get(owner.tenant, job_id)
    if not job.status.final:
        return None
    last = ending(job)
    if last.saying is Saying.DONE:
        return last.data
    if last.data.get("code") == Cancelled.code:
        raise Cancelled
    raise RunFailed(last.data)


def _create(parts: Parts, owner: Owner, kind: str, asked: Mapping[str, Any], *, inbox: str) -> str:
    if not parts.watch.state.truth:
        raise TruthDown(retry_after=1)
    job_id = f"job_{uuid.uuid4().hex}"
    row = Job(job_id, owner, kind, request=asked, inbox=inbox, request_id=g.request_id, created_at=time.time())
    parts.ledger.create(row)
    return job_id


def _ring(parts: Parts, owner: Owner, kind: str, job_id: str) -> bool:
    """Whether a bell is on its way; when not, the sweeper rings."""
    if not parts.watch.state.traffic:
        return False
    task, queue = TASKS[kind]
    try:
        parts.doorbell.ring(task, (owner.tenant, job_id), queue=queue, task_id=job_id, request_id=g.request_id)
    except TrafficDown:
        parts.watch.traffic_failed()
        return False
    return True
