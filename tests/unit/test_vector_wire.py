from __future__ import annotations

import json
from typing import Any

import pytest
from fake_vectors import FakeVectors
from vector_contract import ALICE, VectorContract, point

from memoryos_tasks.adapters.vectors import wire
from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.errors import InvalidRequest
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vectors import Hit, Patch, Point, Search, SparseVector, Where


class Wired:
    """A store at the other end of the wire: every call passes as JSON, and so does its answer."""

    def __init__(self, store: FakeVectors, space: Space | None = None) -> None:
        self._store = store
        self._space = space

    def _call(self, operation: str, **arguments: Any) -> Any:
        return json.loads(wire.serve(self._store, wire.request(operation, self._space, **arguments)))

    def within(self, space: Space) -> Wired:
        return Wired(self._store, space)

    def names(self) -> list[str]:
        return [str(name) for name in self._call("names")]

    def drop(self, name: str) -> None:
        self._call("drop_space", name=name)

    def lacking(
        self, space: Space, *, limit: int, cursor: str | None = None
    ) -> tuple[list[tuple[Owner, Hit]], str | None]:
        rows, following = self._call("lacking", of=space, limit=limit, cursor=cursor)
        return [(Owner(**owner), wire.hit(row)) for owner, row in rows], following

    def lacks(self, space: Space) -> int:
        return int(self._call("lacks", of=space))

    def fill(self, owner: Owner, space: Space, vectors: dict[str, list[float]]) -> None:
        self._call("fill", owner=owner, of=space, vectors=vectors)

    def upsert(self, owner: Owner, points: list[Point], *, fence: int | None = None) -> None:
        self._call("upsert", owner=owner, points=points, fence=fence)

    def patch(self, owner: Owner, ids: list[str], payload: dict[str, Any], *, fence: int | None = None) -> None:
        self._call("patch", owner=owner, ids=ids, payload=payload, fence=fence)

    def revector(self, owner: Owner, sparse: dict[str, dict[str, SparseVector]]) -> None:
        self._call("revector", owner=owner, sparse=sparse)

    def patch_many(self, owner: Owner, patches: list[Patch], *, fence: int | None = None) -> None:
        self._call("patch_many", owner=owner, patches=patches, fence=fence)

    def delete(self, owner: Owner, ids: list[str], *, fence: int | None = None) -> None:
        self._call("delete", owner=owner, ids=ids, fence=fence)

    def search(self, queries: list[Search]) -> list[list[Hit]]:
        return [[wire.hit(row) for row in hits] for hits in self._call("search", queries=queries)]

    def get(self, owner: Owner, ids: list[str], *, vectors: bool = False) -> list[Hit]:
        return [wire.hit(row) for row in self._call("get", owner=owner, ids=ids, vectors=vectors)]

    def scroll(
        self, where: Where, *, limit: int = 1000, cursor: str | None = None, vectors: bool = False
    ) -> tuple[list[Hit], str | None]:
        rows, following = self._call("scroll", where=where, limit=limit, cursor=cursor, vectors=vectors)
        return [wire.hit(row) for row in rows], following

    def in_order(self, where: Where, *, after: int = 0, limit: int = 1000) -> list[Hit]:
        return [wire.hit(row) for row in self._call("in_order", where=where, after=after, limit=limit)]

    def count(self, where: Where) -> int:
        return int(self._call("count", where=where))

    def close(self) -> None:
        """There is nothing to release."""


class TestFake(VectorContract):
    """The contract, over the stand-in that other tests use."""

    @pytest.fixture
    def store(self) -> FakeVectors:
        return FakeVectors()


class TestWire(VectorContract):
    """The contract, with every call and answer as JSON."""

    @pytest.fixture
    def store(self) -> Wired:
        return Wired(FakeVectors())


def test_every_condition_passes_the_wire() -> None:
    store = FakeVectors()
    wired = Wired(store)
    store.upsert(ALICE, [point(1, 5, at=1.0), point(2, 5, at=2.0), point(3, 5)])
    assert wired.count(Where(ALICE, at_most={"at": 1.5})) == 1
    assert wired.count(Where(ALICE, without=(point(1).id,))) == 2


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="'drop'"):
        wire.serve(FakeVectors(), wire.request("drop"))
