"""The claims of one English clause: its predicate against the rules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from memoryos_tasks.core.by_value import ANY_FORMER, instead_of
from memoryos_tasks.core.claims import USER, Claim
from memoryos_tasks.core.clauses_en import (
    ADVERBS,
    BASE,
    PROGRESSIVE,
    THIRD,
    TRAIL,
)
from memoryos_tasks.core.doings import english as doing
from memoryos_tasks.core.endings_en import dropped, instead, jobless, positive
from memoryos_tasks.core.rules_en import (
    POSSESSIONS,
    PREDICATES,
    SWITCHED,
)
from memoryos_tasks.core.trimming_en import lowered
from memoryos_tasks.core.validity import former
from memoryos_tasks.core.values_en import CLEANERS, things
from memoryos_tasks.core.words_en import SAME_RELATION, SAME_THING


def ended(subject: str, label: str, rest: str, clause: str) -> Iterator[Claim]:
    """What a clause says to be over, or to have another's place."""
    rest = ADVERBS.sub("", rest)
    held = positive(rest, clause)
    if held:
        bare = re.sub(r"^am (?:an? )?", "am ", held)
        for form in dict.fromkeys((held, bare, re.sub(r"^have (?:any |the |my )?", "have ", held))):
            claims = list(matched(subject, label, False, form))
            for claim in claims:
                attribute = "dislikes" if claim.attribute == "likes" else former(claim.attribute)
                yield Claim(claim.subject, attribute, claim.value, label=label)
                if claim.attribute in ("habit", "hobby"):
                    yield Claim(subject, ANY_FORMER, claim.value, label=label)
            if claims:
                return
        return
    again = re.match(r"^(?:can |started )?(?:eat|drink|eating|drinking) (.+) again$", rest, re.IGNORECASE)
    for value in things(again[1]) if again else ():
        yield Claim(subject, former("avoids"), value, label=label)
    plain = TRAIL.sub("", rest)
    if jobless(plain):
        yield Claim(subject, former("occupation"), "job", label=label)
        yield Claim(subject, former("employer"), "job", label=label)
        return
    switched = SWITCHED.match(plain)
    for value in things(switched["value"]) if switched else ():
        yield Claim(subject, instead_of("*"), value, label=label)
    old, new = instead(plain)
    for value in things(new) if old else ():
        yield Claim(subject, instead_of(old), value, label=label)
    for value in things(dropped(plain)) if not old else ():
        yield Claim(subject, ANY_FORMER, value, label=label)


def third(rest: str) -> str:
    """The predicate with its verb in the base form, as after "I"."""
    word, _, tail = rest.partition(" ")
    return f"{THIRD.get(word.casefold(), word)} {tail}".strip()


def matched(subject: str, label: str, owns: bool, rest: str, said: str = "") -> Iterator[Claim]:
    rest = TRAIL.sub("", re.sub(r"^have lived in (.+?) (?:for|since) .+$", r"live in \1", rest))
    if not owns:
        rest = ADVERBS.sub("", rest)
        rest = PROGRESSIVE.sub("", rest)
        word, _, tail = rest.partition(" ")
        rest = f"{BASE.get(word.casefold(), word)} {tail}".strip()
        rest = re.sub(
            r"^am (?:also|now|currently|actually|still|just|originally|really|both"
            r"|only) ",
            "am ",
            rest,
            flags=re.IGNORECASE,
        )
    for rule in POSSESSIONS if owns else PREDICATES:
        match = rule.match(rest)
        found = list(values(subject, label, match)) if match else []
        if found:
            yield from found
            return
    attribute, value = ("", "") if owns or subject != USER else doing(rest, said)
    if attribute:
        yield Claim(subject, attribute, value, label=label)


def values(subject: str, label: str, match: re.Match[str]) -> Iterator[Claim]:
    groups = {name.replace("_", " "): value for name, value in match.groupdict().items() if value is not None}
    what = groups.pop("what", "") or groups.get("pet", "") or groups.get("together with", "")
    for attribute, raw in groups.items():
        for value in CLEANERS.get(attribute, lowered)(raw):
            yield from _claim(subject, label, attribute, value, what)
        if attribute in ("trade", "bare trade") and not CLEANERS[attribute](raw):
            return


def _claim(subject: str, label: str, attribute: str, value: str, what: str) -> Iterator[Claim]:
    what = " ".join(what.casefold().replace("colour", "color").replace("film", "movie").split())
    what = SAME_THING.get(what, what)
    if attribute == "thing":
        dated = re.search(r"\d|tomorrow|(?:mon|tues|wednes|thurs|fri|satur|sun)day|next ", value, re.IGNORECASE)
        yield Claim(what, "date" if dated else "kind", value, label=what)
    elif attribute == "pet name":
        animal = what.split()[-1]
        yield Claim(SAME_RELATION.get(animal, animal), "name", value, label=animal)
    elif attribute == "boss":
        yield Claim("boss", "name", value, label="boss")
    elif attribute == "partner name":
        yield Claim(what or "partner", "name", value, label=what or "partner")
    elif attribute == "birthday" and re.fullmatch(r"\d{4}", value):
        yield Claim(subject, "birth year", value, label=label)
    else:
        named = {
            "trade": "occupation",
            "bare trade": "occupation",
            "self name": "name",
            "playing": "hobby",
            "personal": what,
            "own": what,
            "alone": "lives with",
            "owns one": "owns",
            "moved to": "residence",
            "used": what,
            "residence2": "residence",
            "commute2": "commute",
            "single": "relationship status",
            "together": "relationship status",
            "together with": "relationship status",
            "favorite": f"favorite {what}",
        }
        yield Claim(subject, named.get(attribute, attribute), value, label=label)
