"""Vector spaces on a Qdrant server: named vectors of the one collection, made and dropped while it serves."""

from __future__ import annotations

import copy
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Self

from qdrant_client import QdrantClient, models

from memoryos_tasks.adapters.vectors.qdrant_filters import lacking_vector, owned
from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vectors import Hit


class QdrantSpaces(ABC):
    """See :class:`memoryos_tasks.ports.spaces.Spaces`; the part of the store that works across owners."""

    _client: QdrantClient
    _collection: str
    _timeout: int
    _dense: str
    _dimensions: int
    _preparing: threading.Lock
    _view: bool
    _prepared: bool
    _views: dict[str, Self]

    @abstractmethod
    def _calls(self, doing: str) -> AbstractContextManager[None]:
        """Calls of the server, whose errors become ours."""

    @abstractmethod
    def _update(self, *operations: models.UpdateOperation) -> None:
        """Make changes to points."""

    def within(self, space: Space) -> Self:
        known = self._views.get(space.vector)
        if known is not None:
            return known
        # Made at the view's first call, since nothing here may reach for the server yet.
        with self._preparing:
            if space.vector not in self._views:
                view = copy.copy(self)  # The client and what is known of the server stay shared.
                view._dense, view._dimensions = space.vector, space.dimensions
                view._view, view._prepared = True, False
                self._views[space.vector] = view
            return self._views[space.vector]

    def _make(self) -> None:
        """Make this view's space where it is missing; the collection is there."""
        if self._view:
            config = models.DenseVectorConfig(size=self._dimensions, distance=models.Distance.COSINE)
            self._client.create_vector_name(
                self._collection, self._dense, models.DenseVectorNameConfig(dense=config), timeout=self._timeout
            )

    def names(self) -> list[str]:
        with self._calls("read"):
            vectors = self._client.get_collection(self._collection).config.params.vectors
        return sorted(vectors) if isinstance(vectors, dict) else []

    def drop(self, name: str) -> None:
        with self._preparing:
            self._views.pop(name, None)
        with self._calls("drop an embedder's vectors"):
            self._client.delete_vector_name(self._collection, name, timeout=self._timeout)

    def lacking(
        self, space: Space, *, limit: int, cursor: str | None = None
    ) -> tuple[list[tuple[Owner, Hit]], str | None]:
        with self.within(space)._calls("read"):
            records, after = self._client.scroll(
                self._collection,
                scroll_filter=lacking_vector(space.vector),
                limit=limit,
                offset=cursor,
                with_payload=True,
                with_vectors=False,
                timeout=self._timeout,
            )
        rows = [(record.payload or {}, str(record.id)) for record in records]
        found = [(Owner(payload["tenant"], payload["user"]), Hit(id, payload)) for payload, id in rows]
        return found, None if after is None else str(after)

    def lacks(self, space: Space) -> int:
        with self.within(space)._calls("count"):
            return self._client.count(
                self._collection, count_filter=lacking_vector(space.vector), exact=True, timeout=self._timeout
            ).count

    def fill(self, owner: Owner, space: Space, vectors: Mapping[str, Sequence[float]]) -> None:
        with self.within(space)._calls("read"):
            wanted = owned(owner, vectors)
            records, _ = self._client.scroll(
                self._collection, scroll_filter=wanted, limit=max(len(vectors), 1), timeout=self._timeout
            )
        there = {str(record.id) for record in records}  # the server refuses to change what is not
        points = [
            models.PointVectors(id=id, vector={space.vector: list(vector)})
            for id, vector in vectors.items() if id in there
        ]
        if points:
            still = models.Filter(must=[owned(owner), lacking_vector(space.vector)])
            self._update(models.UpdateVectorsOperation(
                update_vectors=models.UpdateVectors(points=points, update_filter=still)
            ))
