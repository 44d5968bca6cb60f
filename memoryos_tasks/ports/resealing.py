"""What a user has in the stores of record and of traffic, when one item is erased and the rest stays."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from memoryos_tasks.core.events import Owner


class Resealing(Protocol):
    """All of it may be called again after a run that died. Raises :class:`TruthDown` and :class:`TrafficDown`."""

    def older(self, owner: Owner, job_id: str) -> bool:
        """Whether an erasure of this owner that was asked for before this one has not ended."""

    def working(self, owner: Owner) -> Collection[str]:
        """The kinds of the owner's open jobs that clients asked for, without erasures and adds."""

    def stop(self, owner: Owner) -> None:
        """Cancel these jobs."""

    def remove_said(self, owner: Owner, event_ids: Sequence[str]) -> Mapping[str, int]:
        """Take these events out of the journal, of short-term memory and of what is known of events; how many of
        each."""

    def remove_letters(self, owner: Owner, event_ids: Sequence[str], words: Sequence[str]) -> int:
        """Forget the dead letters of these events, and those that quote one of these texts; how many."""

    def remove_jobs(self, owner: Owner, before: float) -> int:
        """Forget the clients' jobs that were made before (seconds) with what their runs said, since any may tell of
        anything; adds that wait and erasures stay. How many."""

    def reseal(self, owner: Owner, keys: Collection[bytes]) -> Mapping[str, int]:
        """Seal what these keys have sealed with the key in use; how many texts, by place.

        Journal entries of events that are applied are dropped instead. Each text is replaced by itself, and only
        while it is the one that was read.
        """

    def left(self, owner: Owner, event_ids: Sequence[str]) -> Mapping[str, int]:
        """What is still there of these events, by place; to be all zero after a removal."""
