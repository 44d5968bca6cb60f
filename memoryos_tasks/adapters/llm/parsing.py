"""JSON of a vendor, as an object or as an error that says what came instead."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from memoryos_tasks.adapters.llm.transport import Answer


def parsed_object(answer: Answer, text: bytes | str) -> dict[str, Any]:
    """The JSON object in ``text``. Raises :class:`UpstreamError` for anything else."""
    if not text.strip():
        raise answer.broken(f"answered {answer.status} with an empty body")
    try:
        # A stream's events are texts, and come by the thousand: their decoder is made once.
        parsed = _DECODER.decode(text) if isinstance(text, str) else json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        markup = answer.content_type == "text/html" or text.lstrip()[:1] in (b"<", "<")
        kind = "HTML" if markup else "what is not JSON"
        raise answer.broken(f"answered {answer.status} with {kind}") from None
    if not isinstance(parsed, dict):
        raise answer.broken(f"answered {answer.status} with JSON that is not an object")
    return parsed


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
