"""What glm endpoints answer: one text or a list of texts, under the names that such servers use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Where the answer stands; the first that is there counts.
NAMES = ("text", "response", "output", "generated_text", "choices", "content")
#: Objects in objects that are looked into.
DEPTH = 4


def texts(answer: object, depth: int = DEPTH) -> list[str] | None:
    """The texts of an answer, in the order of their prompts; None when there is none.

    ``{"text"}``, ``{"response"}`` and ``{"output"}`` with a text or a list, ``choices`` as OpenAI has them, and a list
    of such objects.
    """
    if isinstance(answer, str):
        return [answer]
    if depth == 0:
        return None
    if isinstance(answer, Mapping):
        inner = answer.get("message")
        if isinstance(inner, Mapping):
            return texts(inner.get("content"), depth - 1)
        return next((texts(answer[name], depth - 1) for name in NAMES if answer.get(name) is not None), None)
    return _each(answer, depth - 1) if isinstance(answer, list) else None


def _each(rows: Sequence[object], depth: int) -> list[str] | None:
    found = [texts(row, depth) for row in sorted(rows, key=_place)]
    single = [one[0] for one in found if one is not None and len(one) == 1]
    return single if single and len(single) == len(found) else None


def _place(row: object) -> int:
    """Choices may say themselves which prompt each belongs to; others keep their order."""
    place = row.get("index") if isinstance(row, Mapping) else None
    return place if isinstance(place, int) else 0
