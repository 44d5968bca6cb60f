"""Which embedder's vectors the deployment searches, and which it shall search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from memoryos_tasks.core.embedding import Space


@dataclass(frozen=True, slots=True)
class Course:
    """``active`` is the space that is searched and written; ``wanted`` is the one that shall be. ``left`` is how many
    points the wanted space lacked when last all of them were looked at and none could be filled; None when never."""

    active: Space
    wanted: Space
    left: int | None = None

    @property
    def changing(self) -> bool:
        """Whether memory is to be embedded anew."""
        return self.active != self.wanted


class Embedders(Protocol):
    """One choice for all workers. Every call raises :class:`TruthDown`."""

    def course(self) -> Course:
        """The choice as it is now; before anybody has chosen, the static embedder is active and wanted."""

    def want(self, space: Space) -> None:
        """Choose; the newest worker to start decides."""

    def switch(self, space: Space) -> bool:
        """Make this space the active one if it is still the wanted one; whether it is active now. Atomic."""

    def settle(self, space: Space, left: int) -> None:
        """Note how many points this space lacks for good, if it is the wanted one."""
