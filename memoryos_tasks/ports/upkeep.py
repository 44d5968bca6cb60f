"""Upkeep: whose mid-term memory is to be compacted, and when."""

from __future__ import annotations

from typing import Protocol

from memoryos_tasks.core.events import Owner


class Upkeep(Protocol):
    """One time for each owner. Raises :class:`TruthDown` when the store of record cannot be reached."""

    def note(self, owner: Owner, *, after: float) -> None:
        """Have the owner looked at in ``after`` seconds; one that is noted already keeps its time."""

    def settled(self, owner: Owner, *, after: float | None) -> None:
        """The owner was looked at: again in ``after`` seconds, or, with None, when something is noted anew.

        To be called under the owner's lock, so that what another run notes meanwhile is not lost.
        """

    def due(self, *, count: int) -> list[Owner]:
        """Owners whose time has come, at most ``count``; they are given out again until they are settled."""

    def forget(self, owner: Owner) -> None:
        """The owner has no memory any more."""
