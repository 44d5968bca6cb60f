"""A vector store in plain lists and dicts, which keeps the contract; ``down`` makes it unreachable."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from memoryos_tasks.core.errors import VectorsDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vectors import Hit, Point, Search, SparseVector, Where


class FakeVectors:
    """See :class:`memoryos_tasks.ports.vectors.VectorStore`."""

    def __init__(self) -> None:
        self.points: dict[str, tuple[Owner, Point]] = {}
        self.down = False

    def _reach(self) -> None:
        if self.down:
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
                self.points[point.id] = owner, replace(point, payload=payload, dense=dense)

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

    def revector(self, owner: Owner, sparse: Mapping[str, Mapping[str, SparseVector]]) -> None:
        for point in self._own(owner, [*sparse]):
            self.points[point.id] = owner, replace(point, sparse={**point.sparse, **sparse[point.id]})

    def delete(self, owner: Owner, ids: Sequence[str]) -> None:
        for point in self._own(owner, ids):
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
            scored = [(sum(a * b for a, b in zip(asked, one.dense, strict=True)), one)
                      for one in found if one.dense is not None]
        scored.sort(key=lambda pair: -pair[0])
        return [Hit(one.id, one.payload, score) for score, one in scored[: query.limit]]

    def get(self, owner: Owner, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        return [_hit(point, vectors) for point in self._own(owner, ids)]

    def scroll(
        self, where: Where, *, limit: int = 1000, cursor: str | None = None, vectors: bool = False
    ) -> tuple[list[Hit], str | None]:
        found = [point for point in self._matching(where) if cursor is None or point.id >= cursor]
        following = found[limit].id if len(found) > limit else None
        return [_hit(point, vectors) for point in found[:limit]], following

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
        and all(payload.get(key) is not None and payload[key] <= most for key, most in where.at_most.items())
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
