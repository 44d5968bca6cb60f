"""Short-term to mid-term memory: the oldest events of a session become pages in segments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from memoryos_tasks.core import segmentation
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Page, Segment
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


class Consolidation:
    """Moves pages; doing it twice changes nothing, since every id comes from the page's first event."""

    def __init__(
        self, stm: Stm, segments: Segments, embedder: Embedder, locks: Locks, clock: Callable[[], float]
    ) -> None:
        self._stm = stm
        self._segments = segments
        self._embedder = embedder
        self._locks = locks
        self._clock = clock

    def run(self, owner: Owner, session: str, *, keep: int) -> int:
        """Consolidate the session until it holds at most ``keep`` events; how many pages were made.

        0 when another run holds the owner's lock, or while events of the session are being applied.
        """
        made = 0
        with self._locks.hold(owner, wait_seconds=LOCK_SECONDS) as held:
            # What is not indexed yet has no turn to place; whoever indexes it notes the overflow again.
            settled = held is not None and not self._stm.unapplied(owner, session)
            excess = self._stm.size(owner, session) - keep if settled else 0
            while held and excess > 0 and made < MOST_PAGES:
                batch = min(excess, BATCH)
                events = self._stm.oldest(owner, session, count=batch + LOOKAHEAD)
                pages = _leaving(segmentation.pages(events), batch)
                self._file(owner, pages, held)
                held.check()
                self._stm.drop(owner, session, _events_of(pages, events))
                made += len(pages)
                excess = self._stm.size(owner, session) - keep
        return made

    def _file(self, owner: Owner, pages: Sequence[Page], held: Held) -> None:
        """Give each page its segment, then write what changed at once."""
        vectors = self._embedder.embed([page.text for page in pages])
        limit = segmentation.threshold(self._embedder.name.split(":")[0])
        touched: dict[str, Segment] = {}
        filed: list[tuple[Page, Sequence[float]]] = []
        for page, vector in zip(pages, vectors, strict=True):
            near = {segment.id: segment for segment in self._segments.near(owner, vector)} | touched
            segment = _segment(owner, page, vector, list(near.values()), limit, self._clock())
            touched[segment.id] = segment
            filed.append((replace(page, segment_id=segment.id), vector))
        held.check()
        self._segments.save(owner, list(touched.values()), filed, fence=held.token)
        for page in pages:
            self._segments.place(owner, page, fence=held.token)


def _segment(
    owner: Owner, page: Page, vector: Sequence[float], near: Sequence[Segment], limit: float, now: float
) -> Segment:
    """The segment that takes the page, with the page in it."""
    words = keywords(page.text)
    best = segmentation.best_segment(vector, words, near, limit)
    if best is None:
        return segmentation.found(owner, page, vector, words, now)
    return segmentation.join(best, page, vector, words, now)


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


def _events_of(pages: Sequence[Page], events: Sequence[Event]) -> list[Event]:
    held = {event_id for page in pages for event_id in page.event_ids}
    return [event for event in events if event.event_id in held]
