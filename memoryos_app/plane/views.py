"""``/inference`` and ``/mcp/*``."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.exceptions import HTTPException

from memoryos_app.api import Area, gives, headers, route, takes
from memoryos_app.caller import Caller, caller, owner_named
from memoryos_app.gone import ClientGone, detector
from memoryos_app.numbers import exposition
from memoryos_app.parts import parts
from memoryos_app.plane import limiting, messages, node_status
from memoryos_app.plane.app_parts import plane
from memoryos_app.plane.auth import operators_only, plane_caller
from memoryos_app.plane.messages_ask import infer
from memoryos_app.plane.metrics import exposition as plane_numbers
from memoryos_app.plane.opcodes import inquiry, perform
from memoryos_app.schemas.errors import ErrorSchema
from memoryos_app.schemas.plane import (
    InferenceAnswerSchema,
    InferenceSchema,
    PlaneMessageAnswerSchema,
    PlaneMessageSchema,
)
from memoryos_tasks.core.completion import said
from memoryos_tasks.core.errors import InvalidRequest, MemoryOSError, TrafficDown, Unauthorized
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.config_rows import policy_row
from memoryos_tasks.core.plane.messages import opcode_of
from memoryos_tasks.core.plane.policy import policy_of

area = Area("plane", __name__, description="The model control plane")
#: What a probe asks: without a key and without a limit, or a busy plane would be taken for a dead one.
probes = Area("plane_probes", __name__, description="The model control plane: health")

#: Prometheus asks as others do, with the key if there is one; a plane in the gateway shows its numbers there.
numbers = Blueprint("plane_numbers", __name__)

_LIMITED = "Too many requests; Retry-After and X-RateLimit-* say how many may come when."
_AWAY = "No worker is ready, a store is away, or no endpoint answers; see Retry-After."


def gate() -> None:
    """Know the caller, then count the request. A key that is wrong counts for its address alone."""
    config = plane().config()
    g.address = limiting.client_address(request, parts().settings().limits.trusted_proxies)
    try:
        g.caller = plane_caller(request, config.auth)
    except Unauthorized:
        plane().watcher.refused(g.address)
        limiting.admit(limiting.of_address(limiting.PLANE, config.limits, g.address))
        raise
    who: Caller = g.caller
    try:
        user, wrong = limiting.user_of(request, "user"), None
    except (MemoryOSError, HTTPException) as error:
        user, wrong = who.user, error
    plane().watcher.asked(Owner(who.tenant, user or ""), g.address)
    limiting.admit(limiting.bounds(limiting.PLANE, config.limits, tenant=who.tenant, user=user, ip=g.address))
    if wrong is not None:
        raise wrong


area.before_request(gate)


@route(area, "/inference", "POST")
@takes(area, InferenceSchema)
@gives(area, 200, InferenceAnswerSchema)
@gives(area, 401, ErrorSchema, says="The plane asks for its API key.")
@gives(area, 404, ErrorSchema, says="The plane has no such model.")
@gives(area, 429, ErrorSchema, says=_LIMITED)
@gives(area, 503, ErrorSchema, says=_AWAY)
@headers(area, "X-MemoryOS-User")
def inference(asked: dict[str, Any]) -> Response:
    """Ask a model, plainly

    A prompt in, its text out. A failed try is repeated on another endpoint of the model while there is time.
    """
    inquired = inquiry(_owner(asked), asked, session=asked.get("session_id") or "")
    try:
        done = infer(parts(), plane(), inquired, request_id=g.request_id, ip=g.address, gone=detector(request.environ))
    except ClientGone:
        return _nobody()
    response = jsonify({"text": said(done.completion)})
    response.headers["X-MemoryOS-Job"] = done.job_id
    for name, key in (("X-MemoryOS-Model", "model"), ("X-MemoryOS-Endpoint", "endpoint")):
        if isinstance(done.completion.get(key), str):
            response.headers[name] = done.completion[key].encode().decode("latin-1")
    return response


@route(area, "/mcp/messages", "POST")
@takes(area, PlaneMessageSchema)
@gives(area, 200, PlaneMessageAnswerSchema)
@gives(area, 401, ErrorSchema, says="The plane asks for its API key.")
@gives(area, 403, ErrorSchema, says="This opcode is for operators.")
@gives(area, 429, ErrorSchema, says=_LIMITED)
@gives(area, 503, ErrorSchema, says=_AWAY)
@headers(area, "X-MemoryOS-User")
def message(sent: dict[str, Any]) -> Response:
    """Send a message

    `opcode` says what is wanted and what `payload` holds: 0x01 ping, 0x02 list_models, 0x03 register, 0x04 deregister,
    0x05 endpoint_report, 0x06 node_status, 0x07 session_read, 0x08 session_close, 0x09 cancel, 0x0A inference.
    """
    opcode, session = opcode_of(sent["opcode"]), sent.get("session_id")
    try:
        payload = perform(opcode, _owner(sent), session or "", sent.get("payload") or {})
    except ClientGone:
        return _nobody()
    return jsonify({"opcode": opcode.shown, "name": opcode.word, "session_id": session, "payload": payload})


@route(area, "/mcp/models")
@gives(area, 200, says="Each model, with the number of its instances.")
def models() -> Response:
    """List the plane's models"""
    return jsonify({"models": messages.models(plane().registry.endpoints())})


