"""How many tokens a text will cost: an estimate where the model's tokenizer is not known, and what fits a budget."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

#: Tokens of a text, by a model's own tokenizer or by :func:`estimate`.
Count = Callable[[str], int]

#: Characters of alphabetic text that one token covers on average, the usual rule of thumb for English.
CHARACTERS_PER_TOKEN = 4

#: Han, kana, Hangul, their punctuation and full-width forms. A character of these is a whole word or syllable and
#: takes three bytes of UTF-8, so byte-pair vocabularies spend about one token on it (0.6 to 1.4 by model), not a
#: quarter.
_WIDE = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


def estimate(text: str) -> int:
    """Tokens of ``text``: one for each CJK character, one for each four others, rounded up."""
    wide = len(_WIDE.findall(text))
    return wide + -(-(len(text) - wide) // CHARACTERS_PER_TOKEN)


def fit(items: Iterable[T], budget: int, text: Callable[[T], str] = str, count: Count = estimate) -> list[T]:
    """The items, best first, that together cost at most ``budget`` tokens; one that does not fit is left out whole.

    Each item pays for the line break after it.
    """
    kept: list[T] = []
    left = budget
    for item in items:
        cost = count(text(item) + "\n")
        if cost <= left:
            kept.append(item)
            left -= cost
    return kept
