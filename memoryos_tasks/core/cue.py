"""Words of either language that tell something about a text by standing in it."""

from __future__ import annotations

import re


class Cue:
    """``english`` are patterns of whole words in lower case, ``chinese`` patterns; ' | ' and new lines part them."""

    __slots__ = ("_chinese", "_english")

    def __init__(self, english: str, chinese: str) -> None:
        # Lower case on both sides: ignoring case would take three times as long.
        self._english = re.compile(rf"\b(?:{_any(english)})(?!\w)")
        self._chinese = re.compile(_any(chinese))

    def found(self, text: str) -> bool:
        """Whether one of them stands in the text."""
        low = text.lower()
        return self._english.search(low) is not None or (
            not low.isascii() and self._chinese.search(low) is not None
        )


def _any(patterns: str) -> str:
    return "|".join(one.strip() for line in patterns.strip().splitlines() for one in line.split(" | "))
