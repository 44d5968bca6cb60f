"""Events into the index, and what they state into what is believed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from memoryos_tasks.core.errors import Busy
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.extraction import extract_all
from memoryos_tasks.core.items import Fact
from memoryos_tasks.core.retrieval import BEFORE
from memoryos_tasks.ports.journal import Journal
from memoryos_tasks.ports.locks import Locks
from memoryos_tasks.ports.stm import Stm
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.recall import Recall


class Intake:
    """Taking an event in twice changes nothing. Events are given in the order of the journal."""

    def __init__(self, journal: Journal, stm: Stm, recall: Recall, beliefs: Beliefs, locks: Locks) -> None:
        self._journal = journal
        self._stm = stm
        self._recall = recall
        self._beliefs = beliefs
        self._locks = locks

    def take(self, owner: Owner, events: Sequence[Event], *, wait_seconds: float) -> None:
        """Take in one owner's events. Raises :class:`Busy` when another run keeps the owner's lock for that long."""
        before = self._before({owner: events})[owner]
        self._recall.index(events, before)
        facts = extract_all(events, before)
        if not facts:
            return
        with self._locks.hold(owner, wait_seconds=wait_seconds) as held:
            if held is None:
                raise Busy("Another run kept this user's memory for too long; the events stay pending.")
            erased = self._erased(events)[owner]
            self._beliefs.learn(owner, _without(facts, erased), fence=held.token)

    def take_all(self, events: Mapping[Owner, Sequence[Event]]) -> set[Owner]:
        """Take in the events of many owners in a few round trips; the owners whose lock another run holds, and whose
        events are to be taken in again."""
        before = self._before(events)
        for owner, mine in events.items():
            self._recall.index(mine, before[owner])
        facts = {owner: found for owner, mine in events.items() if (found := extract_all(mine, before[owner]))}
        if not facts:
            return set()
        with self._locks.hold_free([*facts]) as held:
            erased = self._erased([event for owner in held for event in events[owner]])
            for owner, lock in held.items():
                self._beliefs.learn(owner, _without(facts[owner], erased[owner]), fence=lock.token)
        return facts.keys() - held.keys()

    def _before(self, events: Mapping[Owner, Sequence[Event]]) -> dict[Owner, dict[str, list[Event]]]:
        """By owner and session, what came before these events."""
        first: dict[tuple[Owner, str], int] = {}
        for owner, mine in events.items():
            for event in mine:
                first[owner, event.session] = min(event.seq, first.get((owner, event.session), event.seq))
        found: dict[Owner, dict[str, list[Event]]] = {owner: {} for owner in events}
        for (owner, session), old in zip(first, self._stm.preceding(first, count=BEFORE), strict=True):
            found[owner][session] = old
        return found

    def _erased(self, events: Sequence[Event]) -> dict[Owner, set[str]]:
        """By owner, the ids of those of the events that were erased meanwhile."""
        found: dict[Owner, set[str]] = {event.owner: set() for event in events}
        for event in self._journal.erased(events):
            found[event.owner].add(event.event_id)
        return found


def _without(facts: Iterable[Fact], erased: set[str]) -> list[Fact]:
    return [fact for fact in facts if not erased.intersection(fact.sources)]
