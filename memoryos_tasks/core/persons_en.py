"""English values about a person: names, trades, employers, places, dates, languages.

Each function gives the values that hold, or none.
"""

from __future__ import annotations

import re

from memoryos_tasks.core.trimming_en import DANGLING, ENDS, LIST, PLACE_ENDS, cut, plain, short
from memoryos_tasks.core.words import word_set
from memoryos_tasks.core.words_en import DEMONYMS, LANGUAGES, is_everyday, is_trade, may_be_name

_COUNTRY_THE = re.compile(
    r"^the (?:US|USA|UK|U\.S|Netherlands|Philippines|United|Czech|Bahamas|Maldives"
    r"|Bay)\b",
    re.IGNORECASE,
)
_NO_PLACE = word_set(
    "fear hope denial peace pain poverty luxury here there home work town bed school abroad person general luck"
    " it this that"
    " harmony sin shadow today tomorrow school class jail prison hospital trouble love debt"
)
_NO_EMPLOYER = word_set(
    "home night nights myself the a an free living fun it this that them you him her out hard remotely alone us"
    " me all day"
    " part-time full-time weekends"
)
_TITLES = word_set("Software Data Senior Junior Lead Product Project Research Mechanical Civil Electrical Graphic Web")


def name(value: str) -> list[str]:
    """Up to four words; lower-case ones get capitals. More than two lower-case words are no name."""
    value = re.sub(r"^(?:just|simply) ", "", plain(value), flags=re.IGNORECASE)
    words = value.split()
    capital = [word for word in words if word[0].isupper() or not word[0].isascii()]
    if not 0 < len(words) <= 4 or not re.fullmatch(r"[^\W\d_][\w'’.\-]*(?: [^\W\d_][\w'’.\-]*)*", value):
        return []
    if words[0].casefold() in {
        "not",
        "a",
        "an",
        "the",
        "so",
        "too",
        "very",
        "on",
        "in",
        "that",
        "hard",
        "unique",
        "my",
        "your",
    }:
        return []
    if capital and words[0] in capital:
        while words and words[-1].islower() and words[-1].isascii():
            words.pop()
        return [" ".join(words)]
    return [value.title()] if len(words) <= 2 and value.isascii() and not capital else []


def self_name(value: str) -> list[str]:
    """A name after "I am": every word has a capital and none is an everyday word."""
    words = plain(value).split()
    if not 0 < len(words) <= 3 or not all(word[0].isupper() for word in words):
        return []
    if not may_be_name(words[0]) or any(is_everyday(word) for word in words):
        return []
    return [] if any(len(word) > 1 and word.isupper() for word in words) else name(value)


def surname(value: str) -> list[str]:
    return name(value) if len(value.split()) <= 2 else []


def occupation(value: str) -> list[str]:
    if re.match(r"\w+(?: and \w+)? as (?!well\b)", value):  # work as hard as one can
        return []
    value = re.sub(r" (?:in|from|at|of two|of three)\b (?=.*).*$", "", cut(value)) if not _of(value) else cut(value)
    value = re.split(r" (?:as|and (?:an?|part|a father|a mother))\b", value)[0].strip()
    if DANGLING.match(value) or value.casefold() in {
        "much",
        "hard",
        "needed",
        "required",
        "usual",
        "normal",
        "always",
        "planned",
        "expected",
        "team",
        "well",
        "great",
        "good",
        "stressful",
        "boring",
    }:
        return []
    return short(value, 6)


def trade(value: str) -> list[str]:
    """An occupation after "I am": its last word must be a trade."""
    value = plain(value)
    if re.match(
        r"(?:not|no|such|so|too|very|like|just|bit|about|looking|trying|going|meeting|seeing"
        r"|talking)\b",
        value,
        re.I,
    ):
        return []
    head = re.split(r" (?:of|who|in|from|and|with|based)\b", value)[0]
    return occupation(value) if is_trade(head) and len(head.split()) <= 5 else []


def bare_trade(value: str) -> list[str]:
    """An occupation without an article; "John Baker" and "Mary Cook" are names."""
    words = value.split()
    like_a_name = len(words) == 2 and all(word.istitle() for word in words) and words[0] not in _TITLES
    return [] if like_a_name else trade(value)


def _of(value: str) -> bool:
    return bool(re.search(r"\b(?:head|director|vp|vice president|chief|professor) of\b", value, re.IGNORECASE))


def employer(value: str) -> list[str]:
    value = PLACE_ENDS.sub("", ENDS.sub("", " " + value).strip())
    value = re.sub(r" (?:in (?:[A-Z]|the )|on|this|last|as|doing|next) ?.*$", "", value).strip(" .,")
    first = value.split()[0].casefold() if value.split() else "the"
    if re.match(r"(?:on|in|at|to|as|up|with)\b", value):
        return []
    if first in _NO_EMPLOYER and not re.match(r"the [A-Z]", value):
        return []
    return short(plain(value), 6)


def industry(value: str) -> list[str]:
    value = cut(value)
    if value.split(" ")[0].casefold() in {"office", "team", "same", "morning", "evening", "dark", "private", "it's"}:
        return []
    return short(value, 4) if value.islower() or re.fullmatch(r"[A-Z]{2,3}", value) else []


def place(value: str) -> list[str]:
    raw = PLACE_ENDS.sub("", ENDS.sub("", " " + value).strip()).strip(" .,")
    if re.match(r"(?:an?|my|the|our|this|that|his|her|your)\b", raw, re.IGNORECASE) and not _COUNTRY_THE.match(raw):
        return []
    value = raw.replace("\u201a", ",")
    if not value or value.split()[0].casefold() in _NO_PLACE or re.search(r"\d", value):
        return []
    if value[0].isascii() and not value[0].isupper() and not _COUNTRY_THE.match(value):
        return [value.title()] if value.islower() and len(value.split()) <= 3 and not value.endswith("ing") else []
    return short(value, 5)


def somewhere(_value: str) -> list[str]:
    """Where somebody works is not where they live: no value."""
    return []


def age(value: str) -> list[str]:
    return [str(int(value))] if 2 <= int(value) <= 120 else []


def date(value: str) -> list[str]:
    value = plain(re.split(r" (?:and|but|so)\b", value)[0])
    value = re.sub(r"^(?:on|in|at) ", "", value)
    return short(value, 5) if re.search(r"\d", value) else []


def nationality(value: str) -> list[str]:
    return [value.capitalize()] if value.casefold() in DEMONYMS else []


def languages(value: str) -> list[str]:
    known = [
        re.sub(
            r"^(?:some|a little|fluent"
            r"|basic) ",
            "",
            plain(part),
            flags=re.I,
        )
        for part in LIST.split(cut(value))
    ]
    return [part.capitalize() for part in known if part.casefold().split(" ")[0] in LANGUAGES and " " not in part]


def language(value: str) -> list[str]:
    return languages(value)[:1]
