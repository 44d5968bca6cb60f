"""What operators see of the plane's work: who asks too much, and what to scale."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from flask import Response, jsonify

from memoryos_app.api import gives, route
from memoryos_app.plane.app_parts import plane
from memoryos_app.plane.auth import operators_only
from memoryos_app.plane.views import area
from memoryos_app.schemas.errors import ErrorSchema
from memoryos_tasks.core.plane.anomalies import Anomaly, Sort

_FORBIDDEN = "This call is for operators."


@route(area, "/mcp/anomalies")
@gives(area, 200, says="Each user or address that asks or asked far more than usual, or guessed keys, newest first.")
@gives(area, 403, ErrorSchema, says=_FORBIDDEN)
def anomalies() -> Response:
    """List what is odd about the plane's requests"""
    operators_only()
    now = time.time()
    return jsonify({"anomalies": [described(each, now) for each in plane().observed.anomalies()]})


@route(area, "/mcp/scaling")
@gives(area, 200, says="Each pool and endpoint with its advice: `grow`, `keep` or `shrink`, to how many, and why.")
@gives(area, 403, ErrorSchema, says=_FORBIDDEN)
def scaling() -> Response:
    """Say which pools need more workers, or fewer"""
    operators_only()
    hints = plane().observed.scaling(plane().registry.endpoints())
    return jsonify({"scaling": [{**asdict(each), "advice": str(each.advice)} for each in hints]})


def described(anomaly: Anomaly, now: float) -> dict[str, Any]:
    """An anomaly as it is shown: ids and numbers, times in seconds (UTC)."""
    subject = anomaly.subject
    rated = subject.sort is not Sort.AUTH
    return {
        "sort": str(subject.sort),
        "tenant": subject.tenant or None,
        "user": subject.name if subject.sort is Sort.USER else None,
        "ip": subject.name if subject.sort is not Sort.USER else None,
        "open": anomaly.open(now),
        "count": anomaly.count,
        "peak": anomaly.peak,
        "usual": round(anomaly.usual, 1) if rated else None,
        "most": round(anomaly.most, 1),
        "first_at": anomaly.first_at,
        "last_at": anomaly.last_at,
    }
