"""``/v1/models``: OpenAI's list."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from memoryos_app.api import Area, gives, route
from memoryos_app.models import listed, resolved
from memoryos_app.parts import parts
from memoryos_app.schemas.errors import ErrorSchema

area = Area("models", __name__, description="Models that can be asked")


@route(area, "/v1/models")
@gives(area, 200, says="OpenAI's list of models.")
def models() -> Response:
    """List models

    `offline` answers from memory alone. A provider's models can be asked also when they are not listed here.
    """
    return jsonify({"object": "list", "data": [_model(name) for name in listed(parts())]})


@route(area, "/v1/models/<path:name>")
@gives(area, 200, says="One model.")
@gives(area, 404, ErrorSchema, says="There is no such model.")
def model(name: str) -> Response:
    """Look up one model"""
    if name not in listed(parts()):
        resolved(parts(), name)
    return jsonify(_model(name))


def _model(name: str) -> dict[str, Any]:
    owner = name.split("/", 1)[0] if "/" in name else "memoryos" if name in ("offline", "auto") else "provider"
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}
