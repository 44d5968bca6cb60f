"""Whether a stored text repeats what somebody wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

#: Characters from which on a text is found inside of another one; shorter ones ("ok") stand in too many.
INSIDE = 12


def quotes(text: str, words: Sequence[str]) -> bool:
    """Whether the text, or a string of it where it is JSON, is one of these words or holds a long one."""
    asked = [word.strip() for word in words if word.strip()]
    return any(
        said.strip() == word or (len(word) >= INSIDE and word in said) for said in _strings(text) for word in asked
    )


def _strings(text: str) -> Iterator[str]:
    try:
        waiting: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError):
        yield text
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        else:
            yield json.dumps(value)
