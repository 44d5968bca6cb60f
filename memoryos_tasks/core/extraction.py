"""Facts out of what was said, by rules, in English, Chinese and both mixed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from memoryos_tasks.core.by_value import instead_of, names_no_slot
from memoryos_tasks.core.claims import Claim
from memoryos_tasks.core.corrections import corrected, meant
from memoryos_tasks.core.events import Event
from memoryos_tasks.core.extraction_en import claims as english
from memoryos_tasks.core.extraction_zh import claims as chinese
from memoryos_tasks.core.items import Fact, Kind
from memoryos_tasks.core.own_words import claims as own_claims
from memoryos_tasks.core.slots import fact_id
from memoryos_tasks.core.statements import statements
from memoryos_tasks.core.until import until
from memoryos_tasks.core.validity import base, is_former, same
from memoryos_tasks.core.wording import sentence

#: Most facts of one message.
MAX_FACTS = 40
#: Belief in a fact that a rule found.
CONFIDENCE = 0.8
#: How many messages back a correction may reach.
REACH = 6

_HAN = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]{2}|\bI\b")


def extract(event: Event, before: Sequence[Event] = ()) -> list[Fact]:
    """The facts that a message states: a user's about its author and their world, an assistant's about itself.

    The author is called "user"; what name the message gives them is the ``speaker``.

    Precision comes first: questions, suppositions, quotations, code and reported speech state nothing.
    ``before`` are messages before this one in its session, oldest first, which a correction ("I meant Milan") is about.
    """
    if event.role == "user":
        found = _claimed(event.content, [old.content for old in before if _same_author(old, event)])
    elif event.role == "assistant":
        found = own_claims(event.content)
    else:
        return []
    return [_fact(event, claim) for claim in found]


def _same_author(old: Event, event: Event) -> bool:
    """Whether the same user speaks, as far as names tell."""
    known = old.name and event.name
    return old.role == "user" and (not known or same(old.name or "") == same(event.name or ""))


def extract_all(events: Iterable[Event], before: Mapping[str, Sequence[Event]]) -> list[Fact]:
    """The facts of events in the order of the journal; ``before`` holds what came before them, by session."""
    chains = {session: list(old) for session, old in before.items()}
    facts: list[Fact] = []
    for event in events:
        chain = chains.setdefault(event.session, [])
        facts += extract(event, chain[-REACH:])
        chain.append(event)
    return facts


def claims(text: str, before: Sequence[str] = ()) -> list[Claim]:
    """The claims of a user's text, each once. A slot with one value that is claimed twice has the later one.

    What names a value and no slot is not among them; only what is believed can tell its slot.
    """
    return [claim for claim in _claimed(text, before) if not names_no_slot(claim.attribute)]


def _claimed(text: str, before: Sequence[str]) -> list[Claim]:
    """``before`` is what the author said before, oldest first; it is claimed only as far as the text corrects it."""
    found: dict[tuple[str, ...], Claim] = {}
    spoken = statements(text)
    earlier: list[str] | None = None
    said: list[str] = []
    for statement in spoken:
        right = meant(statement)
        made: list[Claim] = []
        if right is not None:
            if right.said:
                made = [*_claims_of(right.said), *corrected(right, [right.said], _claims_of)]
            else:
                if earlier is None:
                    earlier = [old for one in before[-REACH:] for old in statements(one)]
                made = corrected(right, [*earlier, *said], _claims_of)
        for claim in made or _claims_of(statement):
            key = (claim.subject, claim.attribute, same(claim.value) if claim.many else "")
            found.pop(key, None)
            found[key] = claim
        said.append(statement)
    return _switched([*found.values()])[:MAX_FACTS]


def _switched(found: list[Claim]) -> list[Claim]:
    """With the slot of what a message ends for what it says to have its place, and no such claim without."""
    over = [claim for claim in found if is_former(claim.attribute) and not names_no_slot(claim.attribute)]
    made: list[Claim] = []
    for claim in found:
        if claim.attribute != instead_of("*"):
            made.append(claim)
        elif over:
            old = over[-1]
            playing = "playing " if old.value.startswith("playing ") and not claim.value.startswith("playing ") else ""
            made.append(replace(claim, subject=old.subject, attribute=base(old.attribute), value=playing + claim.value))
    return made


def _fact(event: Event, claim: Claim) -> Fact:
    fact = Fact(
        kind=Kind.TRAIT if claim.trait else Kind.KNOWLEDGE,
        subject=claim.subject,
        attribute=claim.attribute,
        value=claim.value,
        text=sentence(claim.subject, claim.attribute, claim.value, chinese=claim.chinese, label=claim.label),
        sources=(event.event_id,),
        valid_from=event.timestamp,
        valid_to=until(event.content, event.timestamp) if claim.passing else None,
        many=claim.many,
        confidence=CONFIDENCE,
        speaker=event.name if event.role == "user" else None,
    )
    return replace(fact, id=fact_id(event.owner, fact))


def _claims_of(statement: str) -> list[Claim]:
    found: list[Claim] = []
    if _HAN.search(statement):
        found += chinese(statement)
    if _LATIN.search(statement):
        found += english(statement)
    return found
