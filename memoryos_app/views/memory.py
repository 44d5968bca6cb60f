"""``/v1/memory``: add, retrieve, profile, events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, jsonify, request

from memoryos_app import reads, writes
from memoryos_app.api import Area, gives, headers, route, takes
from memoryos_app.caller import header_id, owner_required
from memoryos_app.parts import parts
from memoryos_app.schemas.errors import ErrorSchema
from memoryos_app.schemas.memory import (
    AddAnswerSchema,
    AddSchema,
    EventsAnswerSchema,
    EventsQuerySchema,
    ProfileAnswerSchema,
    ProfileQuerySchema,
    RetrieveAnswerSchema,
    RetrieveQuerySchema,
    RetrieveSchema,
)
from memoryos_tasks.core.events import Owner

area = Area("memory", __name__, description="Memory, without a chat")


@route(area, "/v1/memory/add", "POST")
@takes(area, AddSchema)
@gives(area, 200, AddAnswerSchema, says="Applied, or all seen before.")
@gives(area, 202, AddAnswerSchema, says="Written to the journal; it is being applied.")
@gives(area, 409, ErrorSchema, says="An event_id was used before with other content; nothing was applied.")
@gives(area, 503, ErrorSchema, says="The store of record is away; nothing was written.")
@headers(area, "X-MemoryOS-User", "X-MemoryOS-Session", "X-MemoryOS-Assistant")
def add(asked: dict[str, Any]) -> Response:
    """Remember messages

    One message, or up to 1,000 in `messages` with the outer fields as defaults for each. What is answered
    with 200 or 202 is on disk.
    """
    owner = owner_required(request, asked.get("user_id"))
    asked.setdefault("session_id", header_id(request, "X-MemoryOS-Session") or "default")
    asked.setdefault("assistant_id", header_id(request, "X-MemoryOS-Assistant") or "default")
    outcome = writes.add(parts(), owner, writes.events_of(owner, asked))
    response = jsonify(outcome.body)
    response.status_code = outcome.status
    if outcome.job_id:
        response.headers["X-MemoryOS-Job"] = outcome.job_id
    return response


@route(area, "/v1/memory/retrieve", "POST")
@takes(area, RetrieveSchema)
@gives(area, 200, RetrieveAnswerSchema)
@gives(area, 503, ErrorSchema, says="No worker answered in time.")
@headers(area, "X-MemoryOS-User", "X-MemoryOS-Session", "X-MemoryOS-Assistant")
def retrieve(asked: dict[str, Any]) -> Response:
    """Search a user's memory"""
    return _retrieve(asked)


@route(area, "/v1/memory/retrieve")
@takes(area, RetrieveQuerySchema, "query")
@gives(area, 200, RetrieveAnswerSchema)
@gives(area, 503, ErrorSchema, says="No worker answered in time.")
@headers(area, "X-MemoryOS-User", "X-MemoryOS-Session", "X-MemoryOS-Assistant")
def retrieve_by_url(asked: dict[str, Any]) -> Response:
    """Search a user's memory by URL"""
    return _retrieve(asked)


def _retrieve(asked: dict[str, Any]) -> Response:
    owner = owner_required(request, asked.pop("user_id", None))
    if "max_tokens" not in asked:
        asked.setdefault("limit", parts().settings().memory.retrieve_limit)
    return _read(owner, "retrieve", asked)


@route(area, "/v1/memory/profile")
@takes(area, ProfileQuerySchema, "query")
@gives(area, 200, ProfileAnswerSchema)
@gives(area, 503, ErrorSchema, says="No worker answered in time.")
@headers(area, "X-MemoryOS-User")
def profile(asked: dict[str, Any]) -> Response:
    """What is believed about a user"""
    owner = owner_required(request, asked.get("user_id"))
    return _read(owner, "profile", {})


@route(area, "/v1/memory/events")
@takes(area, EventsQuerySchema, "query")
@gives(area, 200, EventsAnswerSchema)
@gives(area, 503, ErrorSchema, says="No worker answered in time, or a store is away: the list would lack events.")
@headers(area, "X-MemoryOS-User")
def events(asked: dict[str, Any]) -> Response:
    """Every event of a user

    Oldest first, with the place where each stands: `stm`, the id of the page that holds it, or `forgotten`.
    """
    owner = owner_required(request, asked.pop("user_id", None))
    return _read(owner, "events", asked)


def _read(owner: Owner, kind: str, query: Mapping[str, Any]) -> Response:
    found = reads.read(parts(), owner, kind, {**query, **_where()})
    response = jsonify(found)
    if "vectors" in found.get("missing", ()):
        response.headers["X-MemoryOS-Status"] = "degraded:vectors"
    return response


def _where() -> dict[str, str]:
    return {
        "session": header_id(request, "X-MemoryOS-Session") or "default",
        "assistant": header_id(request, "X-MemoryOS-Assistant") or "default",
    }
