"""What of a search's hits still stands: facts that have not ended, and turns whose words still hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from memoryos_tasks.core.items import Kind
from memoryos_tasks.core.text import sentences
from memoryos_tasks.ports.vectors import Hit
from memoryos_tasks.services.endings import ENDED

#: How many of the best facts of a question tell what it is about, where its words name no slot.
LEADING = 3
#: Shortest sentence, in characters, by which a summary is known to repeat a turn.
MOST_TELLING = 6


@dataclass(frozen=True, slots=True)
class Asked:
    """The keys of the slots that a question asks for, and the facts that fill them."""

    slots: frozenset[str] = frozenset()
    facts: tuple[Hit, ...] = ()


def standing(
    lists: Mapping[str, Sequence[Hit]], asked: Asked, *, at: float
) -> tuple[dict[str, list[Hit]], dict[str, Hit]]:
    """The lists without what did not hold at that time, in seconds since the epoch, and what was left out, by id.

    A turn is left out where the question asks for the slot in which its words ended. Where its words name no slot,
    the best facts tell the slot, and only a turn is left out from which no fact that stands comes.
    """
    hits = {hit.id: hit for found in lists.values() for hit in found}
    gone = {id: hit for id, hit in hits.items() if not _holds(hit, at)}
    facts = [hit for id, hit in hits.items() if "key" in hit.payload and id not in gone]
    telling = {source for fact in facts for source in fact.payload.get("sources", ())}
    leading = {str(hit.payload["key"]) for hit in _first(lists.get("distilled own", ()), gone)}
    for id, hit in hits.items():
        over = {slot for slot, since in (hit.payload.get(ENDED) or {}).items() if since <= at}
        if over & asked.slots or (over & leading and hit.payload.get("event_id") not in telling):
            gone[id] = hit
    events = {hit.payload["event_id"] for hit in gone.values() if hit.payload["kind"] == Kind.TURN}
    if events:
        pages = (hit for hit in hits.values() if hit.payload["kind"] == Kind.PAGE)
        gone |= {page.id: page for page in pages if events.intersection(page.payload["sources"])}
    return {name: [hit for hit in found if hit.id not in gone] for name, found in lists.items()}, gone


def quotes(text: str, dropped: Iterable[str]) -> bool:
    """Whether a summary repeats a sentence of one of these texts."""
    return any(
        len(sentence) >= MOST_TELLING and sentence in text for other in dropped for sentence in sentences(other)
    )


def _holds(hit: Hit, at: float) -> bool:
    """Whether a fact had not ended by then; all else never ends."""
    ends = (hit.payload.get("valid_to"), hit.payload.get("expires"))
    return all(end is None or end > at for end in ends)


def _first(found: Sequence[Hit], gone: Mapping[str, Hit]) -> list[Hit]:
    return [hit for hit in found if "key" in hit.payload and hit.id not in gone][:LEADING]
