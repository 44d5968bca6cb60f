"""``/metrics`` for Prometheus."""

from __future__ import annotations

from flask import Blueprint, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST

from memoryos_app.numbers import exposition
from memoryos_app.parts import parts
from memoryos_tasks.core.errors import MemoryOSError

area = Blueprint("metrics", __name__)


@area.get("/metrics")
def metrics() -> Response:
    """The numbers of the gateway and the state of the stack."""
    return Response(exposition(parts()) + _plane(), content_type=CONTENT_TYPE_LATEST)


def _plane() -> bytes:
    """The numbers of a control plane inside this gateway; its code is imported only where there is one."""
    if "memoryos.plane" not in current_app.extensions:
        return b""
    from memoryos_app.plane.app_parts import plane
    from memoryos_app.plane.metrics import exposition as plane_numbers

    try:
        here = plane()
    except MemoryOSError:
        return b""  # It is not open yet; the gateway's own numbers are shown.
    return plane_numbers(here.observed, here.registry.endpoints, here.states)
