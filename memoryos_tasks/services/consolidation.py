"""Short-term to mid-term memory: the oldest events of a session become pages in segments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from memoryos_tasks.core import segmentation
from memoryos_tasks.core.errors import Busy
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import IN_STM, Page, Segment
from memoryos_tasks.core.text import keywords
from memoryos_tasks.ports.embedder import Embedder
from memoryos_tasks.ports.locks import Held, Locks
from memoryos_tasks.ports.stm import Stm
from memoryos_tasks.services.segments import Segments

#: Events looked at beyond those that must go, so that a page is not cut in two.
LOOKAHEAD = 16
#: Events moved in one step.
BATCH = 64
#: Most pages made in one call, about, so that a call ends.
MOST_PAGES = 512
#: Seconds to wait for the owner's lock.
LOCK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Step:
    """What one step moves: the oldest pages, of which those with a segment are written already, and their events."""

    pages: Sequence[Page]
    events: Sequence[Event]


class Consolidation:
    """Moves pages. A run that died is completed by the next one, whatever step it reached.

    Pages are written before the segments that hold them, and those before the places of the turns; the events leave
    short-term memory last. So the next run finds each page by its first event, and keeps its events and its segment.
    """

    def __init__(
        self, stm: Stm, segments: Segments, embedder: Embedder, locks: Locks, clock: Callable[[], float]
    ) -> None:
        self._stm = stm
        self._segments = segments
        self._embedder = embedder
        self._locks = locks
        self._clock = clock

    def run(self, owner: Owner, session: str, *, keep: int) -> int:
        """Consolidate the session until it holds at most ``keep`` events, as far as they are indexed.

        Returns how many pages moved. Raises :class:`Busy` when another run holds the owner's lock, and
        :class:`LostClaim` when this one lost it.
        """
        moved = 0
        with self._locks.hold(owner, wait_seconds=LOCK_SECONDS) as held:
            if held is None:
                raise Busy
            while moved < MOST_PAGES:
                excess = self._stm.size(owner, session) - keep
                step = self._next(owner, session, min(excess, BATCH)) if excess > 0 else _Step((), ())
                if not step.events:
                    break
                self._file(owner, step.pages, held)
                held.check()
                self._stm.drop(owner, session, step.events, token=held.token)
                moved += len(step.pages)
        return moved

    def _next(self, owner: Owner, session: str, excess: int) -> _Step:
        """The oldest pages that hold at least ``excess`` events."""
        events = self._stm.oldest(owner, session, count=excess + LOOKAHEAD)
        indexing = self._stm.unapplied(owner, session)
        places = self._segments.places(owner, [event.event_id for event in events])
        # What has no turn yet cannot be placed, nor can what follows: its page might be the same. Whoever indexes it
        # notes the overflow again. With nothing to be indexed a turn was lost, and its event stays here.
        indexed = takewhile(lambda event: event.event_id in places, events) if indexing else events
        events = [event for event in indexed if event.event_id in places]
        known = self._segments.pages(owner, [segmentation.page_id(event) for event in events])
        of_known = {event_id for page in known for event_id in page.event_ids}
        # In a page whose first event has left before.
        placed = {id for id, place in places.items() if place != IN_STM and id not in of_known}
        pages = segmentation.pages([event for event in events if event.event_id not in placed], known)
        leaving = _leaving(pages, excess - len(placed))
        moving = placed.union(*(page.event_ids for page in leaving))
        return _Step(leaving, [event for event in events if event.event_id in moving])

    def _file(self, owner: Owner, pages: Sequence[Page], held: Held) -> None:
        """Give each page its segment, and write what is not written yet."""
        if not pages:
            return
        vectors = self._embedder.embed([page.text for page in pages])
        named = {page.segment_id for page in pages} - {""}
        stored = {one.id: one for one in self._segments.get(owner, list(named))} if named else {}
        touched: dict[str, Segment] = {}
        filed: list[tuple[Page, Sequence[float]]] = []
        homeless = [at for at, page in enumerate(pages) if not page.segment_id]
        nearest = dict(zip(homeless, self._segments.near(owner, [vectors[at] for at in homeless]), strict=True))
        for at, (page, vector) in enumerate(zip(pages, vectors, strict=True)):
            if at in nearest:
                near = {segment.id: segment for segment in nearest[at]} | stored | touched
                # Nothing joins what is about to go.
                segment = self._joined(owner, page, vector, [one for one in near.values() if not one.into])
                filed.append((replace(page, segment_id=segment.id), vector))
            else:
                segment = self._rejoined(owner, page, vector, (stored | touched).get(page.segment_id))
            if segment != stored.get(segment.id):
                touched[segment.id] = segment
        held.check()
        self._segments.save_pages(owner, filed, fence=held.token)
        held.check()
        self._segments.save(owner, list(touched.values()), fence=held.token)
        held.check()
        self._segments.place(owner, pages, fence=held.token)

    def _joined(self, owner: Owner, page: Page, vector: Sequence[float], near: Sequence[Segment]) -> Segment:
        """The segment that takes the page, with the page in it."""
        words = keywords(page.text)
        limit = segmentation.threshold(self._embedder.name)
        best = segmentation.best_segment(vector, words, near, limit)
        if best is None:
            return segmentation.found(owner, page, vector, words, self._clock())
        return segmentation.join(best, page, vector, words, self._clock())

    def _rejoined(self, owner: Owner, page: Page, vector: Sequence[float], segment: Segment | None) -> Segment:
        """The segment of a page that was written before, with the page in it."""
        words = keywords(page.text)
        if segment is not None:
            return segmentation.join(segment, page, vector, words, self._clock())
        founded = segmentation.found(owner, page, vector, words, self._clock())
        return replace(founded, id=page.segment_id)


def _leaving(pages: Sequence[Page], excess: int) -> list[Page]:
    """The oldest whole pages that hold at least ``excess`` events."""
    leaving: list[Page] = []
    count = 0
    for page in pages:
        if count >= excess:
            break
        leaving.append(page)
        count += len(page.event_ids)
    return leaving
