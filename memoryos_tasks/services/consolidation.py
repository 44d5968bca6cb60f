"""Short-term to mid-term memory: the oldest events of a session become pages in segments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from memoryos_tasks.core import segmentation
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Page
from memoryos_tasks.core.text import keywords
from memoryos_tasks.ports.embedder import Embedder
from memoryos_tasks.ports.locks import Held, Locks
from memoryos_tasks.ports.stm import Stm
from memoryos_tasks.services.segments import Segments

#: Events looked at beyond those that must go, so that a page is not cut in two.
LOOKAHEAD = 16
#: Most events moved in one call, so that a call ends.
MOST_EVENTS = 512
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

        0 when another run holds the owner's lock: that one does the work.
        """
        made = 0
        with self._locks.hold(owner, wait_seconds=LOCK_SECONDS) as held:
            excess = self._stm.size(owner, session) - keep if held else 0
            while held and excess > 0 and made < MOST_EVENTS:
                events = self._stm.oldest(owner, session, count=excess + LOOKAHEAD)
                pages = _leaving(segmentation.pages(events), excess)
                self._file(owner, pages, held)
                self._stm.drop(owner, session, _events_of(pages, events))
                made += len(pages)
                excess = self._stm.size(owner, session) - keep
        return made

    def _file(self, owner: Owner, pages: Sequence[Page], held: Held) -> None:
        vectors = self._embedder.embed([page.text for page in pages])
        limit = segmentation.threshold(self._embedder.name.split(":")[0])
        for page, vector in zip(pages, vectors, strict=True):
            words, now = keywords(page.text), self._clock()
            near = self._segments.near(owner, vector)
            best = segmentation.best_segment(vector, words, near, limit)
            if best is None:
                segment = segmentation.found(owner, page, vector, words, now)
            else:
                segment = segmentation.join(best, page, vector, words, now)
            held.check()
            self._segments.save(owner, segment, replace(page, segment_id=segment.id))
            self._segments.place(owner, page)


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
