"""What memory has to say to one question: facts, recalled items, the session's recent words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from memoryos_tasks.core.errors import TruthDown, VectorsDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Fact, Kind, Recalled, Tier
from memoryos_tasks.core.text import terms
from memoryos_tasks.ports.stm import Stm
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.recall import Recall

#: Sessions whose short-term memory stands in when the vectors are down.
FALLBACK_SESSIONS = 5


@dataclass(frozen=True, slots=True)
class Context:
    """Ranked: ``recalled`` best first, ``recent`` oldest first. ``missing`` names the stores that did not answer."""

    facts: Sequence[Fact] = ()
    recalled: Sequence[Recalled] = ()
    recent: Sequence[Recalled] = ()
    missing: tuple[str, ...] = ()


class Contexts:
    """Gathers contexts; a store that is down is left out and named."""

    def __init__(
        self,
        stm: Stm,
        recall: Recall,
        beliefs: Beliefs,
        clock: Callable[[], float],
        capacity: int,
        settle: Callable[[Owner], None],
    ) -> None:
        self._stm = stm
        self._recall = recall
        self._beliefs = beliefs
        self._clock = clock
        self._capacity = capacity
        self._settle = settle

    def gather(self, owner: Owner, question: str, *, session: str, limit: int) -> Context:
        """The context of a question asked in a session."""
        missing: list[str] = []
        recent: list[Event] = []
        facts: Sequence[Fact] = ()
        try:
            known = self._stm.settled(owner, session, count=self._capacity)
            if known is None:
                self._settle(owner)
                known = self._stm.newest(owner, session, count=self._capacity)
            recent = known
        except TruthDown:
            missing.append("truth")
        seen = [event.event_id for event in recent]
        now = self._clock()
        try:
            found = self._recall.found(
                owner,
                question,
                limit=limit,
                now=now,
                exclude_event_ids=seen,
                asked=self._beliefs.asked(owner, question, now=now),
            )
            recalled = found.items
            believed = self._beliefs.believed(owner, kinds=(Kind.TRAIT.value,), now=now)
            facts = [fact for fact in believed if fact.id not in found.over]
            if self._recall.meaning.away:
                missing.append("embedder")
        except VectorsDown:
            missing.append("vectors")
            recalled = [] if "truth" in missing else self.remembered(owner, question, limit=limit, without=seen)
        return Context(facts, recalled, [as_recalled(event) for event in recent], tuple(missing))

    def remembered(self, owner: Owner, question: str, *, limit: int, without: Sequence[str] = ()) -> list[Recalled]:
        """What the newest sessions' short-term memory has to it, by shared words: the answer without vectors."""
        words = set(terms(question))
        found: list[tuple[int, int, Event]] = []
        for session in self._stm.sessions(owner, count=FALLBACK_SESSIONS):
            for event in self._stm.newest(owner, session, count=self._capacity):
                shared = len(words & set(terms(event.content)))
                if event.event_id not in without:
                    found.append((shared, event.seq, event))
        found.sort(key=lambda row: row[:2], reverse=True)
        return [as_recalled(event, float(shared)) for shared, _, event in found[:limit]]


def as_recalled(event: Event, score: float = 0.0) -> Recalled:
    """A turn of short-term memory as a retrieval gives it."""
    return Recalled(
        id=event.turn_id,
        kind=Kind.TURN,
        tier=Tier.SHORT,
        content=event.content,
        score=score,
        sources=(event.event_id,),
        created_at=event.timestamp,
        session=event.session,
        role=event.role,
        name=event.name,
    )
