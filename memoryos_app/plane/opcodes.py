"""The table of opcodes: each with its payload, who may send it, and what is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from flask import g, request
from marshmallow import Schema, ValidationError

from memoryos_app.gone import detector
from memoryos_app.parts import parts
from memoryos_app.plane import messages, node_status
from memoryos_app.plane.app_parts import plane
from memoryos_app.plane.auth import operators_only
from memoryos_app.plane.messages_ask import infer
from memoryos_app.schemas import plane as schemas
from memoryos_app.schemas.faults import invalid
from memoryos_tasks.core.completion import said
from memoryos_tasks.core.errors import InvalidRequest, NotFound, TrafficDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.config_parse import model_from
from memoryos_tasks.core.plane.messages import Inquiry, Opcode, job_id_of
from memoryos_tasks.core.plane.sessions import within

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """A message whose payload was checked; ``session`` is "" when it names none."""

    owner: Owner
    session: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """What an opcode does. ``operators``: only they may."""

    payload: Schema
    do: Callable[[Sent], Answer]
    operators: bool = False


def perform(opcode: Opcode, owner: Owner, session: str, payload: Mapping[str, Any]) -> Answer:
    """The payload of the answer. Raises :class:`InvalidRequest`, :class:`Forbidden` and what the operation raises."""
    operation = TABLE[opcode]
    if operation.operators:
        operators_only()
    try:
        checked = operation.payload.load(payload)
    except ValidationError as error:
        wrong = invalid(error)
        path = f"payload.{wrong.param}" if wrong.param else "payload"
        said = wrong.message.removeprefix(f"{wrong.param}: ")
        raise InvalidRequest(f"{path}: {said}", param=path) from None
    return operation.do(Sent(owner, session, checked))


def ping(_: Sent) -> Answer:
    return {"pong": True, "time": time.time()}


def list_models(_: Sent) -> Answer:
    return {"models": messages.models(plane().registry.endpoints())}


def register(sent: Sent) -> Answer:
    try:
        endpoint = model_from(sent.payload)
    except InvalidRequest as error:
        # Its text begins with the key, whose path begins with the payload.
        key = error.message.partition(":")[0]
        param = f"payload.{key}" if key.isidentifier() else "payload"
        raise InvalidRequest(f"payload.{error.message}", param=param) from None
    plane().registry.put(endpoint)
    return {"id": endpoint.id, "model": endpoint.model}


def deregister(sent: Sent) -> Answer:
    registry, asked = plane().registry, sent.payload
    ids = [one.id for one in registry.endpoints() if asked.get("id") == one.id or asked.get("model") == one.model]
    if not ids:
        raise NotFound("payload: the plane has no such endpoint; 0x05 endpoint_report lists them.", param="payload.id")
    for id in ids:
        with suppress(NotFound):  # Somebody else took it away meanwhile.
            (registry.drain if asked["drain"] else registry.remove)(id)
    return {"ids": ids, "draining": asked["drain"]}


def endpoint_report(sent: Sent) -> Answer:
    model = sent.payload.get("model")
    found = [one for one in plane().registry.endpoints() if model in (None, one.model)]
    if model is not None and not found:
        raise NotFound(f"payload.model: the plane has no {model!r}.", param="payload.model")
    return messages.report(found, plane().states)


def nodes(_: Sent) -> Answer:
    return node_status.status(plane(), parts())


def session_read(sent: Sent) -> Answer:
    rules, session = plane().config().sessions, _session(sent)
    held = within(plane().sessions.read(sent.owner, session), count=rules.exchanges, characters=rules.characters)
    return {"messages": [dict(message) for exchange in held for message in exchange.messages], "exchanges": len(held)}


def session_close(sent: Sent) -> Answer:
    return {"closed": plane().sessions.close(sent.owner, _session(sent))}


def cancel(sent: Sent) -> Answer:
    named = sent.payload.get("request_id")
    job_id = sent.payload["job_id"] if named is None else job_id_of(sent.owner, named)
    here = parts()
    missing = NotFound("payload: there is no such inference.", param=f"payload.{'request_id' if named else 'job_id'}")
    try:
        job = here.ledger.get(sent.owner.tenant, job_id)
    except NotFound:
        raise missing from None
    if job.owner != sent.owner or job.kind != "infer":
        raise missing
    job = here.ledger.cancel(sent.owner.tenant, job_id)
    with suppress(TrafficDown):  # Then the run learns of it when it renews its claim.
        here.runs.cancel(sent.owner, job_id)
    return {"job_id": job_id, "status": job.status.value}


def inference(sent: Sent) -> Answer:
    asked = sent.payload
    done = infer(
        parts(), plane(), inquiry(sent.owner, asked, session=sent.session),
        request_id=g.request_id, ip=g.address, gone=detector(request.environ),
    )  # fmt: skip
    made = done.completion
    return {"text": said(made), "model": made.get("model"), "endpoint": made.get("endpoint"),
            "usage": made.get("usage"), "job_id": done.job_id}


def inquiry(owner: Owner, asked: Mapping[str, Any], *, session: str) -> Inquiry:
    """What a checked payload asks."""
    return Inquiry(
        owner, asked.get("prompt"), tuple(asked.get("messages") or ()), asked.get("model"), asked.get("temperature"),
        asked.get("max_tokens"), session, asked.get("request_id") or "",
    )  # fmt: skip


def _session(sent: Sent) -> str:
    if not sent.session:
        raise InvalidRequest("session_id: is required.", param="session_id")
    return sent.session


_NOTHING = schemas.EmptyPayload()
TABLE: Mapping[Opcode, Operation] = {
    Opcode.PING: Operation(_NOTHING, ping),
    Opcode.LIST_MODELS: Operation(_NOTHING, list_models),
    Opcode.REGISTER: Operation(schemas.RegisterPayload(), register, operators=True),
    Opcode.DEREGISTER: Operation(schemas.DeregisterPayload(), deregister, operators=True),
    Opcode.ENDPOINT_REPORT: Operation(schemas.ReportPayload(), endpoint_report, operators=True),
    Opcode.NODE_STATUS: Operation(_NOTHING, nodes, operators=True),
    Opcode.SESSION_READ: Operation(_NOTHING, session_read),
    Opcode.SESSION_CLOSE: Operation(_NOTHING, session_close),
    Opcode.CANCEL: Operation(schemas.CancelPayload(), cancel),
    Opcode.INFERENCE: Operation(schemas.InferencePayload(), inference),
}

