"""Searches in the engine's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import qdrant_edge as engine

from memoryos_tasks.adapters.vectors.filters import built_once, matching
from memoryos_tasks.ports.vectors import Search, SparseVector


def requests(queries: Sequence[Search], dense: str) -> dict[int, engine.QueryRequest]:
    """The requests of a batch by the places of their queries; a query without words asks for nothing.

    ``dense`` names the vectors that dense queries are compared with. What queries share is built once.
    """

    def nearest(vector: Sequence[float]) -> Any:
        return engine.Query.Nearest(list(vector), using=dense)

    matched, near, words = built_once(matching), built_once(nearest), built_once(sparse_vector)
    found: dict[int, engine.QueryRequest] = {}
    for at, query in enumerate(queries):
        where = matched(query.where)
        if query.dense is not None:
            found[at] = engine.QueryRequest(query.limit, query=near(query.dense), filter=where)
        elif query.sparse is not None and query.sparse.indices:
            corpus = where if query.corpus is None else matched(query.corpus)
            found[at] = engine.QueryRequest(
                query.limit,
                query=engine.Query.Nearest(words(query.sparse), using=query.using),
                filter=where,
                params=engine.SearchParams(idf=engine.IdfParams(corpus=corpus)),
            )
    return found


def sparse_vector(vector: SparseVector) -> engine.SparseVector:
    """Term weights as the engine takes them."""
    return engine.SparseVector(list(vector.indices), list(vector.values))


def named(vectors: Mapping[str, SparseVector]) -> dict[str, Any]:
    """Sparse vectors by their names."""
    return {name: sparse_vector(vector) for name, vector in vectors.items()}
