"""What was said in the plane's sessions, the same for all nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.sessions import Exchange


class Sessions(Protocol):
    """Raises :class:`TruthDown`, and :class:`VaultDown` when the owner's key cannot be had.

    A session lives for ``lifetime`` seconds after each exchange. What was sealed with a key that is gone was erased.
    """

    def read(self, owner: Owner, session: str) -> Sequence[Exchange]:
        """Its exchanges, oldest first; none when there is no such session."""

    def keep(self, owner: Owner, session: str, exchange: Exchange, *, most: int, lifetime: float) -> None:
        """Add an exchange behind the others, of which the newest ``most`` stay; once for each job."""

    def close(self, owner: Owner, session: str) -> bool:
        """Forget it; whether there was one."""
