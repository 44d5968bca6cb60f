"""No vector store at all: short-term memory and the model are what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.errors import VectorsDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vectors import Hit, Patch, Point, Search, SparseVector, Where


class NoStore:
    """See :class:`memoryos_tasks.ports.spaces.SpacedStore`; for a deployment that wants no index, or has lost its own.

    It holds nothing: writes are taken and forgotten, reads are empty, so that events are applied and nothing waits
    for an index that never comes. A search says that the vectors are away, and so is answered from short-term memory.
    There nothing is lost: what has no turn in the index is not consolidated, and stays.
    """

    def upsert(self, owner: Owner, points: Sequence[Point], *, fence: int | None = None) -> None:
        return

    def patch(
        self, owner: Owner, ids: Sequence[str], payload: Mapping[str, Any], *, fence: int | None = None
    ) -> None:
        return

    def patch_many(self, owner: Owner, patches: Sequence[Patch], *, fence: int | None = None) -> None:
        return

    def revector(self, owner: Owner, sparse: Mapping[str, Mapping[str, SparseVector]]) -> None:
        return

    def delete(self, owner: Owner, ids: Sequence[str], *, fence: int | None = None) -> None:
        return

    def search(self, queries: Sequence[Search]) -> list[list[Hit]]:
        if not queries:
            return []
        raise VectorsDown('There is no vector store (vectors.engine is "none").')

    def get(self, owner: Owner, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        return []

    def scroll(
        self, where: Where, *, limit: int = 1000, cursor: str | None = None, vectors: bool = False
    ) -> tuple[list[Hit], str | None]:
        return [], None

    def in_order(self, where: Where, *, after: int = 0, limit: int = 1000) -> list[Hit]:
        return []

    def count(self, where: Where) -> int:
        return 0

    def within(self, space: Space) -> NoStore:
        return self

    def names(self) -> list[str]:
        return []

    def drop(self, name: str) -> None:
        return

    def lacking(
        self, space: Space, *, limit: int, cursor: str | None = None
    ) -> tuple[list[tuple[Owner, Hit]], str | None]:
        return [], None

    def lacks(self, space: Space) -> int:
        return 0

    def fill(self, owner: Owner, space: Space, vectors: Mapping[str, Sequence[float]]) -> None:
        return

    def close(self) -> None:
        """There is nothing to release."""
