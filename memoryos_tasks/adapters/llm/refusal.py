"""A vendor's HTTP error, as the error that our client gets."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from memoryos_tasks.core.errors import UpstreamError, UpstreamRefused, UpstreamTimeout

#: Refusals that are about the client's request and keep their status. Others (401, 402, 403 …) are between this
#: server and the vendor: the client can do nothing about them, so they are 502.
KEPT = frozenset({400, 404, 409, 413, 422, 429})

#: How much of a vendor's message is passed on, in characters.
MAX_TEXT = 500

#: What looks like an API key; vendors repeat parts of ours in their messages.
_KEYS = re.compile(r"\b(?:sk|pk|key|gsk|xai|AIza)[-_][\w*.-]{6,}|Bearer\s+\S+")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def refusal(
    provider: str, status: int, headers: Mapping[str, str], body: bytes, *, secret: str, now: float
) -> UpstreamError:
    """The error for an answer that is not a 2xx. ``now`` is in seconds since the epoch."""
    said = vendor_error(body)
    text = safe_text(said.get("message"), secret) if status != 401 else ""
    message = f"The model provider '{provider}' answered {status}" + (f": {text}" if text else ".")
    wait = retry_after(headers.get("retry-after"), now)
    if status in (408, 504):
        return UpstreamTimeout(message, retry_after=wait, upstream_status=status)
    if not 400 <= status < 500:
        return UpstreamError(message, retry_after=wait, upstream_status=status)
    if status in (401, 403):
        message += f" Its credentials are the operator's to check: llm.{provider}_api_key."
    error = UpstreamRefused(message, retry_after=wait, upstream_status=status)
    if status in KEPT:
        _keep_meaning(error, status, said)
    return error


def vendor_error(body: bytes | str) -> dict[str, Any]:
    """The ``error`` object of an OpenAI-shaped body; empty when there is none."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return error_object(parsed.get("error", parsed)) if isinstance(parsed, dict) else {}


def error_object(error: object) -> dict[str, Any]:
    """``error`` as an object with a ``message``: some vendors send only a text."""
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}


def safe_text(text: object, secret: str) -> str:
    """A vendor's message, on one line, without credentials, at most MAX_TEXT characters."""
    if not isinstance(text, str):
        return ""
    if secret:
        text = text.replace(secret, "***")
    text = _KEYS.sub("***", " ".join(text.split()))
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait, from a Retry-After header: seconds or an HTTP date (RFC 9110, section 10.2.3)."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _keep_meaning(error: UpstreamRefused, status: int, said: Mapping[str, Any]) -> None:
    error.status = status
    error.type = "rate_limit_error" if status == 429 else "invalid_request_error"
    code, param = said.get("code"), said.get("param")
    if isinstance(code, str) and _CODE.fullmatch(code):
        error.code = code
    if isinstance(param, str) and len(param) <= MAX_TEXT:
        error.param = param
