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

#: Most facts of one message.
MAX_FACTS = 40
#: Belief in a fact that a rule found.
CONFIDENCE = 0.8

_HAN = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]{2}|\bI\b")


def extract(event: Event) -> list[Fact]:
    """The facts that a user message states about its author and their world; none for other roles.

    Precision comes first: questions, suppositions, quotations, code and reported speech state nothing.
    """
    if event.role != "user":
        return []
    facts = []
    for claim in claims(event.content):
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


def claims(text: str) -> list[Claim]:
    """The claims of a text, each once. A slot with one value that is claimed twice has the later one."""
    found: dict[tuple[str, ...], Claim] = {}
    for statement in statements(text):
        for claim in _claims_of(statement):
            key = (claim.subject, claim.attribute, same(claim.value) if claim.many else "")
            found.pop(key, None)
            found[key] = claim
    return list(found.values())[:MAX_FACTS]


def _claims_of(statement: str) -> list[Claim]:
    found: list[Claim] = []
    if _HAN.search(statement):
        found += chinese(statement)
    if _LATIN.search(statement):
        found += english(statement)
    return found
