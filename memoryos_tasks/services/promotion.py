"""Mid-term to long-term memory: what hot segments say becomes profile and knowledge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from memoryos_tasks.core import heat
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.extraction import extract
from memoryos_tasks.core.items import Segment
from memoryos_tasks.ports.locks import Held, Locks
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

    def run(self, owner: Owner, visits: Mapping[str, int] | None = None) -> int:
        """Count these visits (page or segment id → how many), recompute heat, promote what is hot.

        Returns how many facts are new; 0 when another run holds the owner's lock.
        """
        learned = 0
        with self._locks.hold(owner, wait_seconds=LOCK_SECONDS) as held:
            if held is None:
                return 0
            changed: list[Segment] = []
            for segment in self._segments.all(owner):
                seen = visits or {}
                warm = self._warm(segment, sum(seen.get(id, 0) for id in (segment.id, *segment.page_ids)))
                if heat.is_hot(warm, self._hot):
                    learned += self._analyse(owner, warm, held)
                elif abs(warm.heat - segment.heat) > COOLED or warm.visits != segment.visits:
                    changed.append(warm)
            if changed:
                held.check()
                self._segments.save(owner, changed, fence=held.token)
        return learned

    def _warm(self, segment: Segment, visits: int) -> Segment:
        now = self._clock()
        return heat.visited(segment, now, visits) if visits else heat.recomputed(segment, now)

    def _analyse(self, owner: Owner, segment: Segment, held: Held) -> int:
        pages = self._segments.pages(owner, segment.page_ids[segment.analysed :])
        events: list[Event] = self._recall.events(owner, [id for page in pages for id in page.event_ids])
        facts = [fact for event in events if event.role == "user" for fact in extract(event)]
        held.check()
        learned = self._beliefs.learn(owner, facts, fence=held.token)
        self._segments.save(owner, [replace(segment, analysed=len(segment.page_ids))], fence=held.token)
        return learned
