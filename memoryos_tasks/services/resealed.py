"""The points of a user under another key."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from memoryos_tasks.core.errors import Busy, Unreadable
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.codec import KeyedCodec
from memoryos_tasks.ports.locks import Locks
from memoryos_tasks.ports.vectors import Hit, Patch, VectorStore, Where

#: Points read and written in one step; between two steps others have the owner's lock.
STEP = 200
#: Seconds to wait for the owner's lock.
LOCK_SECONDS = 5.0


class Points:
    """Seals the texts of points with the key in use, step by step, each under the owner's lock."""

    def __init__(self, vectors: VectorStore, codec: KeyedCodec, locks: Locks) -> None:
        self._vectors = vectors
        self._codec = codec
        self._locks = locks

    def reseal(self, owner: Owner, keys: Collection[bytes]) -> int:
        """Seal what these keys have sealed; how many points. Raises :class:`Busy`."""
        done = 0
        cursor: str | None = None
        while True:
            hits, cursor = self._vectors.scroll(Where(owner), limit=STEP, cursor=cursor)
            stale = [hit.id for hit in hits if self._fresh(owner, hit, keys)]
            if stale:
                done += self._write(owner, stale, keys)
            if cursor is None:
                return done

    def readable(self, owner: Owner) -> tuple[int, int]:
        """How many texts of the owner's points can be read, and how many cannot."""
        good = bad = 0
        cursor: str | None = None
        while True:
            hits, cursor = self._vectors.scroll(Where(owner), limit=STEP, cursor=cursor)
            for _, text in (pair for hit in hits for pair in self._sealed(hit)):
                try:
                    self._codec.open(owner, text)
                    good += 1
                except Unreadable:
                    bad += 1
            if cursor is None:
                return good, bad

    def _write(self, owner: Owner, ids: Collection[str], keys: Collection[bytes]) -> int:
        with self._locks.hold(owner, wait_seconds=LOCK_SECONDS) as held:
            if held is None:
                raise Busy
            now = self._vectors.get(owner, list(ids))
            patches: list[Patch] = [([hit.id], fresh) for hit in now if (fresh := self._fresh(owner, hit, keys))]
            held.check()
            self._vectors.patch_many(owner, patches, fence=held.token)
        return len(patches)

    def _fresh(self, owner: Owner, hit: Hit, keys: Collection[bytes]) -> dict[str, Any]:
        fresh = {}
        for name, text in self._sealed(hit):
            if self._codec.key_of(text) in keys:
                try:
                    fresh[name] = self._codec.seal(owner, self._codec.open(owner, text))
                except Unreadable:
                    continue  # Nobody could read it before either.
        return fresh

    def _sealed(self, hit: Hit) -> list[tuple[str, str]]:
        return [(name, text) for name, text in hit.payload.items()
                if isinstance(text, str) and self._codec.key_of(text) is not None]
