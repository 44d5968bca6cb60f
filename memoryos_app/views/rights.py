"""``/v1/memory/erase``: forget a user for good."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, g, jsonify, request

from memoryos_app.api import Area, gives, route, takes
from memoryos_app.caller import owner_required
from memoryos_app.parts import parts
from memoryos_app.schemas.errors import ErrorSchema
from memoryos_app.schemas.jobs import AcceptedSchema
from memoryos_app.schemas.rights import EraseSchema
from memoryos_tasks.core.errors import TrafficDown, TruthDown
from memoryos_tasks.ports.ledger import Job
from memoryos_tasks.queues import ERASING, TASKS

area = Area("rights", __name__, description="What users may ask for")

USER, ITEM = ERASING


@route(area, "/v1/memory/erase", "POST")
@takes(area, EraseSchema)
@gives(area, 202, AcceptedSchema, says="The job that erases; its `result` is the receipt.")
@gives(area, 403, ErrorSchema, says="The API key may act for another user only.")
@gives(area, 503, ErrorSchema, says="The store of record is away; nothing was begun.")
def erase(asked: dict[str, Any]) -> Response:
    """Erase a user, or one item

    Removes everything of the user from every store, destroys the key that sealed it, reads back that nothing is left,
    and tells so in a receipt. With `item_id` that item goes, with all that was made of it, and the rest is sealed with
    a new key before the old one is destroyed. It cannot be undone.
    """
    owner = owner_required(request, asked["user_id"])
    here = parts()
    if not here.watch.state.truth:
        raise TruthDown(retry_after=1)
    job_id = f"job_{uuid.uuid4().hex}"
    kind, what = (ITEM, {"item_id": asked["item_id"]}) if "item_id" in asked else (USER, {})
    here.ledger.create(Job(job_id, owner, kind, request=what, request_id=g.request_id))
    task, queue = TASKS[kind]
    try:
        here.doorbell.ring(task, (owner.tenant, job_id), queue=queue, task_id=job_id, request_id=g.request_id)
    except TrafficDown:
        here.watch.traffic_failed()  # The sweeper rings for it when the broker is back.
    response = jsonify({"id": job_id, "job_id": job_id, "status": "queued"})
    response.status_code = 202
    response.headers["X-MemoryOS-Job"] = job_id
    return response
