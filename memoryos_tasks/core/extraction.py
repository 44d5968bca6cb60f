"""Facts out of what a user said, by rules, in English, Chinese and both mixed."""

from __future__ import annotations

import re
from dataclasses import replace

from memoryos_tasks.core.claims import Claim
from memoryos_tasks.core.events import Event
from memoryos_tasks.core.extraction_en import claims as english
from memoryos_tasks.core.extraction_zh import claims as chinese
from memoryos_tasks.core.items import Fact, Kind
from memoryos_tasks.core.slots import fact_id, same
from memoryos_tasks.core.statements import statements
from memoryos_tasks.core.wording import sentence
from memoryos_tasks.core.words_en import is_everyday
from memoryos_tasks.core.words_zh import COUNTRIES, PLACES

#: Most facts of one message.
MAX_FACTS = 40
#: Belief in a fact that a rule found.
CONFIDENCE = 0.8

_HAN = re.compile(r"[\u4e00-\u9fff]")
#: "Sorry, I meant Milan" after "I live in Rome": the value to put in the place of the last one.
_MEANT = re.compile(
    r"(?:^|[,;，；。]\s*|\s+)(?:(?:oh|oops|no|wait|sorry|actually|correction"
    r"|不对|不是|抱歉|对不起|说错了)"
    r"[,，.!！\s]*)*"
    r"(?:I meant(?: to say)?|我(?:是说|的意思是|指的是|说的是))[,，:：\s]*"
    r"(?P<value>(?-i:(?!I\b)[A-Z\d\u4e00-\u9fff])[^,，.。!！]{0,40})$",
    re.IGNORECASE,
)
_LATIN = re.compile(r"[A-Za-z]{2}|\bI\b")


def extract(event: Event, before: str = "") -> list[Fact]:
    """The facts that a user message states about its author and their world; none for other roles.

    Precision comes first: questions, suppositions, quotations, code and reported speech state nothing.
    ``before`` is the user's message before this one, which a correction ("I meant Milan") is about.
    """
    if event.role != "user":
        return []
    facts = []
    for claim in claims(event.content, before):
        fact = Fact(
            kind=Kind.TRAIT if claim.trait else Kind.KNOWLEDGE,
            subject=claim.subject,
            attribute=claim.attribute,
            value=claim.value,
            text=sentence(claim.subject, claim.attribute, claim.value, chinese=claim.chinese, label=claim.label),
            sources=(event.event_id,),
            valid_from=event.timestamp,
            many=claim.many,
            confidence=CONFIDENCE,
        )
        facts.append(replace(fact, id=fact_id(event.owner, fact)))
    return facts


def claims(text: str, before: str = "") -> list[Claim]:
    """The claims of a text, each once. A slot with one value that is claimed twice has the later one.

    ``before`` is what its author said just before; it is claimed only as far as the text corrects it.
    """
    found: dict[tuple[str, ...], Claim] = {}
    said = next(reversed(statements(before)), "") if before else ""
    for statement in statements(text):
        meant = _MEANT.search(statement)
        said = statement[: meant.start()] if meant and meant.start() else said
        made = [*(_claims_of(said) if meant and meant.start() else ()), *_corrected(said, meant)]
        for claim in made or _claims_of(statement):
            key = (claim.subject, claim.attribute, same(claim.value) if claim.many else "")
            found.pop(key, None)
            found[key] = claim
        said = statement
    return list(found.values())[:MAX_FACTS]


def _corrected(said: str, meant: re.Match[str] | None) -> list[Claim]:
    """The last claim of ``said``, if it fills a slot with one value, with the value that was meant instead."""
    old = _claims_of(said)[-1:] if meant else []
    value = meant["value"].strip() if meant else ""
    sound = value in PLACES | COUNTRIES if _HAN.search(value) else not is_everyday(value)
    if not sound or not old or old[0].many or old[0].value not in said:
        return []
    start, _, end = said.rpartition(old[0].value)
    return [
        claim
        for claim in _claims_of(start + value + end)
        if (claim.subject, claim.attribute) == (old[0].subject, old[0].attribute)
    ]


def _claims_of(statement: str) -> list[Claim]:
    found: list[Claim] = []
    if _HAN.search(statement):
        found += chinese(statement)
    if _LATIN.search(statement):
        found += english(statement)
    return found
