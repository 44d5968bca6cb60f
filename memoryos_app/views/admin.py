"""``/v1/admin``: what operators see and do. It sees every tenant, so only an admin may."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from memoryos_app import dead_letters
from memoryos_app.api import Area, gives, route, takes
from memoryos_app.caller import admin_only
from memoryos_app.dead_letters import MOST, Selection
from memoryos_app.parts import parts
from memoryos_app.schemas.dlq import (
    ChooseSchema,
    HandledSchema,
    LetterQuerySchema,
    LettersQuerySchema,
    LettersSchema,
    WholeLetterSchema,
)
from memoryos_app.schemas.errors import ErrorSchema

area = Area("admin", __name__, description="For operators")
area.before_request(admin_only)

_FORBIDDEN = "The API key is no admin's; without keys, the caller is not on this machine."
_UNSTATED = "It does not say which letters are meant."


@route(area, "/v1/admin/dlq")
@takes(area, LettersQuerySchema, "query")
@gives(area, 200, LettersSchema)
@gives(area, 403, ErrorSchema, says=_FORBIDDEN)
def listed(asked: dict[str, Any]) -> Response:
    """Count and list dead letters"""
    held = parts().dead_letters
    found, cursor = dead_letters.page(
        held, asked.get("queue"), count=asked["limit"], after=asked.get("cursor", "")
    )
    letters = [dead_letters.brief(letter) for letter in found]
    return jsonify({"counts": dict(held.counts()), "letters": letters, "next_cursor": cursor})


@route(area, "/v1/admin/dlq/<string:letter_id>")
@takes(area, LetterQuerySchema, "query")
@gives(area, 200, WholeLetterSchema)
@gives(area, 403, ErrorSchema, says=_FORBIDDEN)
@gives(area, 404, ErrorSchema, says="There is no such letter: it was replayed with success, or purged.")
def show(asked: dict[str, Any], letter_id: str) -> Response:
    """Show a dead letter

    With its traceback and headers; `payload=true` adds the original, with what the user wrote.
    """
    letter = dead_letters.get(parts().dead_letters, letter_id)
    return jsonify(dead_letters.whole(letter, payload=asked["payload"]))


@route(area, "/v1/admin/dlq/replay", "POST")
@takes(area, ChooseSchema)
@gives(area, 200, HandledSchema)
@gives(area, 400, ErrorSchema, says=_UNSTATED)
@gives(area, 403, ErrorSchema, says=_FORBIDDEN)
def replay(asked: dict[str, Any]) -> Response:
    """Run dead letters again

    Each begins with its attempts at zero, and stays listed as `replaying` until it has succeeded. At most 1,000
    a call; `next_cursor` tells where to go on.
    """
    return jsonify(dead_letters.replay(parts().dead_letters, _chosen(asked), dry_run=asked["dry_run"]))


@route(area, "/v1/admin/dlq/purge", "POST")
@takes(area, ChooseSchema)
@gives(area, 200, HandledSchema)
@gives(area, 400, ErrorSchema, says=_UNSTATED)
@gives(area, 403, ErrorSchema, says=_FORBIDDEN)
def purge(asked: dict[str, Any]) -> Response:
    """Forget dead letters for good

    A letter that is being replayed is left alone unless it is named by its id.
    """
    return jsonify(dead_letters.purge(parts().dead_letters, _chosen(asked), dry_run=asked["dry_run"]))


def _chosen(asked: dict[str, Any]) -> Selection:
    return Selection(
        tuple(asked.get("ids", ())), asked.get("queue"), asked.get("count", MOST), asked.get("cursor", "")
    )
