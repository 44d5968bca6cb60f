"""Two chunks of a stream as one: what a run that is faster than its listeners says in fewer words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Chunk = Mapping[str, Any]

#: What a delta may hold to be a piece of text and nothing else.
_TEXTS = ("content", "reasoning_content")


def merged(first: Chunk, second: Chunk) -> dict[str, Any] | None:
    """The ``chat.completion.chunk`` that says what both say, one after the other; None when that needs two.

    The second must be one more piece of the same kind of text, of the same only choice, and different in nothing else:
    what a vendor says beside the text (a finish, usage, log probabilities, a field of its own) stays where it was.
    """
    before, after = _choice(first), _choice(second)
    if before is None or after is None:
        return None
    delta, more = before.get("delta"), after.get("delta")
    if not isinstance(delta, dict) or not isinstance(more, dict) or len(more) != 1:
        return None
    (kind, text), = more.items()
    said = delta.get(kind)
    if kind not in _TEXTS or not isinstance(text, str) or not isinstance(said, str) or len(delta) > 2:
        return None
    if len(delta) == 2 and "role" not in delta:
        return None
    if {**first, "choices": None} != {**second, "choices": None}:
        return None
    if {**before, "delta": None} != {**after, "delta": None}:
        return None
    return {**first, "choices": [{**before, "delta": {**delta, kind: said + text}}]}


def _choice(chunk: Chunk) -> dict[str, Any] | None:
    """The only choice of a chunk that says nothing but text."""
    choices = chunk.get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        return None
    choice = choices[0]
    return None if choice.get("finish_reason") or choice.get("logprobs") or chunk.get("usage") else choice
