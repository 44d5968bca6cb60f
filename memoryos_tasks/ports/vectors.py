"""The vector store: points with dense and sparse vectors, always of one owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from memoryos_tasks.core.events import Owner


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Term weights: ``indices`` are hashed terms (unsigned 32 bit), ``values`` their weights."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One stored item. ``payload`` carries ``kind`` and whatever its service keeps; text in it is sealed."""

    id: str
    payload: Mapping[str, Any]
    dense: Sequence[float] | None = None
    sparse: Mapping[str, SparseVector] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Where:
    """Which points of the owner: all conditions must hold. Empty conditions do not filter.

    In ``equals``, None asks for points where the field is absent or null.
    """

    owner: Owner
    kinds: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    equals: Mapping[str, str | int | bool | None] = field(default_factory=dict)
    #: Numbers that a field must not exceed.
    at_most: Mapping[str, float] = field(default_factory=dict)
    #: Ids of points that are not wanted.
    without: tuple[str, ...] = ()
    #: Numbers that a field must reach.
    at_least: Mapping[str, float] = field(default_factory=dict)
    #: Values that a field must not have; a point without the field is wanted.
    differs: Mapping[str, str] = field(default_factory=dict)
    #: Values of which a field must have one.
    among: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Search:
    """One ranked query: exactly one of ``dense`` or ``sparse`` (with the sparse vector's name in ``using``).

    The IDF of a sparse search is taken over all points that match ``corpus`` (default: ``where``).
    """

    where: Where
    limit: int
    dense: Sequence[float] | None = None
    sparse: SparseVector | None = None
    using: str = ""
    corpus: Where | None = None


class Hit(NamedTuple):
    """A point that a search or read found. ``score`` is 0.0 for plain reads."""

    id: str
    payload: Mapping[str, Any]
    score: float = 0.0
    dense: tuple[float, ...] | None = None


#: The ids of points, and the payload fields to set on them.
Patch = tuple[Sequence[str], Mapping[str, Any]]


class VectorStore(Protocol):
    """``fence`` is the token of the owner's lock: the store leaves a point as it is that a larger one has written, and
    notes it on those that it changes. A point without a token counts as written with 0.

    Every call raises :class:`VectorsDown` when the store cannot be reached in time."""

    def upsert(self, owner: Owner, points: Sequence[Point], *, fence: int | None = None) -> None:
        """Insert or replace points whole."""

    def patch(
        self, owner: Owner, ids: Sequence[str], payload: Mapping[str, Any], *, fence: int | None = None
    ) -> None:
        """Set these payload fields on existing points, leaving the others; None removes a field."""

    def patch_many(self, owner: Owner, patches: Sequence[Patch], *, fence: int | None = None) -> None:
        """Several patches in one call, each as :meth:`patch` makes it, in order; not all or nothing."""

    def revector(self, owner: Owner, sparse: Mapping[str, Mapping[str, SparseVector]]) -> None:
        """Replace the named sparse vectors of these points, by id; those that do not exist are left out."""

    def delete(self, owner: Owner, ids: Sequence[str], *, fence: int | None = None) -> None:
        """Remove points; unknown ids are ignored."""

    def search(self, queries: Sequence[Search]) -> list[list[Hit]]:
        """Run the queries as one batch; one list of hits per query, best first."""

    def get(self, owner: Owner, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        """The points that exist among these ids, in the order asked for."""

    def scroll(
        self, where: Where, *, limit: int = 1000, cursor: str | None = None, vectors: bool = False
    ) -> tuple[list[Hit], str | None]:
        """Points in id order and the cursor of the next page (None at the end)."""

    def in_order(self, where: Where, *, after: int = 0, limit: int = 1000) -> list[Hit]:
        """The first points whose ``seq`` is larger than ``after``, in its order; points without one are left out."""

    def count(self, where: Where) -> int:
        """How many points match."""

    def close(self) -> None:
        """Flush and release what the store holds."""
