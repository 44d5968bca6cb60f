"""What a matched English value may be: each cleaner gives the values that hold, or none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from memoryos_tasks.core.words import word_set
from memoryos_tasks.core.words_en import DEMONYMS, LANGUAGES, is_everyday, is_trade, may_be_name

_ARTICLE = re.compile(r"^(?:[Aa]n?|the|some|my|our) (?=\S)")
_ENDS = re.compile(
    r"[,;:]? (?:with|for|since|now|because|where|which|who|that|when|while|near|after|before|until|but|though|so"
    r"|even|called"
    r"|named|along|during|by the|due|from|in order|if|and (?:i|my|we|he|she|it|they|am|is|a|an|the|have|was))\b.*$",
    re.IGNORECASE,
)
_PLACE_ENDS = re.compile(r" (?:as|and (?=[a-z])|on|at|last|this|next|in (?:the )?(?:\d{4}|spring|summer|fall"
    r"|winter))\b.*$")
_LIST = re.compile(r"\s*(?:,\s*(?:and|or|&)?|\band\b|\bor\b|&|\bas well as\b|\bplus\b)\s*", re.IGNORECASE)
_DANGLING = re.compile(
    r"^(?:it|this|that|these|those|you|your|him|her|them|how|what|when|where|why|the (?:idea|way|fact|part)|me"
    r"|us|being|one|all"
    r"|everything|nothing|something|anything|to (?:know|think|see|hear|say|be|get|ask|thank)|to$|not|no|going"
    r"|seeing|talking|here|there|his|her|their|its|the [a-z]|being able|(?:a )?(?:lot|bit|few|ton)|everywhere"
    r"|everyone|so|my)\b",
    re.IGNORECASE,
)
_COUNTRY_THE = re.compile(r"^the (?:US|USA|UK|U\.S|Netherlands|Philippines|United|Czech|Bahamas|Maldives"
    r"|Bay)\b", re.IGNORECASE)
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
_TITLES = word_set(
    "Software Data Senior Junior Lead Product Project Research Mechanical Civil Electrical Graphic Web"
)


def plain(value: str) -> str:
    """Without outer spaces and marks, and without a leading article."""
    value = value.replace("\u201a", ",").strip(" \t.,;:!?\"'()*_-…")
    return _ARTICLE.sub("", value).strip()


def lowered(value: str) -> list[str]:
    """The plain value in lower case, for words of a closed set."""
    return [plain(value).casefold()]


def _cut(value: str) -> str:
    return plain(_ENDS.sub("", " " + value.strip()).strip())


def _short(value: str, words: int) -> list[str]:
    return [value] if value and "…" not in value and len(value.split()) <= words and len(value) <= 80 else []


def name(value: str) -> list[str]:
    """Up to four words; lower-case ones get capitals. More than two lower-case words are no name."""
    value = re.sub(r"^(?:just|simply) ", "", plain(value), flags=re.IGNORECASE)
    words = value.split()
    capital = [word for word in words if word[0].isupper() or not word[0].isascii()]
    if not 0 < len(words) <= 4 or not re.fullmatch(r"[^\W\d_][\w'’.\-]*(?: [^\W\d_][\w'’.\-]*)*", value):
        return []
    if words[0].casefold() in {"not", "a", "an", "the", "so", "too", "very", "on", "in", "that", "hard", "unique", "my", "your"}:
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
    value = re.sub(r" (?:in|from|at|of two|of three)\b (?=.*).*$", "", _cut(value)) if not _of(value) else _cut(value)
    value = re.split(r" and (?:an?|part|a father|a mother)\b", value)[0].strip()
    if _DANGLING.match(value) or value.casefold() in {"much", "hard", "team", "well", "great", "good", "stressful", "boring"}:
        return []
    return _short(value, 6)


def trade(value: str) -> list[str]:
    """An occupation after "I am": its last word must be a trade."""
    value = plain(value)
    if re.match(r"(?:not|no|such|so|too|very|like|just|bit|about|looking|trying|going|meeting|seeing"
    r"|talking)\b", value, re.I):
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
    value = _PLACE_ENDS.sub("", _ENDS.sub("", " " + value).strip())
    value = re.sub(r" in [A-Z].*$", "", value).strip(" .,")
    first = value.split()[0].casefold() if value.split() else "the"
    if re.match(r"(?:on|in|at|to|as|up|with)\b", value):
        return []
    if first in _NO_EMPLOYER and not re.match(r"the [A-Z]", value):
        return []
    return _short(plain(value), 6)


def industry(value: str) -> list[str]:
    value = _cut(value)
    if value.split(" ")[0].casefold() in {"office", "team", "same", "morning", "evening", "dark", "private", "it's"}:
        return []
    return _short(value, 4) if value.islower() or re.fullmatch(r"[A-Z]{2,3}", value) else []


def place(value: str) -> list[str]:
    raw = _PLACE_ENDS.sub("", _ENDS.sub("", " " + value).strip()).strip(" .,")
    if re.match(r"(?:an?|my|the|our|this|that|his|her|your)\b", raw, re.IGNORECASE) and not _COUNTRY_THE.match(raw):
        return []
    value = raw.replace("\u201a", ",")
    if not value or value.split()[0].casefold() in _NO_PLACE or re.search(r"\d", value):
        return []
    if value[0].isascii() and not value[0].isupper() and not _COUNTRY_THE.match(value):
        return [value.title()] if value.islower() and len(value.split()) <= 3 and not value.endswith("ing") else []
    return _short(value, 5)


def somewhere(value: str) -> list[str]:
    return []


def age(value: str) -> list[str]:
    return [str(int(value))] if 2 <= int(value) <= 120 else []


def date(value: str) -> list[str]:
    value = plain(re.split(r" (?:and|but|so)\b", value)[0])
    value = re.sub(r"^(?:on|in|at) ", "", value)
    return _short(value, 5) if re.search(r"\d", value) else []


def nationality(value: str) -> list[str]:
    return [value.capitalize()] if value.casefold() in DEMONYMS else []


def languages(value: str) -> list[str]:
    known = [re.sub(r"^(?:some|a little|fluent"
    r"|basic) ", "", plain(part), flags=re.I) for part in _LIST.split(_cut(value))]
    return [part.capitalize() for part in known if part.casefold().split(" ")[0] in LANGUAGES and " " not in part]


def language(value: str) -> list[str]:
    return languages(value)[:1]


def things(value: str) -> list[str]:
    """The members of a list of things."""
    if "…" in value:
        return []
    raw = [re.sub(r"^(?:also|really|both|just"
    r"|especially) ", "", part.strip(), flags=re.IGNORECASE) for part in _LIST.split(value)]
    if not raw or _DANGLING.match(raw[0]) or re.search(r"\b(?:you|I|he|she|they|it|him|them|are|is|was"
    r"|were)\b", value):
        return []
    parts = [_tidy(part) for part in raw if not _DANGLING.match(part)]
    return [part for part in parts if part and len(part.split()) <= 6]


def _tidy(value: str) -> str:
    if re.match(r"(?:it|that|when|how) ", value.strip(), re.IGNORECASE):
        return ""
    value = re.sub(r" (?:with my|because|when|since|while|especially|but|so|more than|though|after|before|every"
    r"|on|sometimes|itself)\b.*$", "", value)
    return plain(value)


def family(value: str) -> list[str]:
    return _short(value.strip(), 4)


def pet(value: str) -> list[str]:
    return _short(plain(value), 4)


def playing(value: str) -> list[str]:
    if re.match(r"(?:an?|with|it|this|that|my|no|some|along|around|for|important|key)\b", value, re.IGNORECASE):
        return []
    return [f"playing {part}" for part in things(value)]


def owned(value: str) -> list[str]:
    value = re.split(r" (?:and|but|so|yesterday|today|last|this|for|from|because|in|on|at|to|which|that"
    r"|recently)\b", value)[0]
    return [] if _DANGLING.match(value) or not re.match(r"(?:an?|my|two|three|our|the|some|new)\b"
    r"|[A-Z]", value) else _short(plain(value), 5)


def proper(value: str) -> list[str]:
    value = _PLACE_ENDS.sub("", _cut(value)).strip()
    return _short(value, 6) if value[:1].isupper() or not value[:1].isascii() else []


def field(value: str) -> list[str]:
    value = re.split(r" (?:for|in|to|with|at|from|and am|because|every|all)\b", value)[0]
    return [] if re.match(r"(?:for|at|hard|in|abroad|a lot|the|a|my|it)\b", value) else _short(plain(value), 4)


def preference(value: str) -> list[str]:
    value = re.sub(r"^to ", "", value.strip())
    value = re.sub(r" (?:to|rather than|instead of) (?=\w+$)", " over ", value)
    return [] if _DANGLING.match(value) else _short(plain(value), 8)


def note(value: str) -> list[str]:
    return [value.replace("\u201a", ",").strip(" .,")]


def length(value: str) -> list[str]:
    return ["detailed" if re.search(r"detail|long", value, re.IGNORECASE) else "brief"]


def personal(value: str) -> list[str]:
    return [] if re.match(r"(?:not|too|very|so|a|the|broken|wrong|missing)\b", value) else _short(plain(value), 5)


CLEANERS: Mapping[str, Callable[[str], list[str]]] = {
    "name": name, "preferred name": name, "self name": self_name, "surname": surname, "pet name": name,
    "occupation": occupation, "trade": trade, "bare trade": bare_trade, "employer": employer, "industry": industry, "residence": place,
    "hometown": place, "age": age, "birthday": date, "nationality": nationality, "language": languages,
    "native language": language, "answer language": language, "likes": things, "dislikes": things, "interests": things,
    "hobby": things, "learning": things, "allergy": things, "avoids": things, "prefers": preference, "pet": pet,
    "family": family, "bought": owned, "owns": owned, "visited": proper, "school": proper, "studies": field,
    "playing": playing, "note": note, "answer length": length, "personal": personal, "favorite": personal,
    "somewhere": somewhere, "thing": personal,
}  # fmt: skip
