"""Journal to memory: into short-term memory, into the index, and facts that the user states at once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from memoryos_tasks.core.errors import LostClaim, TrafficDown, VectorsDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.extraction import extract
from memoryos_tasks.core.retrieval import BEFORE
from memoryos_tasks.ports.journal import Entry, Journal
from memoryos_tasks.ports.locks import Locks
from memoryos_tasks.ports.runs import Runs, Saying
from memoryos_tasks.ports.stm import Stm
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.recall import Recall

#: Entries applied in one step: large enough to share an embedding call, small enough to answer soon.
BATCH = 200
#: Seconds to wait for the owner's lock before facts are learned; the entries stay pending when it is not had.
LOCK_SECONDS = 5.0
#: Seconds that a reader waits for another run that applies its owner's events.
SETTLE_SECONDS = 0.25


@dataclass(slots=True)
class Drained:
    """What one drain did: how many events, and which sessions now hold more than short-term memory should."""

    applied: int = 0
    overflowing: set[tuple[Owner, str]] = field(default_factory=set)


class Ingest:
    """Applies journal entries; applying one twice changes nothing."""

    def __init__(
        self, journal: Journal, stm: Stm, recall: Recall, beliefs: Beliefs, locks: Locks, runs: Runs, capacity: int
    ) -> None:
        self._journal = journal
        self._stm = stm
        self._recall = recall
        self._beliefs = beliefs
        self._locks = locks
        self._runs = runs
        self._capacity = capacity

    def drain(self, *, most: int = 5_000) -> Drained:
        """Apply what the journal holds for this consumer, at most about ``most`` events."""
        drained = Drained()
        while drained.applied < most:
            entries = self._journal.read(count=BATCH)
            self._apply(entries, drained)
            if len(entries) < BATCH:
                break  # What came meanwhile has rung for itself.
        return drained

    def recover(self, *, idle_seconds: float) -> Drained:
        """Apply what some consumer took and did not finish for that long."""
        drained = Drained()
        self._apply(self._journal.reclaim(idle_seconds=idle_seconds, count=BATCH), drained)
        return drained

    def settle(self, owner: Owner) -> None:
        """Wait until what the owner's writers were told is journaled is in memory, within a bound."""
        if not self._journal.pending(owner):
            return
        try:
            self._apply(self._journal.read(count=BATCH), Drained(), lock_seconds=SETTLE_SECONDS)
        except (VectorsDown, LostClaim):
            return  # What can be read is read; the rest stays pending for a later run.
        end = time.monotonic() + SETTLE_SECONDS
        while self._journal.pending(owner) and time.monotonic() < end:
            time.sleep(0.005)

    def _apply(self, entries: Sequence[Entry], drained: Drained, *, lock_seconds: float = LOCK_SECONDS) -> None:
        if not entries:
            return
        admitted = self._journal.admit(entries)
        failure: Exception | None = None
        for owner, mine in _by_owner(admitted):
            events = [entry.event for entry in mine]
            try:
                self._recall.index(events, self._before(owner, events))
                self._learn(owner, events, lock_seconds)
            except Exception as error:
                # One owner's trouble is not another's: these stay pending, and short-term memory has them.
                failure = error
                continue
            self._announce(mine, self._journal.applied(mine))
            drained.applied += len(mine)
            for session in {event.session for event in events}:
                if self._stm.size(owner, session) > self._capacity:
                    drained.overflowing.add((owner, session))
        if failure is not None:
            raise failure

    def _before(self, owner: Owner, events: Sequence[Event]) -> dict[str, list[Event]]:
        before = {}
        for session in {event.session for event in events}:
            mine = [event.seq for event in events if event.session == session]
            newest = self._stm.newest(owner, session, count=len(mine) + BEFORE)
            before[session] = [event for event in newest if event.seq < min(mine)][-BEFORE:]
        return before

    def _learn(self, owner: Owner, events: Sequence[Event], lock_seconds: float) -> None:
        facts = [fact for event in events if event.role == "user" for fact in extract(event)]
        if not facts:
            return
        with self._locks.hold(owner, wait_seconds=lock_seconds) as held:
            if held is None:
                raise LostClaim("Another run kept this user's memory for too long; the events stay pending.")
            self._beliefs.learn(owner, facts, fence=held.token)

    def _announce(self, entries: Sequence[Entry], done: Sequence[tuple[str, str, str]]) -> None:
        owners = {entry.job_id: entry.event.owner for entry in entries}
        for _, job_id, inbox in done:
            if not inbox:
                continue  # Nobody waits; who asks later asks the ledger.
            try:
                self._runs.say(owners[job_id], job_id, Saying.DONE, {}, inbox=inbox)
            except TrafficDown:
                return  # Who waits looks into the ledger, where the job is complete.


def _by_owner(entries: Iterable[Entry]) -> Iterable[tuple[Owner, list[Entry]]]:
    def key(entry: Entry) -> tuple[str, str]:
        return entry.event.owner.tenant, entry.event.owner.user

    for (tenant, user), group in groupby(sorted(entries, key=key), key=key):
        yield Owner(tenant, user), sorted(group, key=lambda entry: entry.event.seq)
