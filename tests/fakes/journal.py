"""A journal in a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fakes.stm import FakeStm
from memoryos_tasks.core.errors import EventConflict, QueueFull, TruthDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.ports.journal import Ended, Entry, Receipt
from memoryos_tasks.ports.ledger import Failure


@dataclass
class FakeJournal:
    """Keeps events in a list; ``down`` makes it unreachable. Admits into ``stm`` where it has one."""

    events: list[Event] = field(default_factory=list)
    jobs: list[tuple[str, Owner, str]] = field(default_factory=list)
    down: bool = False
    stm: FakeStm | None = None
    unread: list[Entry] = field(default_factory=list)
    taken: list[Entry] = field(default_factory=list)
    admitted: dict[tuple[Owner, str], int] = field(default_factory=dict)
    done: set[tuple[Owner, str]] = field(default_factory=set)
    tries: dict[str, int] = field(default_factory=dict)
    spared: list[Entry] = field(default_factory=list)
    buried: list[tuple[Entry, Failure, int]] = field(default_factory=list)
    full: bool = False
    rung: bool = False
    gone: set[str] = field(default_factory=set)

    def append(
        self, owner: Owner, events: Sequence[Event], *, inbox: str = "", request_id: str = ""
    ) -> Receipt:
        if self.down:
            raise TruthDown
        known = {event.event_id: event for event in self.events if event.owner == owner}
        for event in events:
            if event.event_id in known and known[event.event_id].digest != event.digest:
                raise EventConflict(param="event_id")
        fresh = [event for event in events if event.event_id not in known]
        if fresh and self.full:
            raise QueueFull(retry_after=2.0)
        self.events += fresh
        if not fresh:
            return Receipt((), tuple(event.event_id for event in events), None)
        job_id = f"job_ingest{len(self.jobs)}"
        self.jobs.append((job_id, owner, inbox))
        self.unread += [Entry(f"{len(self.events)}-{at}", event, job_id) for at, event in enumerate(fresh)]
        ids = tuple(event.event_id for event in fresh)
        return Receipt(ids, tuple(event.event_id for event in events if event.event_id in known), job_id, self.ring())

    def ring(self) -> bool:
        was, self.rung = self.rung, True
        return not was

    def answer(self) -> None:
        self.rung = False

    def read(self, *, count: int) -> list[Entry]:
        if self.down:
            raise TruthDown
        given, self.unread = self.unread[:count], self.unread[count:]
        self.taken += given
        return given

    def reclaim(self, *, idle_seconds: float, count: int) -> list[Entry]:
        return self.taken[:count]

    def spare(self, entries: Sequence[Entry]) -> None:
        self.spared += entries

    def admit(self, entries: Sequence[Entry]) -> list[Entry]:
        numbered = []
        for entry in entries:
            key = entry.event.owner, entry.event.event_id
            new = key not in self.admitted
            seq = self.admitted.setdefault(key, len(self.admitted) + 1)
            event = replace(entry.event, seq=seq)
            numbered.append(replace(entry, event=event))
            if new and self.stm is not None:
                self.stm.held.setdefault((event.owner, event.session), []).append(event)
        return numbered

    def applied(self, entries: Sequence[Entry]) -> list[Ended]:
        return self._settle(entries, well=True)

    def erased(self, events: Sequence[Event]) -> list[Event]:
        return [event for event in events if event.event_id in self.gone]

    def tried(self, entry: Entry, times: int = 1) -> int:
        self.tries[entry.stream_id] = self.tries.get(entry.stream_id, 0) + times
        return self.tries[entry.stream_id]

    def bury(self, entry: Entry, failure: Failure, attempts: int) -> list[Ended]:
        self.buried.append((entry, failure, attempts))
        return self._settle([entry], well=False)

    def _settle(self, entries: Sequence[Entry], *, well: bool) -> list[Ended]:
        ids = {entry.stream_id for entry in entries}
        self.taken = [entry for entry in self.taken if entry.stream_id not in ids]
        self.done |= {(entry.event.owner, entry.event.event_id) for entry in entries}
        open_jobs = {entry.job_id for entry in (*self.taken, *self.unread)}
        touched = {entry.job_id for entry in entries} - open_jobs
        return [Ended(owner.tenant, job_id, inbox, well) for job_id, owner, inbox in self.jobs if job_id in touched]

    def trim(self) -> int:
        return 0

    def standing(self, owner: Owner) -> tuple[int, int]:
        return self.pending(owner), sum(event.owner == owner for event in self.events) - self.pending(owner)

    def pending(self, owner: Owner) -> int:
        if self.down:
            raise TruthDown
        return sum(event.owner == owner and (owner, event.event_id) not in self.done for event in self.events)
