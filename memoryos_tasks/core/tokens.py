"""How many tokens a text will cost, where no tokenizer of the model is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

#: Characters of alphabetic text that one token covers on average, the usual rule of thumb for English.
CHARACTERS_PER_TOKEN = 4

#: Han, kana, Hangul and full-width forms. A character of these is a whole word or syllable and takes three bytes
#: of UTF-8, so byte-pair vocabularies spend about one token on it (0.6 to 1.5 by model), not a quarter.
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


def estimate(text: str) -> int:
    """Tokens of ``text``: one for each CJK character, one for each four others, rounded up."""
    wide = len(_WIDE.findall(text))
    return wide + -(-(len(text) - wide) // CHARACTERS_PER_TOKEN)


def fit(items: Iterable[T], budget: int, text: Callable[[T], str] = str) -> list[T]:
    """The items, best first, that together cost at most ``budget`` tokens; an item that does not fit is left"
    " out whole.

    Each item pays for the line break after it.
    """
    kept: list[T] = []
    left = budget
    for item in items:
        cost = estimate(text(item) + "\n")
        if cost <= left:
            kept.append(item)
            left -= cost
    return kept
