"""``/v1/memory/items``: memories one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, jsonify, request

from memoryos_app import changes, reads
from memoryos_app.api import Area, gives, headers, route, takes
from memoryos_app.caller import owner_required
from memoryos_app.parts import parts
from memoryos_app.schemas.errors import ErrorSchema
from memoryos_app.schemas.items import (
    CorrectSchema,
    DeletedSchema,
    FeedbackSchema,
    HistoryAnswerSchema,
    ItemsAnswerSchema,
    ItemSchema,
    ItemsQuerySchema,
    WhoseSchema,
)
from memoryos_app.schemas.jobs import AcceptedSchema

area = Area("items", __name__, description="Memories one by one")

_ITEMS = "/v1/memory/items"
_ITEM = f"{_ITEMS}/<string:item_id>"
_LATER = "Written down; the job tells when it is done."
_GONE = "This user's memory has no such item."
_AWAY = "A store is away, or no worker answered in time."


@route(area, _ITEMS)
@takes(area, ItemsQuerySchema, "query")
@gives(area, 200, ItemsAnswerSchema)
@gives(area, 503, ErrorSchema, says=_AWAY)
@headers(area, "X-MemoryOS-User")
def items(asked: dict[str, Any]) -> Response:
    """List a user's items

    Segments, pages, knowledge and traits in the order of their ids; messages with `kind=turn`.
    """
    owner = owner_required(request, asked.pop("user_id", None))
    # A read has a kind of its own.
    only = {"only": asked.pop("kind")} if "kind" in asked else {}
    return jsonify(reads.read(parts(), owner, "items", {**asked, **only}))


@route(area, _ITEM)
@takes(area, WhoseSchema, "query")
@gives(area, 200, ItemSchema)
@gives(area, 404, ErrorSchema, says=_GONE)
@gives(area, 503, ErrorSchema, says=_AWAY)
@headers(area, "X-MemoryOS-User")
def item(asked: dict[str, Any], item_id: str) -> Response:
    """Look at an item"""
    owner = owner_required(request, asked.get("user_id"))
    return jsonify(reads.read(parts(), owner, "item", {"id": item_id}))


@route(area, f"{_ITEM}/history")
@takes(area, WhoseSchema, "query")
@gives(area, 200, HistoryAnswerSchema)
@gives(area, 404, ErrorSchema, says=_GONE)
@gives(area, 503, ErrorSchema, says=_AWAY)
@headers(area, "X-MemoryOS-User")
def history(asked: dict[str, Any], item_id: str) -> Response:
    """See what an item was

    The versions of a fact's slot with the time of each, and the changes that were made by hand.
    """
    owner = owner_required(request, asked.get("user_id"))
    return jsonify(reads.read(parts(), owner, "versions", {"id": item_id}))


@route(area, _ITEM, "PATCH")
@takes(area, CorrectSchema)
@gives(area, 200, ItemSchema, says="The item as it is now; of a fact, its new version.")
@gives(area, 202, AcceptedSchema, says=_LATER)
@gives(area, 404, ErrorSchema, says=_GONE)
@headers(area, "X-MemoryOS-User")
def correct(asked: dict[str, Any], item_id: str) -> Response:
    """Correct an item

    A fact gets a new version; the old one ends and stays in the history. A segment gets another summary.
    """
    return _change(item_id, "patch", asked, asked.pop("user_id", None))


@route(area, _ITEM, "DELETE")
@takes(area, WhoseSchema, "query")
@gives(area, 200, DeletedSchema, says="It is gone from every search and list.")
@gives(area, 202, AcceptedSchema, says=_LATER)
@gives(area, 404, ErrorSchema, says=_GONE)
@headers(area, "X-MemoryOS-User")
def delete(asked: dict[str, Any], item_id: str) -> Response:
    """Delete an item

    A fact is not learned again from the messages that said it. A page goes with its messages, a segment with its
    pages, a message with the facts of which it was the only source.
    """
    return _change(item_id, "delete", {}, asked.get("user_id"))


@route(area, f"{_ITEM}/feedback", "POST")
@takes(area, FeedbackSchema)
@gives(area, 200, ItemSchema, says="The item as it is now.")
@gives(area, 202, AcceptedSchema, says=_LATER)
@gives(area, 404, ErrorSchema, says=_GONE)
@headers(area, "X-MemoryOS-User")
def feedback(asked: dict[str, Any], item_id: str) -> Response:
    """Like or dislike an item

    Moves the confidence of a fact, or the heat of a segment or of a page's segment.
    """
    return _change(item_id, "feedback", asked, asked.pop("user_id", None))


@route(area, f"{_ITEM}/undo", "POST")
@takes(area, WhoseSchema)
@gives(area, 200, ItemSchema, says="The item as it is now; of a fact, what is believed again.")
@gives(area, 202, AcceptedSchema, says=_LATER)
@gives(area, 404, ErrorSchema, says=_GONE)
@headers(area, "X-MemoryOS-User")
def undo(asked: dict[str, Any], item_id: str) -> Response:
    """Undo the last change of an item"""
    return _change(item_id, "undo", {}, asked.get("user_id"))


def _change(item_id: str, action: str, asked: Mapping[str, Any], user: str | None) -> Response:
    owner = owner_required(request, user)
    job_id, result = changes.change(parts(), owner, {**asked, "item": item_id, "action": action})
    done = result is not None
    response = jsonify(result if done else {"id": job_id, "job_id": job_id, "status": "queued"})
    response.status_code = 200 if done else 202
    response.headers["X-MemoryOS-Job"] = job_id
    return response
