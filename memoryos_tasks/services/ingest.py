"""Journal to memory: into short-term memory, into the index, and facts that the user states at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby

import structlog

from memoryos_tasks.core.errors import Busy, LostClaim, MemoryOSError, TrafficDown, Unavailable, WorkerLost
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.retries import ATTEMPTS, Verdict, decide, reason
from memoryos_tasks.ports.journal import Ended, Entry, Journal
from memoryos_tasks.ports.locks import Locks
from memoryos_tasks.ports.runs import Runs, Saying
from memoryos_tasks.ports.stm import Stm
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.intake import Intake
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.turnstile import Turnstile
from memoryos_tasks.services.work import broken, failure, places

log = structlog.get_logger(__name__)

#: Entries applied in one step: large enough to share an embedding call, small enough to answer soon.
BATCH = 200
#: Batches that one recovery applies, so that it ends.
BATCHES = 25
#: Entries of many owners that are applied together, in a few round trips; whoever waits for one waits for them all.
TOGETHER = 64
#: Seconds to wait for an owner's lock while other owners' entries are at hand.
QUICK_SECONDS = 0.02
#: Seconds that a reader who applies waits for another owner's lock.
QUICK_LOCK_SECONDS = 0.25
#: Seconds to wait for an owner's lock before facts are learned; the entries stay pending when it is not had.
LOCK_SECONDS = 1.0
#: Seconds that a reader waits for its owner's events: one that is answered without them only asks again, and each
#: answer costs the drainer more time than the wait.
SETTLE_SECONDS = 1.0
#: Seconds after which what was applied is noted, though there is more to do.
NOTE_SECONDS = 0.05
#: Deliveries after which an entry is applied alone: its consumers may have died of it.
SUSPECT = 3


#: An owner's entries, in the order of the journal.
Mine = tuple[Owner, list[Entry]]
#: An owner's entries that stay pending, and why.
Waiting = tuple[Owner, list[Entry], MemoryOSError]


@dataclass(slots=True)
class Drained:
    """What one drain did: how many events, and which sessions now hold more than short-term memory should."""

    applied: int = 0
    overflowing: set[tuple[Owner, str]] = field(default_factory=set)


class Ingest:
    """Applies journal entries; applying one twice changes nothing.

    An entry that fails for its own sake is tried alone, :data:`~memoryos_tasks.core.retries.ATTEMPTS` times with the
    pause of a redelivery between, then buried; those behind it go on.
    """

    def __init__(
        self,
        journal: Journal,
        stm: Stm,
        recall: Recall,
        beliefs: Beliefs,
        locks: Locks,
        runs: Runs,
        capacity: int,
        overflow: Callable[[Owner, str], None],
        ring: Callable[[], None] = lambda: None,
    ) -> None:
        self._journal = journal
        self._stm = stm
        self._recall = recall
        self._intake = Intake(journal, stm, recall, beliefs, locks)
        self._runs = runs
        self._capacity = capacity
        self._overflow = overflow
        self._ring = ring
        self._turnstile = Turnstile()

    def drain(self, *, most: int = 5_000) -> Drained:
        """Apply what the journal holds for this consumer, about ``most`` events at a time.

        One thread of the process drains; another that comes meanwhile returns at once.
        """
        if not self._turnstile.enter():
            return Drained()
        with self._drained() as drained:
            try:
                self._drain(drained, most)
                while not self._turnstile.leave():
                    self._drain(drained, most)
            except BaseException:
                self._turnstile.abandon()
                raise
        return drained

    @contextmanager
    def _drained(self) -> Iterator[Drained]:
        """Whoever applies, and however the rest goes: sessions that then hold too much are made known."""
        drained = Drained()
        try:
            yield drained
        finally:
            for owner, session in drained.overflowing:
                self._overflow(owner, session)

    def _drain(self, drained: Drained, most: int) -> None:
        end = drained.applied + most
        # Before the first read: what is appended after it rings anew.
        self._journal.answer()
        while drained.applied < end:
            entries = self._journal.read(count=BATCH)
            self._apply(entries, drained)
            if len(entries) < BATCH:
                break

    def recover(self, *, idle_seconds: float) -> Drained:
        """Apply what some consumer took and did not finish for that long."""
        with self._drained() as drained:
            for _ in range(BATCHES):
                entries = self._journal.reclaim(idle_seconds=idle_seconds, count=BATCH)
                self._apply(entries, drained)
                if len(entries) < BATCH:
                    break
        return drained

    def settle(self, owner: Owner) -> None:
        """Wait until what the owner's writers were told is journaled is in memory, within a bound."""
        pending, settled = self._journal.standing(owner)
        if not pending:
            return
        # What comes meanwhile is not waited for: somebody who writes without pause would never be read.
        end, enough = time.monotonic() + SETTLE_SECONDS, pending + settled
        # Many readers that all applied would only be in each other's way.
        if self._turnstile.enter():
            self._settle(end)
        pause = 0.005
        while time.monotonic() < end:
            pending, settled = self._journal.standing(owner)
            if not pending or settled >= enough:
                return
            time.sleep(pause)
            pause = min(pause * 2, 0.04)

    def _settle(self, end: float) -> None:
        """Apply until nobody has come meanwhile, or time is up and another run is called for."""
        try:
            with self._drained() as drained:
                while True:
                    self._apply(self._journal.read(count=BATCH), drained, lock_seconds=QUICK_LOCK_SECONDS)
                    if self._turnstile.leave():
                        return
                    if time.monotonic() > end:
                        break
            self._turnstile.abandon()
            self._ring()
        except (Unavailable, LostClaim):
            self._turnstile.abandon()  # What can be read is read; the rest stays pending for a later run.
        except BaseException:
            self._turnstile.abandon()
            raise

    def _apply(self, entries: Sequence[Entry], drained: Drained, *, lock_seconds: float = LOCK_SECONDS) -> None:
        if not entries:
            return
        left = self._apply_together(_by_owner(self._journal.admit(entries)), drained)
        waiting = self._pass(left, drained, min(QUICK_SECONDS, lock_seconds))
        busy = [(owner, mine) for owner, mine, error in waiting if isinstance(error, Busy)]
        waiting = [row for row in waiting if not isinstance(row[2], Busy)]
        waiting += self._pass(busy, drained, lock_seconds)
        for _, mine, _ in waiting:
            with suppress(Unavailable):
                self._journal.spare(mine)
        if waiting:
            raise waiting[-1][2]

    def _apply_together(self, owners: Iterable[Mine], drained: Drained) -> list[Mine]:
        """Apply the entries of many owners in steps, and give back those of the owners with whom something is wrong."""
        left: list[Mine] = []
        for some in _steps(owners):
            if len(some) == 1 or any(entry.deliveries > SUSPECT for _, mine in some for entry in mine):
                left += some
                continue
            try:
                busy = self._intake.take_all({owner: [entry.event for entry in mine] for owner, mine in some})
            except Exception:
                left += some  # One by one they show whose trouble it is.
                continue
            self._note([entry for owner, mine in some if owner not in busy for entry in mine], drained)
            left += [(owner, mine) for owner, mine in some if owner in busy]
        return left

    def _pass(self, owners: Iterable[Mine], drained: Drained, lock_seconds: float) -> list[Waiting]:
        """Apply each owner's entries; those that must wait. One owner's trouble is not another's: what waits stays
        pending, and short-term memory has it."""
        waiting: list[Waiting] = []
        done: list[Entry] = []
        noted = time.monotonic()
        for owner, mine in owners:
            try:
                done += self._apply_owners(owner, mine, lock_seconds)
            except (Unavailable, LostClaim) as error:
                waiting.append((owner, mine, error))
            # Many owners share one write to the journal; whoever waits for an answer waits this much longer.
            if time.monotonic() - noted > NOTE_SECONDS:
                self._note(done, drained)
                done, noted = [], time.monotonic()
        self._note(done, drained)
        return waiting

    def _note(self, entries: Sequence[Entry], drained: Drained) -> None:
        """Note the entries as applied, tell who waits, and find out which sessions overflow."""
        if not entries:
            return
        for event in self._journal.erased([entry.event for entry in entries]):
            self._recall.forget(event.owner, [event])
        self._announce(entries, self._journal.applied(entries))
        drained.applied += len(entries)
        sessions = list({(entry.event.owner, entry.event.session) for entry in entries})
        for place, size in zip(sessions, self._stm.sizes(sessions), strict=True):
            if size > self._capacity:
                drained.overflowing.add(place)

    def _apply_owners(self, owner: Owner, entries: Sequence[Entry], lock_seconds: float) -> list[Entry]:
        """Apply the owner's entries; those that were."""
        together = [entry for entry in entries if entry.deliveries <= SUSPECT]
        alone = [entry for entry in entries if entry.deliveries > SUSPECT]
        try:
            if together:
                self._intake.take(owner, [entry.event for entry in together], wait_seconds=lock_seconds)
            done = list(together)
        except Exception as error:
            if decide(error, 1).verdict in (Verdict.WAIT, Verdict.DROP):
                raise
            done = []
            if len(together) > 1:
                alone = [*together, *alone]
            else:
                self._failed(together[0], error, self._journal.tried(together[0]))
        return done + [entry for entry in alone if self._try(owner, entry, lock_seconds)]

    def _try(self, owner: Owner, entry: Entry, lock_seconds: float) -> bool:
        """Apply one entry alone; whether it was. The try is counted before it, since the process may die of it."""
        tries = self._journal.tried(entry)
        if tries > ATTEMPTS:
            self._bury(entry, WorkerLost("Every worker that applied this event was lost."), tries - 1)
            return False
        try:
            self._intake.take(owner, [entry.event], wait_seconds=lock_seconds)
            return True
        except Exception as error:
            if decide(error, tries).verdict in (Verdict.WAIT, Verdict.DROP):
                self._journal.tried(entry, -1)
                raise
            self._failed(entry, error, tries)
            return False

    def _failed(self, entry: Entry, error: Exception, tries: int) -> None:
        """An entry that failed for its own sake: left for a redelivery, or buried."""
        code = reason(error)
        log.warning("event_failed", code=code, stream_id=entry.stream_id, attempts=tries, at=places(error))
        if decide(error, tries).verdict is Verdict.FAIL:
            self._bury(entry, error, tries)

    def _bury(self, entry: Entry, error: Exception, tries: int) -> None:
        # It may have been indexed before it failed, and is no memory now.
        self._recall.forget(entry.event.owner, [entry.event])
        self._announce([entry], self._journal.bury(entry, failure(error), tries))

    def _announce(self, entries: Sequence[Entry], ended: Sequence[Ended]) -> None:
        owners = {entry.job_id: entry.event.owner for entry in entries}
        for job in ended:
            if not job.inbox:
                continue  # Nobody waits; who asks later asks the ledger.
            saying, data = (Saying.DONE, {}) if job.well else (Saying.ERROR, broken().described())
            try:
                self._runs.say(owners[job.job_id], job.job_id, saying, data, inbox=job.inbox)
            except TrafficDown:
                return  # Who waits looks into the ledger, where the job is complete.


def _steps(owners: Iterable[Mine]) -> Iterator[list[Mine]]:
    """Owners in groups of about ``TOGETHER`` entries."""
    group: list[Mine] = []
    for owner, mine in owners:
        group.append((owner, mine))
        if sum(len(each) for _, each in group) >= TOGETHER:
            yield group
            group = []
    if group:
        yield group


def _by_owner(entries: Iterable[Entry]) -> Iterable[Mine]:
    def key(entry: Entry) -> tuple[str, str]:
        return entry.event.owner.tenant, entry.event.owner.user

    for (tenant, user), group in groupby(sorted(entries, key=key), key=key):
        yield Owner(tenant, user), sorted(group, key=lambda entry: entry.event.seq)
