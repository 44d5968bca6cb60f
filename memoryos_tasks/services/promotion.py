"""Mid-term to long-term memory: what hot segments say becomes profile and knowledge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from memoryos_tasks.core import heat
from memoryos_tasks.core.errors import Busy
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.extraction import extract
from memoryos_tasks.core.items import Segment
from memoryos_tasks.ports.locks import Held, Locks
from memoryos_tasks.ports.visits import Visits
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

#: Seconds to wait for the owner's lock.
LOCK_SECONDS = 2.0
#: A change of heat that is worth a write.
COOLED = 0.05


class Promotion:
    """Analyses the pages of hot segments once each, by rules."""

    def __init__(
        self,
        segments: Segments,
        beliefs: Beliefs,
        recall: Recall,
        locks: Locks,
        clock: Callable[[], float],
        hot: float = heat.THRESHOLD,
    ) -> None:
        self._segments = segments
        self._beliefs = beliefs
        self._recall = recall
        self._locks = locks
        self._clock = clock
        self._hot = hot

    def run(self, owner: Owner, visits: Visits | None = None) -> int:
        """Count the visits, recompute heat, promote what is hot; how many facts are new.

        Visits are taken off when they are saved: a run that dies in between counts them twice rather than never.
        Raises :class:`Busy` when another run holds the owner's lock, :class:`LostClaim` when this one lost it.
        """
        learned = 0
        with self._locks.hold(owner, wait_seconds=LOCK_SECONDS) as held:
            if held is None:
                raise Busy
            seen = visits.noted(owner) if visits is not None else {}
            changed: list[Segment] = []
            for segment in self._segments.all(owner):
                warm = self._warm(segment, sum(seen.get(id, 0) for id in (segment.id, *segment.page_ids)))
                if heat.is_hot(warm, self._hot):
                    learned += self._analyse(owner, warm, held)
                elif abs(warm.heat - segment.heat) > COOLED or warm.visits != segment.visits:
                    changed.append(warm)
            held.check()
            self._segments.save(owner, changed, fence=held.token)
            if visits is not None:
                visits.counted(owner, seen)
        return learned

    def _warm(self, segment: Segment, visits: int) -> Segment:
        now = self._clock()
        return heat.visited(segment, now, visits) if visits else heat.recomputed(segment, now)

    def _analyse(self, owner: Owner, segment: Segment, held: Held) -> int:
        pages = self._segments.pages(owner, segment.page_ids[segment.analysed :])
        # Only a writer that had lost its lock can have listed a page that names another segment.
        mine = [page for page in pages if page.segment_id == segment.id]
        events: list[Event] = self._recall.events(owner, [id for page in mine for id in page.event_ids])
        facts = [fact for event in events if event.role == "user" for fact in extract(event)]
        held.check()
        learned = self._beliefs.learn(owner, facts, fence=held.token)
        kept = (*segment.page_ids[: segment.analysed], *(page.id for page in mine))
        held.check()
        self._segments.save(owner, [replace(segment, page_ids=kept, analysed=len(kept))], fence=held.token)
        return learned