@route(area, "/mcp/endpoints")
@gives(area, 200, says="Each endpoint with its state: breaker, requests in flight, effective weight, trips.")
@gives(area, 403, ErrorSchema, says="This call is for operators.")
def endpoints() -> Response:
    """List the plane's endpoints"""
    operators_only()
    return jsonify(messages.report(plane().registry.endpoints(), plane().states))


@route(area, "/mcp/nodes")
@gives(area, 200, says="Each node: its id, role, last sync (seconds, UTC), lag in milliseconds and figures.")
@gives(area, 403, ErrorSchema, says="This call is for operators.")
def nodes() -> Response:
    """List the plane's nodes"""
    operators_only()
    return jsonify(node_status.status(plane(), parts()))


@route(area, "/mcp/config")
@gives(area, 200, says="The policy in force at this node, with its revision; times in seconds, no secrets.")
@gives(area, 403, ErrorSchema, says="This call is for operators.")
def config() -> Response:
    """Show the policy in force

    `limits`, `scheduling`, `breaker`, `sessions` and `timeout` are shared by all nodes; what this node's environment
    sets stands in their place here.
    """
    operators_only()
    return jsonify({"policy": policy_row(policy_of(plane().config())), "revision": plane().registry.revision()})


@route(area, "/mcp/reload", "POST")
@gives(area, 200, says="The file's content is in force.")
@gives(area, 400, ErrorSchema, says="The file is not valid; what was in force still is.")
@gives(area, 503, ErrorSchema, says="The other nodes cannot be told now; that is tried again.")
@gives(area, 403, ErrorSchema, says="This call is for operators.")
def reload() -> Response:
    """Read the configuration again"""
    operators_only()
    if refused := plane().reload():
        raise InvalidRequest(refused)
    return jsonify({"status": "applied", "revision": plane().registry.revision()})


@route(probes, "/mcp/health")
@gives(probes, 200, says="`status` is `ready`, or `degraded` when some model has no endpoint that is ready.")
@gives(probes, 503, says="`not_ready`: no worker, a store is away, or no endpoint at all.")
def health() -> Response:
    """Is the plane ready"""
    here, state = plane(), parts().watch.state
    known = here.registry.endpoints()
    every = [one for one in known if not one.draining]
    try:
        states = here.states(every)
    except TrafficDown:
        states = {}
    ready = [one for one in every if one.id in states and states[one.id].ready]
    missing = [name for name, up in (("truth", state.truth), ("traffic", state.traffic),
                                     ("a worker", "chat" in state.served), ("an endpoint", bool(every))) if not up]
    lost = sorted({one.model for one in known} - {one.model for one in ready})
    status = "not_ready" if missing else "degraded" if lost else "ready"
    response = jsonify({"status": status, "missing": missing, "models_without_endpoint": lost,
                        "endpoints": {"ready": len(ready), "all": len(every)}})
    if missing:
        response.status_code = 503
        response.headers["Retry-After"] = "1"
    return response


@numbers.before_request
def known() -> None:
    """Know the caller."""
    g.caller = plane_caller(request, plane().config().auth)


@numbers.get("/metrics")
def metrics() -> Response:
    """The numbers of this process and the state of the stack."""
    here = plane()
    text = exposition(parts()) + plane_numbers(here.observed, here.registry.endpoints, here.states)
    return Response(text, content_type=CONTENT_TYPE_LATEST)


def _owner(asked: dict[str, Any]) -> Owner:
    return owner_named(request, asked.get("user"), "user") or Owner(caller().tenant, "")


def _nobody() -> Response:
    g.close_connection = True
    return Response(status=499)  # Nobody reads this; the log line does say it.


