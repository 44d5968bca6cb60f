"""A vector store in plain lists and dicts, which keeps the contract; ``down`` makes it unreachable."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.errors import VectorsDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vectors import Hit, Patch, Point, Search, SparseVector, Where


class FakeVectors:
    """See :class:`memoryos_tasks.ports.vectors.VectorStore`."""

    def __init__(self) -> None:
        self.points: dict[str, tuple[Owner, Point]] = {}
        self.down = False
        #: The vectors of other embedders, by the name of their space and id.
        self.others: dict[str, dict[str, tuple[float, ...]]] = {}
        self._whole = self
        self._name = ""

    def within(self, space: Space) -> FakeVectors:
        view = FakeVectors()
        view.points, view.others, view._whole, view._name = self.points, self.others, self._whole, space.vector
        self.others.setdefault(space.vector, {})
        return view

    def names(self) -> list[str]:
        return sorted(self.others)

    def drop(self, name: str) -> None:
        self.others.pop(name, None)

    def _lacking(self, space: Space) -> list[tuple[Owner, Hit]]:
        self._reach()
        has = self.others.setdefault(space.vector, {})
        return [(owner, _hit(point, False)) for id, (owner, point) in sorted(self.points.items()) if id not in has]

    def lacking(
        self, space: Space, *, limit: int, cursor: str | None = None
    ) -> tuple[list[tuple[Owner, Hit]], str | None]:
        rows = [row for row in self._lacking(space) if cursor is None or row[1].id >= cursor]
        return rows[:limit], rows[limit][1].id if len(rows) > limit else None

    def lacks(self, space: Space) -> int:
        return len(self._lacking(space))

    def fill(self, owner: Owner, space: Space, vectors: Mapping[str, Sequence[float]]) -> None:
        there = self.others.setdefault(space.vector, {})
        for point in self._own(owner, [*vectors]):
            there.setdefault(point.id, _unit(vectors[point.id]))

    def _dense(self, point: Point) -> Sequence[float] | None:
        return self.others.get(self._name, {}).get(point.id) if self._name else point.dense

    def _reach(self) -> None:
        if self._whole.down:
            raise VectorsDown

    def _own(self, owner: Owner, ids: Sequence[str]) -> list[Point]:
        self._reach()
        return [self.points[id][1] for id in ids if id in self.points and self.points[id][0] == owner]

    def upsert(self, owner: Owner, points: Sequence[Point], *, fence: int | None = None) -> None:
        self._reach()
        for point in points:
            UUID(point.id)
            if self.points.get(point.id, (owner,))[0] == owner and not self._newer(point.id, fence):
                dense = _unit(point.dense) if point.dense is not None else None
                payload = dict(point.payload) if fence is None else {**point.payload, "fence": fence}
                for vectors in self.others.values():
                    vectors.pop(point.id, None)
                if self._name and dense is not None:
                    self.others.setdefault(self._name, {})[point.id] = dense
                self.points[point.id] = owner, replace(point, payload=payload, dense=None if self._name else dense)

    def in_order(self, where: Where, *, after: int = 0, limit: int = 1000) -> list[Hit]:
        found = [point for point in self._matching(where) if point.payload.get("seq", 0) > after]
        return [_hit(point, False) for point in sorted(found, key=lambda point: point.payload["seq"])[:limit]]

    def _newer(self, id: str, fence: int | None) -> bool:
        """Whether a larger token has written the point."""
        stored = self.points[id][1].payload.get("fence") if id in self.points else None
        return fence is not None and stored is not None and stored > fence

    def patch(
        self, owner: Owner, ids: Sequence[str], payload: Mapping[str, Any], *, fence: int | None = None
    ) -> None:
        fields = payload if fence is None else {**payload, "fence": fence}
        for point in self._own(owner, ids):
            if not self._newer(point.id, fence):
                self.points[point.id] = owner, replace(point, payload={**point.payload, **fields})

    def patch_many(self, owner: Owner, patches: Sequence[Patch], *, fence: int | None = None) -> None:
        for ids, payload in patches:
            self.patch(owner, ids, payload, fence=fence)

    def revector(self, owner: Owner, sparse: Mapping[str, Mapping[str, SparseVector]]) -> None:
        for point in self._own(owner, [*sparse]):
            self.points[point.id] = owner, replace(point, sparse={**point.sparse, **sparse[point.id]})

    def delete(self, owner: Owner, ids: Sequence[str], *, fence: int | None = None) -> None:
        for point in self._own(owner, ids):
            if not self._newer(point.id, fence):
                del self.points[point.id]

    def search(self, queries: Sequence[Search]) -> list[list[Hit]]:
        self._reach()
        return [self._one(query) for query in queries]

    def _one(self, query: Search) -> list[Hit]:
        found = self._matching(query.where)
        if query.sparse is not None:
            corpus = self._matching(query.corpus or query.where)
            weights = _idf(query.sparse, [_terms(one, query.using) for one in corpus])
            scores = [sum(weights.get(term, 0.0) * value for term, value in _terms(one, query.using).items())
                      for one in found]
            scored = [(score, one) for score, one in zip(scores, found, strict=True) if score > 0]
        else:
            asked = _unit(query.dense or ())
            scored = [(sum(a * b for a, b in zip(asked, dense, strict=True)), one)
                      for one in found if (dense := self._dense(one)) is not None]
        scored.sort(key=lambda pair: -pair[0])
        return [Hit(one.id, one.payload, score) for score, one in scored[: query.limit]]

    def get(self, owner: Owner, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        found = {point.id: point for point in self._own(owner, ids)}
        return [_hit(point, False)._replace(dense=self._told(point, vectors)) for point in found.values()]

    def scroll(
        self, where: Where, *, limit: int = 1000, cursor: str | None = None, vectors: bool = False
    ) -> tuple[list[Hit], str | None]:
        found = [point for point in self._matching(where) if cursor is None or point.id >= cursor]
        following = found[limit].id if len(found) > limit else None
        return [_hit(point, False)._replace(dense=self._told(point, vectors)) for point in found[:limit]], following

    def _told(self, point: Point, vectors: bool) -> tuple[float, ...] | None:
        dense = self._dense(point) if vectors else None
        return None if dense is None else tuple(dense)

    def count(self, where: Where) -> int:
        return len(self._matching(where))

    def close(self) -> None:
        """There is nothing to release."""

    def _matching(self, where: Where) -> list[Point]:
        self._reach()
        mine = [point for _, (owner, point) in sorted(self.points.items()) if owner == where.owner]
        return [point for point in mine if _meets(point, where)]


def _meets(point: Point, where: Where) -> bool:
    payload = point.payload
    return (
        (not where.kinds or payload.get("kind") in where.kinds)
        and (not where.sessions or payload.get("session") in where.sessions)
        and (not where.ids or point.id in where.ids)
        and point.id not in where.without
        and all(type(payload.get(key)) is type(value) and payload.get(key) == value
                for key, value in where.equals.items())
        and all(payload.get(key) in values for key, values in where.among.items())
        and all(payload.get(key) is not None and payload[key] <= most for key, most in where.at_most.items())
        and all(payload.get(key) is not None and payload[key] >= least for key, least in where.at_least.items())
        and all(payload.get(key) != value for key, value in where.differs.items())
    )


def _terms(point: Point, using: str) -> dict[int, float]:
    vector = point.sparse.get(using)
    return dict(zip(vector.indices, vector.values, strict=True)) if vector is not None else {}


def _idf(asked: SparseVector, corpus: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """The asked terms by their weight in this corpus, as BM25 has it."""
    weights = {}
    for term, value in zip(asked.indices, asked.values, strict=True):
        holds = sum(term in terms for terms in corpus)
        weights[term] = value * math.log((len(corpus) - holds + 0.5) / (holds + 0.5) + 1)
    return weights


def _unit(vector: Sequence[float]) -> tuple[float, ...]:
    norm = math.hypot(*vector)
    return tuple(value / norm for value in vector) if norm else tuple(vector)


def _hit(point: Point, vectors: bool) -> Hit:
    dense = tuple(point.dense) if vectors and point.dense is not None else None
    return Hit(point.id, point.payload, 0.0, dense)
