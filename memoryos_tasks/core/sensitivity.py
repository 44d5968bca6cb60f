"""Whether a text must not leave the house: by its words, and by numbers and secrets whose form gives them away.

The answer is about words, not about meaning: what nobody can tell by them is let through. Numbers count only with a
correct checksum or an issuer's own form, so that an order number is no bank card.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from memoryos_tasks.core.sensitivity_numbers import secret_in
from memoryos_tasks.core.sensitivity_words import CHINESE, ENGLISH, SIMPLIFIED

#: In ``router.sensitive_keywords``: the built-in words.
DEFAULT = "default"

#: How far around a word its pattern may reach, in characters, and how many places are looked at one by one.
BEFORE, AFTER, WINDOWS = 100, 300, 16

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_SPACES = re.compile(r"[ \t\r\f\v\u00a0\u3000]+")
_SPACED = re.compile(r"  |[\t\u00a0\u3000]")
#: Characters that stand for plain letters and digits.
_WIDE = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff]")
_TRADITIONAL = re.compile(f"[{''.join(map(chr, SIMPLIFIED))}]")
#: Fields of a request whose values are bytes or names, no text.
_OPAQUE = frozenset({"image_url", "input_audio", "file_data", "url", "data", "messages"})


def phrases(keywords: str) -> tuple[str, ...]:
    """The entries of ``router.sensitive_keywords``."""
    return tuple(part.strip() for part in re.split("[,，、]", keywords) if part.strip())


class Sensitivity:
    """Sensitive texts, by the words of ``router.sensitive_keywords``. Safe to share between threads.

    Words are found whole, in any case and width; those in Chinese anywhere, in simplified and traditional characters.
    """

    def __init__(self, keywords: str = DEFAULT) -> None:
        rows: list[tuple[tuple[str, ...], str]] = []
        for phrase in phrases(keywords):
            if phrase.casefold() == DEFAULT:
                rows += [*ENGLISH.items(), *CHINESE.items()]
            else:
                rows.append(_row(phrase))
        compiled = [(needles, re.compile(pattern, re.MULTILINE)) for needles, pattern in rows]
        pairs = [(needle, pattern) for needles, pattern in compiled for needle in needles]
        self._pairs = pairs
        # A text of plain ASCII holds none of the others.
        self._plain_pairs = [(needle, pattern) for needle, pattern in pairs if needle.isascii()]

    def hit(self, text: str) -> bool:
        """Whether this text is sensitive."""
        folded = _folded(text)
        # Substrings first: looking for each takes a tenth of the time that one alternation of all of them takes.
        for needle, pattern in self._plain_pairs if folded.isascii() else self._pairs:
            if needle in folded and _near(folded, needle, pattern):
                return True
        return secret_in(text if text.isascii() else plain(text))

    def any(self, texts: Iterable[str]) -> bool:
        """Whether one of these texts is sensitive."""
        return any(self.hit(text) for text in texts)

    def request(self, body: Mapping[str, Any]) -> bool:
        """Whether a chat request is: a message by its words, anything else that is sent by its numbers.

        Descriptions of tools speak of passwords and hold none, so words do not count there.
        """
        if self.any(texts_of(body.get("messages") or ())):
            return True
        return any(secret_in(text) for key, value in body.items() if key not in _OPAQUE for text in _strings(value))


def texts_of(messages: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Every text in these messages: contents, names, arguments of tool calls; no images nor other bytes."""
    for message in messages:
        for key, value in message.items():
            if isinstance(value, str):
                if key != "role":
                    yield value
            elif value:
                yield from _strings(value)


def _strings(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            waiting += [inner for key, inner in one.items() if key not in _OPAQUE]
        elif isinstance(one, (list, tuple)):
            waiting += one


def _near(text: str, needle: str, pattern: re.Pattern[str]) -> bool:
    """Whether the pattern is found around one of the places of the needle."""
    at = text.find(needle)
    for _ in range(WINDOWS):
        if at < 0:
            return False
        if pattern.search(text, max(0, at - BEFORE), at + AFTER):
            return True
        at = text.find(needle, at + 1)
    return at >= 0 and bool(pattern.search(text, max(0, at - BEFORE)))


def _folded(text: str) -> str:
    """In lower case, in simplified characters, with plain widths and single spaces."""
    if not text.isascii():
        text = plain(text).replace("’", "'")
        if _TRADITIONAL.search(text):
            text = text.translate(SIMPLIFIED)
    text = text.lower()
    return _SPACES.sub(" ", text) if _SPACED.search(text) else text


def plain(text: str) -> str:
    """Without invisible characters, and with plain letters and digits."""
    if _INVISIBLE.search(text):
        text = _INVISIBLE.sub("", text)
    return unicodedata.normalize("NFKC", text) if _WIDE.search(text) else text


def _row(phrase: str) -> tuple[tuple[str, ...], str]:
    folded = _folded(phrase)
    bounded = r"\s+".join(map(re.escape, folded.split()))
    if folded[:1].isascii() and (folded[:1].isalnum() or folded[:1] == "_"):
        bounded = rf"(?<!\w){bounded}" if folded.isascii() else bounded
    if folded[-1:].isascii() and (folded[-1:].isalnum() or folded[-1:] == "_"):
        bounded = rf"{bounded}(?!\w)" if folded.isascii() else bounded
    return (folded.split()[0],), bounded
