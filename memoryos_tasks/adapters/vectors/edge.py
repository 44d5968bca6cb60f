"""The embedded vector store: shards of the Qdrant engine inside this process, each with the points of many owners."""

from __future__ import annotations

import copy
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from memoryos_tasks.adapters.vectors.edge_files import identity, take
from memoryos_tasks.adapters.vectors.edge_moves import Moves
from memoryos_tasks.adapters.vectors.edge_schema import DENSE
from memoryos_tasks.adapters.vectors.edge_shard import Shard
from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.errors import VectorsDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vectors import Hit, Patch, Point, Search, SparseVector, Where

#: Points that a shard has room for: new owners get another one then, and at twice as many some owners move to it. A
#: search is one owner's and so one shard's: this is what it costs at the most, however much the others store.
SHARD_POINTS = 32_000
#: Owners whose shard is remembered; another's is looked for, in a tenth of a millisecond a shard.
MOST_PLACED = 200_000
#: Points, about, of the owners that move together and whose calls wait meanwhile; seconds of moving in one upkeep.
MOVED, MOVING_SECONDS = 1_000, 2.0
#: Locks that the owners share.
GATES = 256


class EdgeStore:
    """A store in the folder ``path`` that this process owns alone. Safe to use from many threads, not across a fork.

    All points of an owner are in one shard; which one, the points themselves tell. Raises :class:`VectorsDown` when
    another process owns the folder or the engine fails, :class:`ConfigError` when it holds vectors of another size.
    ``dimensions`` are those of the default embedder's vectors.
    """

    def __init__(self, path: str | Path, dimensions: int, *, shard_points: int = SHARD_POINTS) -> None:
        self._path = Path(path)
        self._dimensions = dimensions
        self._most = shard_points
        self._space: Space | None = None
        self._placed: OrderedDict[Owner, Shard] = OrderedDict()
        self._placing = threading.Lock()
        #: Held during each call of an owner: one that moves is not read or written meanwhile. The engine keeps
        #: Python's global lock while it works, so nobody loses by waiting here instead.
        self._gates = [threading.Lock() for _ in range(GATES)]
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        #: The locked file's descriptor, until it is closed.
        self._held = [take(self._path / "owner.lock")]
        #: Names this store among those of other directories.
        self.identity = identity(self._path / "identity")
        self._shards: list[Shard] = []
        try:
            while not self._shards or self._folder(len(self._shards)).exists():
                self._shards.append(Shard(self._folder(len(self._shards)), dimensions))
            self._moves = Moves(self._path / "moving.json", self._shards)
            self._moves.recover()
        except BaseException:
            self.close()
            raise

    def _folder(self, number: int) -> Path:
        return self._path / (f"shard-{number}" if number else "shard")

    # The calls of :class:`memoryos_tasks.ports.vectors.VectorStore`.

    def upsert(self, owner: Owner, points: Sequence[Point], *, fence: int | None = None) -> None:
        with self._at_home(owner) as shard:
            shard.upsert(owner, points, fence=fence)

    def patch(
        self, owner: Owner, ids: Sequence[str], payload: Mapping[str, Any], *, fence: int | None = None
    ) -> None:
        with self._at_home(owner) as shard:
            shard.patch(owner, ids, payload, fence=fence)

    def patch_many(self, owner: Owner, patches: Sequence[Patch], *, fence: int | None = None) -> None:
        with self._at_home(owner) as shard:
            shard.patch_many(owner, patches, fence=fence)

    def revector(self, owner: Owner, sparse: Mapping[str, Mapping[str, SparseVector]]) -> None:
        with self._at_home(owner) as shard:
            shard.revector(owner, sparse)

    def delete(self, owner: Owner, ids: Sequence[str], *, fence: int | None = None) -> None:
        with self._at_home(owner) as shard:
            shard.delete(owner, ids, fence=fence)

    def search(self, queries: Sequence[Search]) -> list[list[Hit]]:
        owners = {query.where.owner for query in queries}
        if len(owners) > 1:
            return [self.search([query])[0] for query in queries]
        if not owners:
            return []
        with self._at_home(owners.pop()) as shard:
            return shard.search(queries)

    def get(self, owner: Owner, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        with self._at_home(owner) as shard:
            return shard.get(owner, ids, vectors=vectors)

    def scroll(
        self, where: Where, *, limit: int = 1000, cursor: str | None = None, vectors: bool = False
    ) -> tuple[list[Hit], str | None]:
        with self._at_home(where.owner) as shard:
            return shard.scroll(where, limit=limit, cursor=cursor, vectors=vectors)

    def in_order(self, where: Where, *, after: int = 0, limit: int = 1000) -> list[Hit]:
        with self._at_home(where.owner) as shard:
            return shard.in_order(where, after=after, limit=limit)

    def count(self, where: Where) -> int:
        with self._at_home(where.owner) as shard:
            return shard.count(where)

    # The calls of :class:`memoryos_tasks.ports.spaces.Spaces`.

    def within(self, space: Space) -> Self:
        for shard in self._shards:
            shard.within(space)
        view = copy.copy(self)  # The shards, their owners and the lock stay shared.
        view._space = space
        return view

    def names(self) -> list[str]:
        return sorted({name for shard in self._shards for name in shard.names()})

    def drop(self, name: str) -> None:
        with self._placing:
            for shard in self._shards:
                if name in shard.names():
                    shard.drop(name)

    def lacking(
        self, space: Space, *, limit: int, cursor: str | None = None
    ) -> tuple[list[tuple[Owner, Hit]], str | None]:
        number, _, after = (cursor or "0:").partition(":")
        found, rest = self._shards[int(number)].lacking(space, limit=limit, cursor=after or None)
        if rest is not None:
            return found, f"{number}:{rest}"
        return found, f"{int(number) + 1}:" if int(number) + 1 < len(self._shards) else None

    def lacks(self, space: Space) -> int:
        return sum(shard.lacks(space) for shard in self._shards)

    def fill(self, owner: Owner, space: Space, vectors: Mapping[str, Sequence[float]]) -> None:
        with self._at_home(owner) as shard:
            shard.fill(owner, space, vectors)

    def optimize(self) -> bool:
        """Even the shards out, merge, vacuum and index segments and write all to disk; True when there was something to
        do.

        Belongs into maintenance, often: mostly it takes milliseconds, but while segments are merged the whole
        process stands still, for seconds, and the longer the more was left to do.
        """
        moved = self._even_out(time.monotonic() + MOVING_SECONDS)
        changed = [shard.optimize() for shard in [*self._shards]]
        return moved or any(changed)

    def _even_out(self, end: float) -> bool:
        """Move owners out of shards that hold too much, until ``end``."""
        moved = False
        for source, shard in enumerate([*self._shards]):
            if shard.size < 2 * self._most:
                continue
            while shard.size > self._most and time.monotonic() < end:
                with self._placing:
                    target = self._shards.index(self._roomy())
                owners = self._movable(shard)
                if not owners:
                    break
                self._move(owners, source, target)
                moved = True
        return moved

    def _movable(self, shard: Shard) -> list[Owner]:
        """Owners, at random, who move together; one who has half a shard's points or more stays."""
        found: list[Owner] = []
        points, most = 0, min(MOVED, shard.size - self._most)
        for owner in shard.owners(most=MOVED):
            size = shard.count(Where(owner))
            if size < self._most // 2 and (not found or points + size <= most):
                found.append(owner)
                points += size
            if points >= most:
                break
        return found

    def _move(self, owners: Sequence[Owner], source: int, target: int) -> None:
        with ExitStack() as closed:
            for gate in sorted({self._gate(owner) for owner in owners}):
                closed.enter_context(self._gates[gate])
            self._moves.move(owners, source, target)
            self._placed.update(dict.fromkeys(owners, self._shards[target]))

    def close(self) -> None:
        """Flush and release all."""
        with self._placing:
            if not self._held:
                return
            try:
                for shard in self._shards:
                    shard.close()
            finally:
                os.close(self._held.pop())

    def _gate(self, owner: Owner) -> int:
        return hash(owner) % GATES

    @contextmanager
    def _at_home(self, owner: Owner) -> Iterator[Shard]:
        """The shard of the owner's points, within this view's space; a new owner gets one with room."""
        with self._gates[self._gate(owner)]:
            shard = self._placed.get(owner)
            if shard is None:
                with self._placing:
                    shard = self._place(owner)
            yield shard if self._space is None else shard.within(self._space)

    def _place(self, owner: Owner) -> Shard:
        if not self._held:
            raise VectorsDown("The embedded vector store is closed.")
        shard = next((one for one in self._shards if one.knows(owner)), None) or self._roomy()
        self._placed[owner] = shard
        while len(self._placed) > MOST_PLACED:
            self._placed.popitem(last=False)
        return shard

    def _roomy(self) -> Shard:
        """The emptiest shard, or one more when all are full."""
        emptiest = min(self._shards, key=lambda shard: shard.size)
        if emptiest.size < self._most:
            return emptiest
        fresh = Shard(self._folder(len(self._shards)), self._dimensions)
        for name, dimensions in emptiest.spaces().items():
            fresh.make_room(name, dimensions)
        if DENSE not in emptiest.spaces():
            fresh.drop(DENSE)
        self._shards.append(fresh)
        return fresh
