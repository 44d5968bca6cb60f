"""What happens around every request: its id, its caller, its headers, its numbers, its log line."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from flask import Flask, Response, g, request

from memoryos_app import numbers
from memoryos_app.caller import identify
from memoryos_app.parts import parts

log = structlog.get_logger("memoryos.request")

_SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}")
#: Calls that are asked every few seconds and would drown the others.
_QUIET = ("/health", "/metrics")


def install(app: Flask) -> None:
    """Attach the hooks."""
    app.before_request(_open)
    app.after_request(_close)


def _open() -> None:
    g.started = time.perf_counter()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _SANE.fullmatch(given) else f"req_{uuid.uuid4().hex}"
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    numbers.IN_FLIGHT.inc()
    if request.path.startswith("/v1/") or request.endpoint == "metrics.metrics":
        g.caller = identify(request)


def _close(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    if "X-MemoryOS-Status" not in response.headers:
        response.headers["X-MemoryOS-Status"] = parts().watch.state.status
    if g.get("close_connection"):
        response.headers["Connection"] = "close"
    response.call_on_close(_Ending(response.status_code))
    return response


class _Ending:
    """Notes a request when its last byte is out; a stream is as long as it lasts."""

    def __init__(self, status: int) -> None:
        self._status = status
        self._method = request.method
        self._path = request.path
        self._route = request.url_rule.rule if request.url_rule else "unknown"
        self._started: float = g.started
        self._request_id: str = g.request_id
        self._tenant = g.caller.tenant if "caller" in g else None
        self._done = False

    def __call__(self) -> None:
        if self._done:
            return
        self._done = True
        seconds = time.perf_counter() - self._started
        numbers.IN_FLIGHT.dec()
        numbers.REQUESTS.labels(self._route, self._method, str(self._status)).inc()
        numbers.DURATION.labels(self._route, self._method).observe(seconds)
        level = log.debug if self._path.startswith(_QUIET) else log.info
        level(
            "request",
            method=self._method,
            path=self._path,
            status=self._status,
            duration_ms=round(seconds * 1000, 1),
            request_id=self._request_id,
            tenant=self._tenant,
        )
