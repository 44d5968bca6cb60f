"""Every failure as OpenAI's clients know it: ``{"error": {"message", "type", "param", "code"}}``."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

import structlog
from flask import Flask, Response, g, jsonify
from werkzeug.exceptions import HTTPException

from memoryos_app.parts import parts
from memoryos_tasks.core.errors import (
    InvalidRequest,
    MemoryOSError,
    TrafficDown,
    TruthDown,
    Unauthorized,
    UpstreamError,
    VectorsDown,
)

log = structlog.get_logger(__name__)

#: Codes of errors that the web framework raises; others are named after their status.
_CODES = {
    404: "unknown_url",
    405: "method_not_allowed",
    408: "request_timeout",
    415: "unsupported_media_type",
}
_TEXTS = {
    404: "There is nothing at this address; /openapi.json lists what there is.",
    405: "This address does not answer this method; see the Allow header.",
}


class RunFailed(MemoryOSError):
    """A run ended with this error object; it becomes the answer, with these headers."""

    def __init__(self, error: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(error.get("message") or "The run failed."), param=error.get("param"))
        self.code = str(error.get("code") or "internal_error")
        self.type = str(error.get("type") or "server_error")
        self.status = int(error.get("status") or 500)
        self.retry_after = error.get("retry_after")
        self.headers = headers or {}


def public(error: Mapping[str, Any]) -> dict[str, Any]:
    """The body of an error answer from a run's error object."""
    return {
        "error": _shape(
            str(error.get("message") or ""),
            str(error.get("type") or "server_error"),
            error.get("param"),
            str(error.get("code") or "internal_error"),
        )
    }


def _shape(message: str, type: str, param: str | None, code: str) -> dict[str, Any]:
    return {"message": message, "type": type, "param": param, "code": code}


def answer(error: MemoryOSError) -> Response:
    """The HTTP answer of an error."""
    response = jsonify(public(error.described()))
    response.status_code = error.status
    if error.retry_after is not None or (error.status == 503 and error.code != UpstreamError.code):
        response.headers["Retry-After"] = str(max(1, round(error.retry_after or 1)))
    if error.code == VectorsDown.code:
        response.headers["X-MemoryOS-Status"] = "degraded:vectors"
    if error.code == Unauthorized.code:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, RunFailed):
        response.headers.update(error.headers)
    return response


def install(app: Flask) -> None:
    """Answer every exception of the application."""
    app.register_error_handler(MemoryOSError, _known)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unknown)


def _known(error: MemoryOSError) -> Response:
    if isinstance(error, TruthDown):
        parts().watch.truth_failed()
    elif isinstance(error, TrafficDown):
        parts().watch.traffic_failed()
    return answer(error)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    code = _CODES.get(status, error.name.lower().replace(" ", "_"))
    kind = "invalid_request_error" if status < 500 else "server_error"
    response = jsonify(
        {"error": _shape(_TEXTS.get(status) or error.description or error.name, kind, None, code)}
    )
    response.status_code = status
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _unknown(error: Exception) -> Response:
    if isinstance(error, RecursionError):
        return answer(InvalidRequest("The body is nested too deeply."))
    # The exception's own text may quote what a user wrote, so only its type and place are logged.
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in last]
    log.error("unexpected error", error=type(error).__name__, where=where)
    request_id = g.get("request_id", "unknown")
    said = f"Something went wrong inside MemoryOS; the log names the cause under {request_id}."
    return answer(MemoryOSError(said))
