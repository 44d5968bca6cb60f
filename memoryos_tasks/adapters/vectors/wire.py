"""Calls of the vector port as JSON, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.errors import InvalidRequest
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.spaces import SpacedStore
from memoryos_tasks.ports.vectors import Hit, Point, Search, SparseVector, Where


def request(operation: str, space: Space | None = None, **arguments: Any) -> str:
    """One call, within a space if one is named, as JSON; dataclasses become objects."""
    call = {"op": operation, "args": arguments, "space": space}
    return json.dumps(call, default=_plain, ensure_ascii=False)


def serve(store: SpacedStore, body: str) -> str:
    """Make the call on the store; its answer as JSON."""
    call = json.loads(body)
    if call.get("space"):
        store = store.within(_space(call["space"]))
    operation = _OPERATIONS.get(call["op"])
    if operation is None:
        raise InvalidRequest(f"The vector store has no operation {call['op']!r}.", param="op")
    return json.dumps(operation(store, call["args"]), default=_plain, ensure_ascii=False)


def hit(row: Sequence[Any]) -> Hit:
    """A hit out of an answer, where it is a list of its fields."""
    id, payload, score, dense = row
    return Hit(id, payload, score, None if dense is None else tuple(dense))


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return asdict(value)


def _owner(row: Mapping[str, Any]) -> Owner:
    return Owner(row["tenant"], row["user"])


def _space(row: Mapping[str, Any]) -> Space:
    return Space(row["embedder"], row["dimensions"])


def _sparse(row: Mapping[str, Any]) -> SparseVector:
    return SparseVector(tuple(row["indices"]), tuple(row["values"]))


def _point(row: Mapping[str, Any]) -> Point:
    sparse = {name: _sparse(vector) for name, vector in row["sparse"].items()}
    return Point(row["id"], row["payload"], row["dense"], sparse)


def _where(row: Mapping[str, Any]) -> Where:
    return Where(
        _owner(row["owner"]),
        tuple(row["kinds"]),
        tuple(row["sessions"]),
        tuple(row["ids"]),
        row["equals"],
        row["at_most"],
        tuple(row["without"]),
        row["at_least"],
        row["differs"],
        row["among"],
    )


def _search(row: Mapping[str, Any]) -> Search:
    return Search(
        _where(row["where"]),
        row["limit"],
        row["dense"],
        _sparse(row["sparse"]) if row["sparse"] else None,
        row["using"],
        _where(row["corpus"]) if row["corpus"] else None,
    )


_Arguments = Mapping[str, Any]

_OPERATIONS: dict[str, Callable[[SpacedStore, _Arguments], Any]] = {
    "upsert": lambda store, a: store.upsert(
        _owner(a["owner"]), [_point(row) for row in a["points"]], fence=a["fence"]
    ),
    "patch": lambda store, a: store.patch(_owner(a["owner"]), a["ids"], a["payload"], fence=a["fence"]),
    "patch_many": lambda store, a: store.patch_many(_owner(a["owner"]), a["patches"], fence=a["fence"]),
    "revector": lambda store, a: store.revector(
        _owner(a["owner"]),
        {id: {name: _sparse(row) for name, row in named.items()} for id, named in a["sparse"].items()},
    ),
    "delete": lambda store, a: store.delete(_owner(a["owner"]), a["ids"], fence=a.get("fence")),
    "search": lambda store, a: store.search([_search(row) for row in a["queries"]]),
    "get": lambda store, a: store.get(_owner(a["owner"]), a["ids"], vectors=a["vectors"]),
    "scroll": lambda store, a: store.scroll(
        _where(a["where"]), limit=a["limit"], cursor=a["cursor"], vectors=a["vectors"]
    ),
    "in_order": lambda store, a: store.in_order(_where(a["where"]), after=a["after"], limit=a["limit"]),
    "count": lambda store, a: store.count(_where(a["where"])),
    "names": lambda store, a: store.names(),
    "drop_space": lambda store, a: store.drop(a["name"]),
    "lacking": lambda store, a: store.lacking(_space(a["of"]), limit=a["limit"], cursor=a["cursor"]),
    "lacks": lambda store, a: store.lacks(_space(a["of"])),
    "fill": lambda store, a: store.fill(_owner(a["owner"]), _space(a["of"]), a["vectors"]),
}
