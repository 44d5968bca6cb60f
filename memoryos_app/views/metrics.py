"""``/metrics`` for Prometheus."""

from __future__ import annotations

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

from memoryos_app.numbers import exposition
from memoryos_app.parts import parts

area = Blueprint("metrics", __name__)


@area.get("/metrics")
def metrics() -> Response:
    """The numbers of the gateway and the state of the stack."""
    return Response(exposition(parts()), content_type=CONTENT_TYPE_LATEST)
