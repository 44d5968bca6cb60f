"""The journal: the ordered record of everything that entered memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from memoryos_tasks.core.events import Event, Owner


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an append did. ``job_id`` is the ingest job of the new events, None when all were duplicates."""

    event_ids: tuple[str, ...]
    duplicates: tuple[str, ...]
    job_id: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry as a consumer reads it; ``job_id`` is the ingest job that waits for it, if any."""

    stream_id: str
    event: Event
    job_id: str | None


class Journal(Protocol):
    """Raises :class:`TruthDown` when the store of record cannot be reached."""

    def append(
        self, owner: Owner, events: Sequence[Event], *, inbox: str = "", request_id: str = ""
    ) -> Receipt:
        """Write the events that are new, all or none, with one ingest job over them.

        An event_id seen before with the same digest is a duplicate. Raises :class:`EventConflict`
        when one was seen with another digest; then nothing is written.
        """

    def read(self, *, count: int) -> list[Entry]:
        """The next entries for this consumer, at most ``count``; they stay pending until applied."""

    def reclaim(self, *, idle_seconds: float, count: int) -> list[Entry]:
        """Entries that a consumer took and did not apply for that long; now this consumer's."""

    def admit(self, entries: Sequence[Entry]) -> list[Entry]:
        """Put the entries into short-term memory; those admitted before stay as they are.

        Returns the entries with their sequence numbers.
        """

    def applied(self, entries: Sequence[Entry]) -> list[tuple[str, str, str]]:
        """Note the entries as applied and acknowledge them; (tenant, job_id, inbox) of each job now complete."""

    def trim(self) -> int:
        """Drop the entries that every consumer group has acknowledged; how many."""

    def pending(self, owner: Owner) -> int:
        """How many journaled events of the owner are not applied yet."""
