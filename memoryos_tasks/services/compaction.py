"""Mid-term memory kept tidy: heat cools, segments about the same merge, the coldest leave when it is full."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from memoryos_tasks.core import eviction, heat, segmentation
from memoryos_tasks.core.errors import Busy
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.eviction import Policy
from memoryos_tasks.core.items import FORGOTTEN, Segment
from memoryos_tasks.ports.counters import Counters
from memoryos_tasks.ports.locks import Held, Locks
from memoryos_tasks.ports.upkeep import Upkeep
from memoryos_tasks.services.promotion import COOLED, Promotion
from memoryos_tasks.services.segments import Segments

#: Seconds to wait for the owner's lock.
LOCK_SECONDS = 2.0
#: Seconds after which a run takes up nothing more, since the owner's events wait for the lock. What is left comes
#: next time.
BUDGET_SECONDS = 0.4
#: Segments that one run compares and summarises, and pages that a summary is made of, the newest ones.
MOST_TIDIED = 64
MOST_RETOLD = 50
#: Segments without room that one run has read for facts, before they can leave.
MOST_READ = 32
#: Seconds until the next run when something was left.
SOON = 5.0


@dataclass(slots=True)
class Compacted:
    """What a run did: segments of each sort, and ``pages`` and ``events`` that left with them."""

    cooled: int = 0
    merged: int = 0
    summarised: int = 0
    evicted: int = 0
    forgotten: int = 0
    pages: int = 0
    events: int = 0
    learned: int = 0
    #: 1 when there is more to do than one run may.
    unfinished: int = 0


class Compaction:
    """One bounded run for one owner; a run that died is completed by the next one.

    A segment that goes is marked first with where it goes, so that nothing joins it and any run can complete the move.
    Facts that came from what leaves stay, and so do the turns: they are their sources.
    """

    def __init__(
        self,
        segments: Segments,
        promotion: Promotion,
        locks: Locks,
        upkeep: Upkeep,
        counters: Counters,
        policy: Callable[[], Policy],
        clock: Callable[[], float],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._segments = segments
        self._promotion = promotion
        self._locks = locks
        self._upkeep = upkeep
        self._counters = counters
        self._policy = policy
        self._clock = clock
        self._timer = timer

    def run(self, owner: Owner) -> Compacted:
        """Compact the owner's mid-term memory as far as one run may, and note when it is to be looked at again.

        Raises :class:`Busy` when another run holds the owner's lock, :class:`LostClaim` when this one lost it.
        """
        policy, done = self._policy(), Compacted()
        with self._locks.hold(owner, wait_seconds=LOCK_SECONDS) as held:
            if held is None:
                raise Busy
            now, end = self._clock(), self._timer() + BUDGET_SECONDS
            work = _Work(self._segments, owner, held, now, done, lambda: self._timer() > end)
            left = work.all(policy)
            reading = [*left.unread[:MOST_READ], *self._promotion.hot(work.known())]
            done.unfinished = int(bool(done.unfinished or reading))
            held.check()
            self._upkeep.settled(owner, after=_next(work.known(), policy, now, bool(done.unfinished)))
        try:
            done.learned = self._promotion.learn(owner, list({one.id: one for one in reading}.values()))
        finally:
            self._counters.add("compaction", {"runs": 1, **asdict(done)})
        return done


class _Work:
    """One run's work under the lock, on the segments as it has changed them."""

    def __init__(
        self, segments: Segments, owner: Owner, held: Held, now: float, done: Compacted, late: Callable[[], bool]
    ) -> None:
        self._segments = segments
        self._owner = owner
        self._held = held
        self._now = now
        self._done = done
        self._late = late
        self._known = {one.id: one for one in segments.all(owner)}

    def known(self) -> list[Segment]:
        """The segments that stay."""
        return [one for one in self._known.values() if not one.into]

    def all(self, policy: Policy) -> eviction.Leaving:
        """Everything in order; who leaves, with those that have to be read first."""
        self._complete()
        self._cool()
        self._tidy()
        leaving = eviction.leaving(self.known(), policy, self._now)
        self._leave([*leaving.old, *leaving.cold], {one.id for one in leaving.old})
        return leaving

    def _complete(self) -> None:
        """What an earlier run marked and did not finish."""
        for one in [one for one in self._known.values() if one.into]:
            if one.into.startswith(FORGOTTEN):
                self._forget(one)
            elif one.into in self._known and not self._known[one.into].into:
                self._merge(one)
            else:  # The segment that was to take its pages has gone: it stays what it was.
                own = self._own(one).page_ids
                self._held.check()
                self._segments.hand_over(self._owner, own, one.id, fence=self._held.token)
                self._mark(replace(one, into=""))

    def _cool(self) -> None:
        cooled = [heat.recomputed(one, self._now) for one in self.known()]
        changed = [one for one in cooled if abs(one.heat - self._known[one.id].heat) > COOLED]
        self._held.check()
        self._segments.warm(self._owner, changed, fence=self._held.token)
        self._known |= {one.id: one for one in changed}
        self._done.cooled += len(changed)

    def _tidy(self) -> None:
        """Compare and summarise the segments that have changed since they were last looked at."""
        changed = [one for one in self.known() if one.tidied != len(one.page_ids)]
        self._done.unfinished |= int(len(changed) > MOST_TIDIED)
        nearest = self._segments.near(self._owner, [one.vector for one in changed[:MOST_TIDIED] if one.vector])
        near = dict(zip([one.id for one in changed if one.vector], nearest, strict=False))
        for id in self._in_time([one.id for one in changed[:MOST_TIDIED]]):
            if id not in self._known:
                continue  # It went into another one meanwhile.
            one = self._known[id]  # Others may have gone into it.
            taker = self._twin(one, near.get(id, ()))
            if taker is not None:
                self._merge(replace(one, into=taker.id), mark=True)
            else:
                self._retell(one)

    def _twin(self, one: Segment, near: Sequence[Segment]) -> Segment | None:
        """The oldest segment about the same, if it is older than this one."""
        twins = [
            self._known[other.id]
            for other in near
            if other.id in self._known and not self._known[other.id].into and _older(self._known[other.id], one)
            and segmentation.identical(self._known[other.id], one)
        ]
        return min(twins, key=_age, default=None)

    def _retell(self, one: Segment) -> None:
        pages = self._segments.pages(self._owner, one.page_ids[-MOST_RETOLD:]) if len(one.page_ids) > 1 else []
        told = replace(segmentation.retold(one, pages), tidied=len(one.page_ids))
        self._held.check()
        if told.summary != one.summary:
            self._segments.save(self._owner, [told], fence=self._held.token)
            self._done.summarised += 1
        else:
            self._segments.tidied(self._owner, told, fence=self._held.token)
        self._known[one.id] = told

    def _merge(self, source: Segment, *, mark: bool = False) -> None:
        """Give the source's pages to the segment that it is marked with, and take it out."""
        if mark:
            self._mark(source)
        source = self._own(source)
        target = segmentation.merged(self._known[source.into], source, self._now)
        self._held.check()
        self._segments.hand_over(self._owner, source.page_ids, target.id, fence=self._held.token)
        self._held.check()
        self._segments.save(self._owner, [target], fence=self._held.token)
        self._known[target.id] = target
        self._remove(source)
        self._done.merged += 1

    def _own(self, one: Segment) -> Segment:
        """The marked segment with the pages that name it or where it is going, and no other's."""
        named = self._segments.pages(self._owner, one.page_ids)
        # Only a writer that had lost its lock can have listed a page that names another segment.
        own = {page.id for page in named if page.segment_id in (one.id, one.into)}
        kept = tuple(id for id in one.page_ids if id in own)
        return replace(one, page_ids=kept, analysed=sum(id in own for id in one.page_ids[: one.analysed]))

    def _leave(self, leaving: Sequence[Segment], old: set[str]) -> None:
        for id in self._in_time([one.id for one in leaving]):
            one = self._known[id]
            marked = replace(one, into=f"{FORGOTTEN}:hidden" if one.id in old else FORGOTTEN)
            self._mark(marked)
            self._forget(marked)

    def _forget(self, one: Segment) -> None:
        pages = self._segments.pages(self._owner, self._own(one).page_ids)
        hide = one.into != FORGOTTEN
        self._held.check()
        self._segments.forget(self._owner, pages, hide=hide, fence=self._held.token)
        self._remove(one)
        self._done.forgotten += int(hide)
        self._done.evicted += int(not hide)
        self._done.pages += len(pages)
        self._done.events += sum(len(page.event_ids) for page in pages)

    def _mark(self, one: Segment) -> None:
        self._held.check()
        self._segments.mark(self._owner, [one], fence=self._held.token)
        self._known[one.id] = one

    def _remove(self, one: Segment) -> None:
        self._held.check()
        self._segments.remove(self._owner, [one.id], fence=self._held.token)
        del self._known[one.id]

    def _in_time(self, ids: Sequence[str]) -> Iterator[str]:
        """The ids one by one, as long as there is time."""
        for id in ids:
            if self._late():
                self._done.unfinished = 1
                return
            yield id


def _age(one: Segment) -> tuple[float, str]:
    return one.created_at, one.id


def _older(one: Segment, other: Segment) -> bool:
    return _age(one) < _age(other)


def _next(segments: Sequence[Segment], policy: Policy, now: float, unfinished: bool) -> float | None:
    """Seconds until the next look; None when nothing would change by itself."""
    if unfinished:
        return SOON
    if policy.forget_after or any(heat.at(one, now) > COOLED for one in segments):
        return policy.interval if segments else None
    full = len(segments) > policy.segments or sum(len(one.page_ids) for one in segments) > policy.pages
    return policy.interval if full else None
