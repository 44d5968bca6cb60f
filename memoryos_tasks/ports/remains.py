"""What a user has in the stores of record and of traffic, to be removed when the user is erased."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from memoryos_tasks.core.events import Owner


class Remains(Protocol):
    """All of it may be called again after a run that died. Raises :class:`TruthDown` and :class:`TrafficDown`.

    Events are told apart by ``cut``, a sequence number of the tenant: those numbered later stay. Jobs are by
    ``before``, the time (seconds) of their making.
    """

    def stop(self, owner: Owner) -> int:
        """Cancel the owner's open chats and other jobs that clients asked for; how many. Erasures go on."""

    def pending(self, owner: Owner) -> int:
        """How many journaled events of the owner are not applied yet."""

    def newest(self, owner: Owner) -> int:
        """The newest sequence number: what was journaled before has this one or a smaller."""

    def remove_events(self, owner: Owner, cut: int) -> Mapping[str, int]:
        """Take the events out of the journal, of short-term memory and of what is known of events; how many of each."""

    def remove_jobs(self, owner: Owner, before: float) -> int:
        """Forget the owner's jobs with what their runs said, and reseal erasures with the key in use; how many."""

    def remove_letters(self, owner: Owner) -> int:
        """Forget the owner's dead letters; how many."""

    def remove_traffic(self, owner: Owner) -> int:
        """Forget the owner's visits, keepsakes, recorded inferences and unanswered reads; how many."""

    def left(self, owner: Owner, cut: int, before: float) -> Mapping[str, int]:
        """What is still there, by place; to be all zero after a removal."""

    def compact(self, *, seconds: float) -> bool:
        """Have the store of record rewrite its file without what was removed; False when it cannot be told to, or
        takes longer."""
