"""A shard's vector spaces: named vectors, made and dropped while it serves."""

from __future__ import annotations

import copy
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import qdrant_edge as engine

from memoryos_tasks.adapters.vectors.edge_files import engine_errors
from memoryos_tasks.adapters.vectors.filters import lacking_vector, owned
from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vectors import Hit


class EdgeSpaces(ABC):
    """See :class:`memoryos_tasks.ports.spaces.Spaces`; the part of the store that works across owners."""

    _path: Path
    _shard: engine.EdgeShard
    _writing: threading.RLock
    _dense: str
    _dimensions: int
    _views: dict[str, Self]

    @abstractmethod
    def _update(self, operation: engine.UpdateOperation, ids: Sequence[str]) -> None:
        """Make a change to these points."""

    def within(self, space: Space) -> Self:
        known = self._views.get(space.vector)
        if known is not None:
            return known
        with self._writing:
            if space.vector not in self._views:
                self.make_room(space.vector, space.dimensions)
                view = copy.copy(self)  # The shard, its lock and what is cached stay shared.
                view._dense, view._dimensions = space.vector, space.dimensions
                self._views[space.vector] = view
            return self._views[space.vector]

    def make_room(self, name: str, dimensions: int) -> None:
        """Room for vectors of this name; those that are there stay."""
        with engine_errors("make room for an embedder's vectors"):
            make = engine.UpdateOperation.create_dense_vector
            self._shard.update(make(name, dimensions, engine.Distance.Cosine))

    def spaces(self) -> dict[str, int]:
        """The names of the dense vectors that there is room for, and how many numbers they have."""
        vectors = json.loads((self._path / "edge_config.json").read_text())["vectors"]
        return {name: int(vector["size"]) for name, vector in vectors.items()}

    def names(self) -> list[str]:
        return sorted(self.spaces())

    def drop(self, name: str) -> None:
        with self._writing, engine_errors("drop an embedder's vectors"):
            self._views.pop(name, None)
            self._shard.update(engine.UpdateOperation.delete_vector_name(name))

    def lacking(
        self, space: Space, *, limit: int, cursor: str | None = None
    ) -> tuple[list[tuple[Owner, Hit]], str | None]:
        self.within(space)
        request = engine.ScrollRequest(
            offset=cursor, limit=limit, filter=lacking_vector(space.vector), with_payload=True, with_vector=False
        )
        with engine_errors("read"):
            records, after = self._shard.scroll(request)
        rows = [(record.payload or {}, str(record.id)) for record in records]
        found = [(Owner(payload["tenant"], payload["user"]), Hit(id, payload)) for payload, id in rows]
        return found, None if after is None else str(after)

    def lacks(self, space: Space) -> int:
        self.within(space)
        with engine_errors("count"):
            return int(self._shard.count(engine.CountRequest(exact=True, filter=lacking_vector(space.vector))))

    def fill(self, owner: Owner, space: Space, vectors: Mapping[str, Sequence[float]]) -> None:
        self.within(space)
        points = [engine.PointVectors(id, {space.vector: list(vector)}) for id, vector in vectors.items()]
        with self._writing:
            records: list[Any] = []
            with engine_errors("read"):
                records = self._shard.retrieve([*vectors], False, False)
            there = {str(record.id) for record in records}  # the engine refuses to change what is not
            points = [one for id, one in zip(vectors, points, strict=True) if id in there]
            if points:
                still = engine.Filter(must=[owned(owner), lacking_vector(space.vector)])
                self._update(engine.UpdateOperation.update_vectors(points, still), sorted(there))
