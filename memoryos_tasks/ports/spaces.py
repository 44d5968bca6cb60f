"""The vector spaces of a store, one for each embedder, and what of everybody's points is missing in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vectors import Hit, VectorStore


class Spaces(Protocol):
    """Upkeep of a whole store, across owners; no request of a client reaches it.

    A point has one dense vector for each space, or none. Every call raises :class:`VectorsDown` when the store cannot
    be reached in time.
    """

    def within(self, space: Space) -> SpacedStore:
        """The store with the dense vectors of this space; the space is made by the first call that needs it."""

    def names(self) -> list[str]:
        """The names of the dense vectors that the store has room for (see :attr:`Space.vector`)."""

    def drop(self, name: str) -> None:
        """Remove all dense vectors of this name; the points stay."""

    def lacking(
        self, space: Space, *, limit: int, cursor: str | None = None
    ) -> tuple[list[tuple[Owner, Hit]], str | None]:
        """Points, in id order, without a vector in this space, and the cursor of the next ones (None at the end)."""

    def lacks(self, space: Space) -> int:
        """How many points have no vector in this space."""

    def fill(self, owner: Owner, space: Space, vectors: Mapping[str, Sequence[float]]) -> None:
        """Give these points, by id, their vectors in this space; one that has one by now keeps it."""


class SpacedStore(VectorStore, Spaces, Protocol):
    """A store whose own calls use the space that it was made for."""
