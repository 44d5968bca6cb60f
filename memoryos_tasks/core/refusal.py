"""A vendor's error, as the error that our client gets: one way for all vendors, in a status or inside a 200."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from memoryos_tasks.core.errors import UpstreamError, UpstreamRefused, UpstreamTimeout

#: Refusals that keep their status, so that OpenAI's clients raise the exception that they would raise at the vendor.
#: Others (405, 415 …) say that our call does not fit the vendor: 502.
KEPT = frozenset({400, 401, 402, 403, 404, 408, 409, 413, 422, 429})
#: What a refused prompt is called, whatever its vendor calls it.
CONTENT_FILTER = "content_filter"

#: How much of a vendor's message is passed on, in characters.
MAX_TEXT = 500

#: What looks like an API key; vendors repeat parts of ours in their messages.
_KEYS = re.compile(
    r"\b(?:sk|pk|key|gsk|xai)[-_][\w*.-]{6,}|\bAIza[\w*-]{6,}|Bearer\s+\S+|\b(?:api[-_]?)?key=[^\s&\"']+"
)
#: What a sentence ends with.
_ENDS = (".", "!", "?", "…", "。", "！", "？")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
#: How vendors of OpenAI's family name a prompt that their filter refused: OpenAI and Azure by code, Azure also by its
#: inner code, DeepSeek by its message alone; OpenAI's newer models name it among other faults of a prompt.
_BLOCKED = frozenset({CONTENT_FILTER, "content_policy_violation", "moderation_blocked", "ResponsibleAIPolicyViolation"})
_BLOCKED_TEXTS = re.compile(r"content exists risk|invalid prompt: your prompt was flagged\b.*", re.IGNORECASE)


def refusal(
    provider: str, status: int, headers: Mapping[str, str], body: bytes, *, secret: str, now: float
) -> UpstreamError:
    """The error for an answer that is not a 2xx. ``now`` is in seconds since the epoch; ``headers`` ignore case."""
    error = failure(provider, status, vendor_error(body), secret=secret)
    error.retry_after = retry_after(headers.get("retry-after"), now)
    return error


def failure(
    provider: str, status: int, said: Mapping[str, Any], *, secret: str = "", did: str = ""
) -> UpstreamError:
    """The error for a vendor's error object that has, or would have had, this status. ``did`` says what happened."""
    text = safe_text(said.get("message"), secret) if status != 401 else ""
    message = f"The model provider '{provider}' {did or f'answered {status}'}" + (f": {text}" if text else ".")
    if _blocked(said):
        return _refused(message, 400, {**said, "code": CONTENT_FILTER}, status)
    if status in (408, 504):
        late = UpstreamTimeout(message, upstream_status=status)
        late.status = status
        return late
    if status in (401, 403):
        message += ("" if message.endswith(_ENDS) else ".") + (
            f" It refused this server's own credential, not yours: its operator should check llm.{provider}_api_key."
        )
        return _refused(message, status, {}, status)
    if status in KEPT:
        return _refused(message, status, said, status)
    if 400 <= status < 500:
        return UpstreamRefused(message, upstream_status=status)
    failed = UpstreamError(message, upstream_status=status)
    if 500 <= status < 600:
        failed.status = status
    return failed


def failure_inside(provider: str, said: Mapping[str, Any], *, secret: str = "") -> UpstreamError:
    """The error for an error object inside a 200: OpenRouter and others put the status in its ``code``."""
    for name in ("code", "status"):
        number = said.get(name)
        if isinstance(number, str) and number.isascii() and number.isdigit():
            number = int(number)
        if isinstance(number, int) and 400 <= number < 600:
            return failure(provider, number, said, secret=secret, did="failed while answering")
    return failure(provider, 502, said, secret=secret, did="failed while answering")


def vendor_error(body: bytes | str) -> dict[str, Any]:
    """The ``error`` object of an OpenAI-shaped body; empty when there is none."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]  # Gemini wraps the error of a stream in a list.
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


def _blocked(said: Mapping[str, Any]) -> bool:
    """Whether the vendor's filter refused the prompt. OpenRouter says so in ``metadata``, of a 403."""
    inner, more = said.get("innererror"), said.get("metadata")
    codes = {str(said.get("code")), str(inner.get("code")) if isinstance(inner, Mapping) else ""}
    text = said.get("message")
    return (
        bool(codes & _BLOCKED)
        or (isinstance(more, Mapping) and "flagged_input" in more)
        or (isinstance(text, str) and bool(_BLOCKED_TEXTS.fullmatch(" ".join(text.split()))))
    )


def _refused(message: str, status: int, said: Mapping[str, Any], upstream_status: int) -> UpstreamRefused:
    error = UpstreamRefused(message, upstream_status=upstream_status)
    error.status = status
    error.type = _TYPES.get(status, "invalid_request_error")
    code, param = said.get("code"), said.get("param")
    if isinstance(code, str) and _CODE.fullmatch(code):
        error.code = code
    if isinstance(param, str) and len(param) <= MAX_TEXT:
        error.param = param
    return error
