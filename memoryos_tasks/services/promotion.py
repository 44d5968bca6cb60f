"""Mid-term to long-term memory: what hot segments say becomes profile and knowledge."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from memoryos_tasks.core import heat
from memoryos_tasks.core.analysis import Analysis
from memoryos_tasks.core.errors import Busy
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Segment
from memoryos_tasks.ports.locks import Held, Locks
from memoryos_tasks.ports.visits import Visits
from memoryos_tasks.services.analysis import Analyst
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

#: Seconds to wait for the owner's lock.
LOCK_SECONDS = 2.0
#: A change of heat that is worth a write.
COOLED = 0.05
#: Pages of one segment and segments of one owner that a model reads in one run; the rest waits for the next.
READ_PAGES = 20
READ_SEGMENTS = 8
#: Seconds after which a run reads nothing more by a model.
READ_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read in a segment: its unanalysed pages as it listed them, and of those the ones that are its own."""

    segment: Segment
    listed: tuple[str, ...]
    own: tuple[str, ...]
    analysis: Analysis


class Promotion:
    """Analyses the pages of hot segments once each, by rules or by a model.

    Reading is done without the owner's lock, since a model takes its time; what was read is learned under it, if the
    segment still waits for it.
    """

    def __init__(
        self,
        segments: Segments,
        beliefs: Beliefs,
        recall: Recall,
        locks: Locks,
        clock: Callable[[], float],
        analyst: Analyst,
        hot: float = heat.THRESHOLD,
    ) -> None:
        self._segments = segments
        self._beliefs = beliefs
        self._recall = recall
        self._locks = locks
        self._clock = clock
        self._analyst = analyst
        self._hot = hot

    def run(self, owner: Owner, visits: Visits | None = None) -> int:
        """Count the visits, recompute heat, promote what is hot; how many facts are new.

        Visits are taken off when they are saved: a run that dies in between counts them twice rather than never.
        Raises :class:`Busy` when another run holds the owner's lock, :class:`LostClaim` when this one lost it.
        """
        with self._locks.hold(owner, wait_seconds=LOCK_SECONDS) as held:
            if held is None:
                raise Busy
            warm = self._warm(owner, visits, held)
        return self.learn(owner, self.hot(warm))

    def learn(self, owner: Owner, segments: Sequence[Segment]) -> int:
        """Analyse the pages of these segments that nobody has analysed, hottest first; how many facts are new.

        With a model it is a bounded part of them. Raises as :meth:`run` does.
        """
        asks, end = self._analyst.asks, time.monotonic() + READ_SECONDS
        found = []
        for segment in sorted(segments, key=lambda segment: -segment.heat)[: READ_SEGMENTS if asks else None]:
            if asks and time.monotonic() > end:
                break
            found.append(self._read(owner, segment, READ_PAGES if asks else None))
        if not found:
            return 0
        with self._locks.hold(owner, wait_seconds=LOCK_SECONDS) as held:
            if held is None:
                raise Busy
            return self._learn(owner, found, held)

    def hot(self, segments: Sequence[Segment]) -> list[Segment]:
        """Those of them that have something to promote."""
        return [segment for segment in segments if heat.is_hot(segment, self._hot)]

    def _warm(self, owner: Owner, visits: Visits | None, held: Held) -> list[Segment]:
        """Count visits and heat; all segments as they are now."""
        seen = visits.noted(owner) if visits is not None else {}
        now = self._clock()
        stored = self._segments.all(owner)
        warm = []
        for segment in stored:
            # One search finds several pages of a topic: it is visited as often as the most visited of them.
            count = max(seen.get(id, 0) for id in (segment.id, *segment.page_ids))
            warm.append(heat.visited(segment, now, count) if count else heat.recomputed(segment, now))
        changed = [(old, new) for old, new in zip(stored, warm, strict=True) if _differs(old, new)]
        held.check()
        self._segments.warm(owner, [new for old, new in changed], fence=held.token)
        if visits is not None:
            visits.counted(owner, seen)
        return warm

    def _read(self, owner: Owner, segment: Segment, most: int | None) -> _Read:
        listed = segment.page_ids[segment.analysed :][:most]
        # Only a writer that had lost its lock can have listed a page that names another segment.
        own = [page for page in self._segments.pages(owner, listed) if page.segment_id == segment.id]
        events = self._recall.events(owner, [id for page in own for id in page.event_ids])
        summary = segment.summary if segment.analysed else ""
        told = self._segments.pages(owner, segment.page_ids[: segment.analysed]) if self._analyst.guarded else []
        analysis = self._analyst.read(events, summary, [page.text for page in told])
        return _Read(segment, listed, tuple(page.id for page in own), analysis)

    def _learn(self, owner: Owner, found: Sequence[_Read], held: Held) -> int:
        now = {segment.id: segment for segment in self._segments.get(owner, [read.segment.id for read in found])}
        # One that was merged, evicted or analysed meanwhile comes again if it still has to.
        waiting = [
            (now[read.segment.id], read)
            for read in found
            if read.segment.id in now and _waits(now[read.segment.id], read)
        ]
        held.check()
        facts = [fact for _, read in waiting for fact in read.analysis.facts]
        learned = self._beliefs.learn(owner, facts, fence=held.token)
        held.check()
        done = [_analysed(segment, read) for segment, read in waiting]
        self._segments.save(owner, done, fence=held.token)
        return learned


def _differs(old: Segment, new: Segment) -> bool:
    return abs(new.heat - old.heat) > COOLED or new.visits != old.visits


def _waits(segment: Segment, read: _Read) -> bool:
    """Whether the pages that were read are still the next ones to be analysed."""
    start = segment.analysed
    return not segment.into and segment.page_ids[start : start + len(read.listed)] == read.listed


def _analysed(segment: Segment, read: _Read) -> Segment:
    """The segment after its pages were analysed; what it listed and does not own is left out."""
    start = segment.analysed
    kept = (*segment.page_ids[:start], *read.own, *segment.page_ids[start + len(read.listed) :])
    done = replace(segment, page_ids=kept, analysed=start + len(read.own))
    if read.analysis.summary is None:
        return done
    return replace(done, summary=read.analysis.summary, written=True)
