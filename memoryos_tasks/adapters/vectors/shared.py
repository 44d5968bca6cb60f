"""The embedded store, owned by one process of many: this one if it can, through the owner's queue if not."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.errors import VectorsDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.spaces import SpacedStore
from memoryos_tasks.ports.vectors import Hit, Patch, Point, Search, SparseVector, Where

log = structlog.get_logger(__name__)

#: What to do when the store of record belongs to another vector store, for the log.
OTHER_STORE = (
    "if the store of record is up, it belongs to the vectors of another data directory: start this worker with that "
    "MEMORYOS_DATA_DIR, set QDRANT_URL, or leave the queue 'vectors' to its owner (-Q chat,memory,maintenance)"
)


class Delegating(ABC):
    """See :class:`memoryos_tasks.ports.spaces.SpacedStore`; every call goes to ``_store``, asked for anew each time."""

    @property
    @abstractmethod
    def _store(self) -> SpacedStore:
        """Whom the calls go to now."""

    def upsert(self, owner: Owner, points: Sequence[Point], *, fence: int | None = None) -> None:
        self._store.upsert(owner, points, fence=fence)

    def patch(
        self, owner: Owner, ids: Sequence[str], payload: Mapping[str, Any], *, fence: int | None = None
    ) -> None:
        self._store.patch(owner, ids, payload, fence=fence)

    def patch_many(self, owner: Owner, patches: Sequence[Patch], *, fence: int | None = None) -> None:
        self._store.patch_many(owner, patches, fence=fence)

    def revector(self, owner: Owner, sparse: Mapping[str, Mapping[str, SparseVector]]) -> None:
        self._store.revector(owner, sparse)

    def delete(self, owner: Owner, ids: Sequence[str], *, fence: int | None = None) -> None:
        self._store.delete(owner, ids, fence=fence)

    def search(self, queries: Sequence[Search]) -> list[list[Hit]]:
        return self._store.search(queries)

    def get(self, owner: Owner, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        return self._store.get(owner, ids, vectors=vectors)

    def scroll(
        self, where: Where, *, limit: int = 1000, cursor: str | None = None, vectors: bool = False
    ) -> tuple[list[Hit], str | None]:
        return self._store.scroll(where, limit=limit, cursor=cursor, vectors=vectors)

    def in_order(self, where: Where, *, after: int = 0, limit: int = 1000) -> list[Hit]:
        return self._store.in_order(where, after=after, limit=limit)

    def count(self, where: Where) -> int:
        return self._store.count(where)

    def within(self, space: Space) -> SpacedStore:
        return Within(self, space)

    def names(self) -> list[str]:
        return self._store.names()

    def drop(self, name: str) -> None:
        self._store.drop(name)

    def lacking(
        self, space: Space, *, limit: int, cursor: str | None = None
    ) -> tuple[list[tuple[Owner, Hit]], str | None]:
        return self._store.lacking(space, limit=limit, cursor=cursor)

    def lacks(self, space: Space) -> int:
        return self._store.lacks(space)

    def fill(self, owner: Owner, space: Space, vectors: Mapping[str, Sequence[float]]) -> None:
        self._store.fill(owner, space, vectors)

    def close(self) -> None:
        self._store.close()


class Within(Delegating):
    """Another store with the dense vectors of one space. It may change hands meanwhile."""

    def __init__(self, whole: Delegating, space: Space) -> None:
        self._whole = whole
        self._space = space

    @property
    def _store(self) -> SpacedStore:
        return self._whole._store.within(self._space)

    def close(self) -> None:
        self._whole.close()


class SharedStore(Delegating):
    """See :class:`memoryos_tasks.ports.spaces.SpacedStore`; every call goes to whoever owns the store."""

    def __init__(
        self, open_store: Callable[[], EdgeStore], remote: SpacedStore, claim: Callable[[str], bool]
    ) -> None:
        self._open = open_store
        self._claim = claim
        self._remote = remote
        self._owned: EdgeStore | None = None
        self._guard = threading.Lock()

    def try_own(self) -> bool:
        """Become the owner if nobody is; True when this process owns the store now."""
        with self._guard:
            if self._owned is None:
                try:
                    store = self._open()
                except VectorsDown:
                    return False
                # Another directory's store is another memory: a worker on a second machine must not answer from it.
                try:
                    ours = self._claim(store.identity)
                except BaseException:
                    store.close()
                    raise
                if not ours:
                    log.warning("vectors_not_owned", reason="unknown or other store", fix=OTHER_STORE)
                    store.close()
                    return False
                self._owned = store
            return True

    @property
    def owned(self) -> EdgeStore | None:
        """The store itself where this process owns it."""
        return self._owned

    @property
    def _store(self) -> SpacedStore:
        return self._owned or self._remote

    def close(self) -> None:
        with self._guard:
            if self._owned is not None:
                self._owned.close()
                self._owned = None
