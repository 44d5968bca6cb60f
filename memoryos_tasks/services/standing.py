"""What of a search's hits still stands: facts that have not ended, and turns whose words still hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from memoryos_tasks.core.items import Kind
from memoryos_tasks.core.text import sentences
from memoryos_tasks.core.when import Stretch
from memoryos_tasks.ports.vectors import Hit
from memoryos_tasks.services.endings import ENDED

#: How many of the best facts of a question tell what it is about, where its words name no slot.
LEADING = 3
#: Shortest sentence, in characters, by which a summary is known to repeat a turn.
MOST_TELLING = 6


@dataclass(frozen=True, slots=True)
class Asked:
    """The keys of the slots that a question asks for, and the facts that fill them, or filled them in the past.

    ``span`` is the time that is over for which they are asked, in seconds since the epoch; ``former`` asks for what
    was before: then nothing is left out because it has ended.
    """

    slots: frozenset[str] = frozenset()
    facts: tuple[Hit, ...] = ()
    span: Stretch | None = None
    former: bool = False

    @property
    def past(self) -> bool:
        return self.former or self.span is not None


def standing(
    lists: Mapping[str, Sequence[Hit]], asked: Asked, *, at: float
) -> tuple[dict[str, list[Hit]], dict[str, Hit]]:
    """The lists without what did not hold at that time, in seconds since the epoch, and what was left out, by id.

    A turn is left out where the question asks for the slot in which its words ended. Where its words name no slot,
    the best facts tell the slot, and only a turn is left out from which no fact that stands comes. Where it asks for
    the past, ``at`` gives way to that.
    """
    hits = {hit.id: hit for found in lists.values() for hit in found}
    if asked.former:
        gone = {id: hit for id, hit in hits.items() if not held(hit)}
        return without(lists, gone), gone
    if asked.span is not None:
        at = asked.span[0]
    gone = {id: hit for id, hit in hits.items() if not _holds(hit, at) or _later(hit, asked)}
    facts = [hit for id, hit in hits.items() if "key" in hit.payload and id not in gone]
    telling = {source for fact in facts for source in fact.payload.get("sources", ())}
    leading = {str(hit.payload["key"]) for hit in _first(lists.get("distilled own", ()), gone)}
    for id, hit in hits.items():
        if not (ended := hit.payload.get(ENDED)):
            continue
        over = {slot for slot, since in ended.items() if since <= at}
        if over & asked.slots or (over & leading and hit.payload.get("event_id") not in telling):
            gone[id] = hit
    events = {hit.payload["event_id"] for hit in gone.values() if hit.payload["kind"] == Kind.TURN}
    if events:
        pages = (hit for hit in hits.values() if hit.payload["kind"] == Kind.PAGE)
        gone |= {page.id: page for page in pages if events.intersection(page.payload["sources"])}
    return without(lists, gone), gone


def quotes(text: str, dropped: Iterable[str]) -> bool:
    """Whether a summary repeats a sentence of one of these texts."""
    return any(
        len(sentence) >= MOST_TELLING and sentence in text for other in dropped for sentence in sentences(other)
    )


def held(hit: Hit) -> bool:
    """Whether a fact has ever held: what was taken back has not, from its beginning; all else has."""
    end = hit.payload.get("valid_to")
    return end is None or end > hit.payload["valid_from"]


def without(lists: Mapping[str, Sequence[Hit]], gone: Mapping[str, Hit]) -> dict[str, list[Hit]]:
    """The lists without these hits."""
    return {name: [hit for hit in found if hit.id not in gone] for name, found in lists.items()}


def _later(hit: Hit, asked: Asked) -> bool:
    """Whether a fact of an asked slot began after the time that is asked about."""
    return asked.span is not None and hit.payload.get("key") in asked.slots and (
        hit.payload["valid_from"] >= asked.span[1]
    )


def _holds(hit: Hit, at: float) -> bool:
    """Whether a fact that has ever held had not ended by then; all else never ends."""
    end, expires = hit.payload.get("valid_to"), hit.payload.get("expires")
    if end is not None and (end <= at or end <= hit.payload["valid_from"]):
        return False
    return expires is None or expires > at


def _first(found: Sequence[Hit], gone: Mapping[str, Hit]) -> list[Hit]:
    return [hit for hit in found if "key" in hit.payload and hit.id not in gone][:LEADING]
