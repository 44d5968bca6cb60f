"""What Gemini's errors mean.

Sources: Google's API error model (google.rpc.Status with RetryInfo and ErrorInfo in ``details``), and the reference of
generateContent for promptFeedback and finishReason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from memoryos_tasks.adapters.llm.refusal import (
    CONTENT_FILTER,
    error_object,
    failure,
    failure_inside,
    retry_after,
    safe_text,
    vendor_error,
)
from memoryos_tasks.core.errors import UpstreamError

#: Why an answer ended, in OpenAI's words. What is not here is no answer: a call that the model made up, a language that
#: it cannot speak.
FINISH = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "FUNCTION_CALL": "tool_calls",  # Not Google's, but said by others who speak its protocol.
    **dict.fromkeys(
        ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "ESCALATION",
         "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
        CONTENT_FILTER,
    ),
}

#: A duration as Google's JSON has it.
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")
_WORD = re.compile(r"\w{1,64}")
#: An error that stands in a stream as it is, over several lines, without being an event.
_BARE = re.compile(rb'^\[?\s*\{\s*"error"\s*:', re.MULTILINE)


def refused(
    provider: str, status: int, headers: Mapping[str, str], body: bytes, *, secret: str, now: float
) -> UpstreamError:
    """The error for an answer that is not a 200; see :func:`memoryos_tasks.core.refusal.refusal`."""
    said = vendor_error(body)
    # Of an unknown key Google says 400, as if the request were wrong.
    meant = 401 if any(row.get("reason") == "API_KEY_INVALID" for row in _details(said)) else status
    error = failure(provider, meant, said, secret=secret, did=f"answered {status}")
    error.retry_after = retry_after(headers.get("retry-after"), now) or _delay(said)
    return error


def failed(provider: str, said: object, *, secret: str) -> UpstreamError:
    """The error for an ``error`` object inside of a 200."""
    error = failure_inside(provider, error_object(said), secret=secret)
    error.retry_after = _delay(error_object(said))
    return error


def bare(tail: bytes) -> dict[str, Any]:
    """The error that a stream ended with, though not as an event; empty when there is none."""
    found = _BARE.search(tail)
    return vendor_error(tail[found.start() :]) if found else {}


def blocked(provider: str, feedback: Any) -> UpstreamError | None:
    """The error for a prompt that Gemini's filter refused; None when it did not."""
    reason = feedback.get("blockReason") if isinstance(feedback, Mapping) else None
    if not reason:
        return None
    said = {"code": CONTENT_FILTER, "param": "messages", "message": _named(reason)}
    return failure(provider, 200, said, did="refused the prompt")


def ended_badly(provider: str, reason: str, message: object, *, secret: str) -> UpstreamError:
    """The error for an answer whose finishReason says that it is none."""
    text = safe_text(message, secret)
    said = {"message": f"{_named(reason)}: {text}" if text else _named(reason)}
    return failure(provider, 502, said, secret=secret, did="gave up its answer")


def _details(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = said.get("details")
    return [row for row in details if isinstance(row, Mapping)] if isinstance(details, list) else []


def _delay(said: Mapping[str, Any]) -> float | None:
    """Seconds to wait, from a RetryInfo."""
    found = [_DELAY.fullmatch(str(row.get("retryDelay"))) for row in _details(said)]
    return next((float(delay[1]) for delay in found if delay), None)


def _named(reason: Any) -> str:
    return reason if isinstance(reason, str) and _WORD.fullmatch(reason) else "for a reason that it did not name"
