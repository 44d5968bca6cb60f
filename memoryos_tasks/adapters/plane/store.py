"""What the three stores of the registry have in common: one document, replaced as a whole if it is as it was read."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

from memoryos_tasks.core.plane.nodes import Term


@dataclass(frozen=True, slots=True)
class Kept:
    """The document and its revision; an empty store has "" and 0."""

    document: str = ""
    revision: int = 0


class Store(Protocol):
    """Every call raises :class:`RegistryDown` when the store cannot be reached."""

    def read(self) -> Kept:
        """What is there now; never older than what any call before has told."""

    def swap(self, revision: int, document: str, term: Term | None) -> bool:
        """Put the document in the place of the one of this revision; False when there is another one. Raises
        :class:`LostClaim`, without effect, when the term is over."""

    def wait(self, revision: int, worker: int, stop: threading.Event) -> None:
        """Until the store may hold another revision, a bounded time has gone by, or ``stop`` is set."""

    def close(self) -> None:
        """Close what is open."""
