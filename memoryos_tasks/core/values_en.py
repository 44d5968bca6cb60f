"""What a matched English value may be: each cleaner gives the values that hold, or none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from memoryos_tasks.core.persons_en import (
    age,
    bare_trade,
    date,
    employer,
    industry,
    language,
    languages,
    name,
    nationality,
    occupation,
    place,
    self_name,
    somewhere,
    surname,
    trade,
)
from memoryos_tasks.core.trimming_en import DANGLING, LIST, PLACE_ENDS, cut, plain, short


def things(value: str) -> list[str]:
    """The members of a list of things."""
    if "…" in value:
        return []
    raw = [
        re.sub(
            r"^(?:also|really|both|just"
            r"|especially) ",
            "",
            part.strip(),
            flags=re.IGNORECASE,
        )
        for part in LIST.split(value)
    ]
    if (
        not raw
        or DANGLING.match(raw[0])
        or re.search(
            r"\b(?:you|I|he|she|they|it|him|them|are|is|was"
            r"|were)\b",
            value,
        )
    ):
        return []
    parts = [_tidy(part) for part in raw if not DANGLING.match(part)]
    return [part for part in parts if part and len(part.split()) <= 6]


def _tidy(value: str) -> str:
    if re.match(r"(?:it|that|when|how) ", value.strip(), re.IGNORECASE):
        return ""
    value = re.sub(
        r" (?:with my|because|when|since|while|especially|but|so|more than|though|after|before|every"
        r"|on|sometimes|itself)\b.*$",
        "",
        value,
    )
    return plain(value)


def family(value: str) -> list[str]:
    return short(value.strip(), 4)


def pet(value: str) -> list[str]:
    return short(plain(value), 4)


def playing(value: str) -> list[str]:
    if re.match(r"(?:an?|with|it|this|that|my|no|some|along|around|for|important|key)\b", value, re.IGNORECASE):
        return []
    return [f"playing {part}" for part in things(value)]


def owned(value: str) -> list[str]:
    value = re.split(
        r" (?:and|but|so|yesterday|today|last|this|for|from|because|in|on|at|to|which|that"
        r"|recently)\b",
        value,
    )[0]
    return (
        []
        if DANGLING.match(value)
        or not re.match(
            r"(?:an?|my|two|three|our|the|some|new)\b"
            r"|[A-Z]",
            value,
        )
        else short(plain(value), 5)
    )


def proper(value: str) -> list[str]:
    value = PLACE_ENDS.sub("", cut(value)).strip()
    return short(value, 6) if value[:1].isupper() or not value[:1].isascii() else []


def field(value: str) -> list[str]:
    value = re.split(r" (?:for|in|to|with|at|from|and am|because|every|all)\b", value)[0]
    return [] if re.match(r"(?:for|at|hard|in|abroad|a lot|the|a|my|it)\b", value) else short(plain(value), 4)


def preference(value: str) -> list[str]:
    value = re.sub(r"^to ", "", value.strip())
    value = re.sub(r" (?:to|rather than|instead of) (?=\w+$)", " over ", value)
    return [] if DANGLING.match(value) else short(plain(value), 8)


def note(value: str) -> list[str]:
    return [value.replace("\u201a", ",").strip(" .,")]


def length(value: str) -> list[str]:
    return ["detailed" if re.search(r"detail|long", value, re.IGNORECASE) else "brief"]


def personal(value: str) -> list[str]:
    return [] if re.match(r"(?:not|too|very|so|a|the|broken|wrong|missing)\b", value) else short(plain(value), 5)


def moment(value: str) -> list[str]:
    """A date or time; of anything else, what a thing is."""
    value = re.sub(r"^(?:on |at |for |an? (?=.*[A-Z]))", "", value)
    return personal(re.sub(r"^the (?=\d)", "", value))


def single(_value: str) -> list[str]:
    return ["single"]


def together(_value: str) -> list[str]:
    return ["in a relationship"]


def dating(value: str) -> list[str]:
    return ["in a relationship"] if re.match(r"(?:someone|somebody|an? |[A-Z])", value) else []


def used(value: str) -> list[str]:
    return short(plain(value), 4)


def own(value: str) -> list[str]:
    """What a thing of the user's is, if it is a name, a number or an address: anything else describes it."""
    value = plain(value)
    named = re.match(r"[A-Z]|\S*[\d@]", value) and not re.match(r"(?:I|No|Yes|Not|So|The|A|An|It|That)\b", value)
    return short(value, 5) if named else []


def owned_one(value: str) -> list[str]:
    return short(plain(value), 4) if re.search(r"\d|[a-z][A-Z]", value) else []


def short_stage(value: str) -> list[str]:
    return short(plain(value).casefold(), 3)


def habit(value: str) -> list[str]:
    value = re.split(r" (?:and|because|since|but|so|when|while|if|into|out|away|from|for my|errands"
    r"|late)\b", value)[0]
    return short(plain(value), 9)


CLEANERS: Mapping[str, Callable[[str], list[str]]] = {
    "name": name, "preferred name": name, "self name": self_name, "surname": surname, "pet name": name,
    "occupation": occupation, "trade": trade, "bare trade": bare_trade, "employer": employer,
    "industry": industry, "residence": place, "hometown": place, "age": age, "birthday": date,
    "nationality": nationality, "language": languages, "native language": language, "answer language": language,
    "likes": things, "dislikes": things, "interests": things, "hobby": things, "learning": things,
    "allergy": things, "avoids": things, "prefers": preference, "pet": pet, "family": family, "bought": owned,
    "owns": owned, "visited": proper, "school": proper, "studies": field, "playing": playing, "note": note,
    "lives with": lambda value: short(re.split(r" (?:and I|in|on|at)\b", plain(value))[0], 4),
    "owns one": owned_one, "alone": lambda _: ["nobody"], "boss": name, "stage": short_stage, "moved to": place,
    "answer length": length, "personal": personal, "favorite": personal, "somewhere": somewhere,
    "thing": moment, "commute": habit, "commute2": habit, "residence2": place, "single": single,
    "together": dating, "together with": together,
    "partner name": name, "used": used, "vehicle": owned, "habit": habit, "own": own,
}  # fmt: skip
