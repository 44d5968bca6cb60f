"""The form in which two askings of one question are the same: an FAQ is found by it, and by nothing looser.

Marks, case, width, politeness and contractions go. What may change the meaning stays: every other word in its order,
numbers, signs, superscripts, negation, persons, and capitals that make another word. In doubt they stay.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from memoryos_tasks.core.faq_names import marked
from memoryos_tasks.core.faq_words import (
    ABOUT_WORDS,
    BEFORE_ARTICLE,
    CONTRACTIONS,
    GENERIC,
    GENERIC_ZH,
    LEADING,
    TRAILING,
)
from memoryos_tasks.core.text import CJK

#: How the characters that NFKC would melt into their neighbours are kept apart (5² is not 52).
_KEPT_APART = {"<super>": "^", "<sub>": "_", "<fraction>": " "}
#: Characters that are not seen: zero-width spaces, byte order marks, soft hyphens.
_UNSEEN = re.compile("[\u200b\ufeff\u00ad]")
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
#: A Chinese comma between digits parts two numbers.
_FULL_COMMA = re.compile(r"(?<=\d)，(?=\d)")
_OPENING, _CLOSING = re.compile(r"[(\[{]"), re.compile(r"[)\]}]")
#: What is quoted; 5" is a measure.
_QUOTED = re.compile(r"(?<![A-Za-z0-9_])[\"“„«]([^\"“”„«»]*)[\"”»]")
#: What stands before a value in code, which its quotes make another one.
_CODE = tuple("=([{+,:<>*/&|")
#: Marks at the end; a factorial is none.
_END = re.compile(r"(?:(?<=\w)|(?<=[)\]%+#]))(?<!\d(?=!))[?!.。…~]+$|\s+\?+$")
#: A run of unspaced script; a word with what may stand inside it; a mark by itself.
_TOKEN = re.compile(rf"[{CJK}]+|[^\s{CJK},;:?!。、]+|[,;:?!。、]")
#: Not the end of a word: 酒吧, 喇嘛.
_PARTICLES = re.compile("(?<![酒网贴书水话氧咖迪茶])(?<!喇)[吗呢啊呀哦嘛吧]+$")
#: Digits, and Chinese numerals where they count something.
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*%?|[一二三四五六七八九十百千两]+(?=[个天月年次元块种台人折号周])")


@dataclass(frozen=True, slots=True)
class Form:
    """``normal``: the question as every asking of it reads. ``gist``: the same without idle words (articles, 吗),
    and with "how do I", "how can I", "how to" made one: two of them with one gist have the same content words in the
    same order, the same numbers, negation and persons.
    """

    normal: str
    gist: tuple[str, ...]


def numbers(text: str) -> tuple[str, ...]:
    """The numbers in a text, in order."""
    return tuple(_NUMBER.findall(text))


@lru_cache(maxsize=4096)
def form(text: str) -> Form:
    """The form of a question; empty for a text without any word."""
    tokens = _normal(text)
    return Form(" ".join(tokens), _gist(tokens))


def _normal(text: str) -> list[str]:
    """The words of a text as every asking has them."""
    shown = marked(_unfolded(text)).lower().replace("’", "'").replace("‘", "'")
    shown = " ".join(_THOUSANDS.sub(_joined, shown).split())
    if not ABOUT_WORDS.search(shown):
        shown = _unadorned(shown)
    shown = _END.sub("", _unquoted(shown).strip())
    words: list[str] = []
    for token in _TOKEN.findall(shown):
        words += CONTRACTIONS.get(token, token).split()
    return words


def _unfolded(text: str) -> str:
    """Half and full width made one (NFKC), without joining a superscript to its base."""
    if text.isascii():
        return text
    text = _FULL_COMMA.sub("、", text)
    apart = [
        _KEPT_APART.get(unicodedata.decomposition(char).split(" ")[0], "") + char if not char.isascii() else char
        for char in _UNSEEN.sub("", text)
    ]
    return unicodedata.normalize("NFKC", "".join(apart))


def _joined(found: re.Match[str]) -> str:
    """A number without its separators; as it is among arguments, where a comma may part two numbers."""
    before = found.string[: found.start()]
    inside = len(_OPENING.findall(before)) > len(_CLOSING.findall(before))
    return found[0] if inside else found[0].replace(",", "")


def _unquoted(shown: str) -> str:
    return _QUOTED.sub(lambda found: f" {found[1]} " if _prose(found) else found[0], shown)


def _prose(found: re.Match[str]) -> bool:
    """Whether the quotes are round words, and not round a value in code."""
    before = found.string[: found.start()].rstrip()
    return any(char.isalpha() for char in found[1]) and not before.endswith(_CODE)


def _unadorned(shown: str) -> str:
    """The question without politeness; as it was when there is nothing else."""
    bare = shown
    while (found := LEADING.match(bare)) and found.end():
        bare = bare[found.end() :]
    bare = TRAILING.sub("", bare)
    return bare if bare.strip() else shown


def _gist(tokens: list[str]) -> tuple[str, ...]:
    said = GENERIC.sub("how to", " ".join(tokens))
    kept: list[str] = []
    before = ""
    for token in said.split(" "):
        idle = token in ("the", "an") or (token == "a" and (not before or before in BEFORE_ARTICLE))
        if not idle:
            kept.append(token)
        before = token
    if kept:
        kept[0] = GENERIC_ZH.sub("如何", kept[0])
        kept[-1] = _PARTICLES.sub("", kept[-1]) or kept[-1]
    return tuple(kept)
