"""The journal: the ordered record of everything that entered memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.ports.ledger import Failure


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an append did. ``job_id`` is the ingest job of the new events, None when all were duplicates; ``ring``
    says that no ingest bell is outstanding."""

    event_ids: tuple[str, ...]
    duplicates: tuple[str, ...]
    job_id: str | None
    ring: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry as a consumer reads it; ``job_id`` is the ingest job that waits for it, if any."""

    stream_id: str
    event: Event
    job_id: str | None
    #: The dead letter that this entry replays, and when that failed first (seconds).
    letter: str = ""
    first_seen: float = 0.0
    #: How often it was given out since it was spared last, this time included.
    deliveries: int = 1


@dataclass(frozen=True, slots=True)
class Ended:
    """An ingest job that is complete; ``well`` unless one of its events is a dead letter."""

    tenant: str
    job_id: str
    inbox: str
    well: bool


class Journal(Protocol):
    """Raises :class:`TruthDown` when the store of record cannot be reached."""

    def append(
        self, owner: Owner, events: Sequence[Event], *, inbox: str = "", request_id: str = ""
    ) -> Receipt:
        """Write the events that are new, all or none, with one ingest job over them, and show them in short-term
        memory.

        An event_id seen before with the same digest is a duplicate. Raises :class:`EventConflict` when one was seen
        with another digest and :class:`QueueFull` when too many events wait to be applied; then nothing is written.
        """

    def ring(self) -> bool:
        """Whether to ring for ingest: False while a bell is outstanding."""

    def answer(self) -> None:
        """The bell was heard: what is appended from now on rings anew."""

    def read(self, *, count: int) -> list[Entry]:
        """The next entries for this consumer, at most ``count``; they stay pending until applied."""

    def reclaim(self, *, idle_seconds: float, count: int) -> list[Entry]:
        """Entries that a consumer took and did not apply for that long; now this consumer's."""

    def spare(self, entries: Sequence[Entry]) -> None:
        """These could not be applied through no fault of theirs: their deliveries count anew."""

    def admit(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries with their sequence numbers; what was put into the stream by hand is shown in short-term
        memory. One whose event_id holds other content goes to the dead letters; one that an older entry in another
        consumer's hands precedes stays pending."""

    def applied(self, entries: Sequence[Entry]) -> list[Ended]:
        """Note the entries as applied and acknowledge them; the jobs that this completes."""

    def erased(self, events: Sequence[Event]) -> list[Event]:
        """Those of these journaled events that were erased since; ask after what was made of them is written."""

    def tried(self, entry: Entry, times: int = 1) -> int:
        """Count a try of this entry alone (-1 takes one back); how many there were."""

    def bury(self, entry: Entry, failure: Failure, attempts: int) -> list[Ended]:
        """Move the entry to the dead letters and acknowledge it, in one step; the job that this completes, if any."""

    def trim(self) -> int:
        """Drop the entries that every consumer group has acknowledged; how many."""

    def pending(self, owner: Owner) -> int:
        """How many journaled events of the owner are not applied yet."""

    def standing(self, owner: Owner) -> tuple[int, int]:
        """That, and how many were pending once and are not any more: a number that only grows."""
