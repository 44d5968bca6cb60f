"""``/v1/jobs``: what became of queued work."""

from __future__ import annotations

import re
import time
from typing import Any

from flask import Response, jsonify, request

from memoryos_app.api import Area, gives, headers, route
from memoryos_app.caller import caller
from memoryos_app.chat import stream
from memoryos_app.chat.run import Run
from memoryos_app.ear import START
from memoryos_app.gone import detector
from memoryos_app.parts import parts
from memoryos_app.schemas.errors import ErrorSchema
from memoryos_app.schemas.jobs import JobSchema
from memoryos_tasks.core.errors import InvalidRequest, NotFound, TrafficDown
from memoryos_tasks.core.routing import ROUTE
from memoryos_tasks.ports.ledger import Job

area = Area("jobs", __name__, description="Queued work")

#: Seconds beyond a job's deadline after which its events end.
SLACK = 5.0
#: The kind of jobs whose messages are journaled already, and so applied whatever is asked.
INGEST = "ingest"
CHAT = "chat"
_PLACE = re.compile(r"\d{1,19}-\d{1,19}")
_FIELDS = ("message", "type", "param", "code")


@route(area, "/v1/jobs/<string:job_id>")
@gives(area, 200, JobSchema)
@gives(area, 404, ErrorSchema, says="There is no such job, or its result has expired.")
def show(job_id: str) -> Response:
    """Look up a job"""
    return jsonify(_shown(_job(job_id)))


@route(area, "/v1/jobs/<string:job_id>", "DELETE")
@gives(area, 200, JobSchema, says="The job as it stands now.")
@gives(area, 404, ErrorSchema)
def cancel(job_id: str) -> Response:
    """Cancel a job

    `cancel_requested` says that the job was open and was asked to stop. A chat stops within a second, and hangs up on
    the model; what it has said until then is not remembered. Ingest jobs are not cancelled.
    """
    job = _job(job_id)
    asked = not job.status.final and job.kind != INGEST
    if asked:
        job = parts().ledger.cancel(job.owner.tenant, job_id)
        try:
            parts().runs.cancel(job.owner, job_id)
        except TrafficDown:
            parts().watch.traffic_failed()  # The run learns of it from the ledger when it renews its claim.
    return jsonify({**_shown(job), "cancel_requested": True} if asked else _shown(job))


@route(area, "/v1/jobs/<string:job_id>/events")
@gives(area, 200, says="Server-sent events, ended by `[DONE]` or an error.", content_type=stream.MIMETYPE)
@gives(area, 404, ErrorSchema)
@headers(area, "Last-Event-ID")
def events(job_id: str) -> Response:
    """Follow a job

    Replays what the run has said, then follows it. The same events as a direct stream's, byte for byte. After
    the id of the last event there is only the end again.
    """
    after = request.headers.get("Last-Event-ID", START)
    if not _PLACE.fullmatch(after):
        raise InvalidRequest(
            "Last-Event-ID is not an id of this stream, such as 1700000000000-0.", param="Last-Event-ID"
        )
    here, job = parts(), _job(job_id)
    if not here.watch.state.traffic and not job.status.final:
        raise TrafficDown(retry_after=1)
    left = max(job.deadline - time.time(), 0.0) if job.deadline else here.settings().jobs.chat_deadline
    # Who comes back for a direct stream keeps it going; who watches any other job and leaves cancels nothing.
    run = Run(
        here,
        job.owner,
        job_id,
        here.inbox.replay(job.owner, job_id, after),
        until=time.monotonic() + left + SLACK,
        settled_first=True,
        watched=job.inbox == here.inbox.id and not job.status.final,
        after=after,
    )
    chunked = bool(job.request.get("stream"))
    response = Response(
        stream.events(run.batches(detector(request.environ)), chunked=chunked),
        mimetype=stream.MIMETYPE,
        headers={**stream.HEADERS, "X-MemoryOS-Job": job_id},
    )
    response.call_on_close(run.close)
    return response


def _job(job_id: str) -> Job:
    tenant, user = caller().tenant, caller().user
    job = parts().ledger.get(tenant, job_id)
    if user is not None and job.owner.user != user:
        raise NotFound(f"There is no job {job_id!r}; results are kept for a limited time.", param="id")
    return job


def _shown(job: Job) -> dict[str, Any]:
    error = {name: job.error.get(name) for name in _FIELDS} if job.error and job.status.final else None
    result = dict(job.result) if job.result is not None else None
    route = result.pop(ROUTE, None) if result is not None and job.kind == CHAT else None
    if error is not None and job.error is not None:
        route = job.error.get(ROUTE)
    routed = {} if route is None else {ROUTE: route}
    return {
        "id": job.id,
        "job_id": job.id,
        "kind": job.kind,
        "status": job.status.value,
        "progress": job.progress,
        "attempts": job.attempts,
        "result": result,
        "error": error,
        **routed,
    }
