"""One shard of the embedded vector store: the Qdrant engine inside this process (``qdrant-edge-py``)."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import qdrant_edge as engine

from memoryos_tasks.adapters.vectors.edge_files import engine_errors
from memoryos_tasks.adapters.vectors.edge_queries import named, requests
from memoryos_tasks.adapters.vectors.edge_schema import DENSE, INDEXED, held, schema
from memoryos_tasks.adapters.vectors.edge_spaces import EdgeSpaces
from memoryos_tasks.adapters.vectors.filters import beyond, known_form, matching, owned
from memoryos_tasks.adapters.vectors.payloads import Kept, Payloads
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vectors import Hit, Patch, Point, Search, SparseVector, Where

#: Points that are copied to another shard in one step.
COPIED = 200
#: Updates between two flushes: what a start after a crash has to replay from the log, at the most.
FLUSH_EVERY = 2000


class Shard(EdgeSpaces):
    """A shard in the folder ``path``, which this process owns alone. Safe to use from many threads, not across a fork.

    The engine locks itself and keeps Python's global lock during its calls; writes that first look and then
    act are serialised here. An update is in the engine's log (a mapped file) when the call returns, and so
    survives the death of the process. Raises :class:`VectorsDown` when the engine fails, :class:`ConfigError` when
    the folder holds vectors of another size.

    ``dimensions`` are those of the vectors named ``DENSE``; other embedders' vectors have names of their own, and
    views of the shard made by :meth:`within`.
    """

    def __init__(self, path: Path, dimensions: int) -> None:
        self._path = path
        self._dimensions = dimensions
        self._dense = DENSE
        self._views: dict[str, Shard] = {}
        self._writing = threading.RLock()
        self._unflushed = 0
        self._payloads = Payloads(self._read)
        self._closed = False
        with engine_errors("open"):
            self._shard = self._open()

    def _open(self) -> engine.EdgeShard:
        folder = self._path
        settings = folder / "edge_config.json"
        if settings.exists():
            # Gone when another embedder has taken over.
            stored = json.loads(settings.read_text())["vectors"].get(DENSE, {}).get("size", self._dimensions)
            if stored != self._dimensions:
                raise ConfigError(
                    f"{folder} holds vectors of {stored} numbers, but the embedder makes {self._dimensions}: "
                    "use the embedder that wrote it, or an empty data directory",
                    param="embedding.provider",
                )
            shard = engine.EdgeShard.load(str(folder), held())
        else:
            folder.mkdir(exist_ok=True)
            shard = engine.EdgeShard.create(str(folder), schema(self._dimensions))
        # Those that are there already cost nothing; a store of an older version gets those it lacks.
        index = engine.UpdateOperation.create_field_index
        for field, indexed in INDEXED.items():
            shard.update(index(field, indexed))
        return shard

    @property
    def size(self) -> int:
        """How many points there are, of everybody."""
        with engine_errors("count"):
            return int(self._shard.count(engine.CountRequest(exact=False)))

    def knows(self, owner: Owner) -> bool:
        """Whether there is a point of the owner."""
        request = engine.ScrollRequest(limit=1, filter=owned(owner), with_payload=False, with_vector=False)
        with engine_errors("read"):
            return bool(self._shard.scroll(request)[0])

    def owners(self, *, most: int) -> list[Owner]:
        """Some owners of points here: those of the first ``most`` points by id, which is at random."""
        request = engine.ScrollRequest(limit=most, with_payload=True, with_vector=False)
        with engine_errors("read"):
            records, _ = self._shard.scroll(request)
        payloads = [record.payload or {} for record in records]
        return [*dict.fromkeys(Owner(payload["tenant"], payload["user"]) for payload in payloads)]

    def copy(self, owner: Owner, source: Shard) -> None:
        """Take the owner's points over from another shard, as they are there."""
        for name, dimensions in source.spaces().items():
            self.make_room(name, dimensions)
        after = None
        while True:
            request = engine.ScrollRequest(
                offset=after, limit=COPIED, filter=owned(owner), with_payload=True, with_vector=True
            )
            with source._writing, engine_errors("read"):
                records, after = source._shard.scroll(request)
            if records:
                points = [engine.Point(record.id, record.vector or {}, record.payload) for record in records]
                self._update(engine.UpdateOperation.upsert_points(points), [str(record.id) for record in records])
            if after is None:
                return

    def clear(self, owner: Owner) -> None:
        """Remove all points of the owner."""
        with self._writing, engine_errors("write"):
            self._shard.update(engine.UpdateOperation.delete_points_by_filter(owned(owner)))
            self._payloads.drop()

    def flush(self) -> None:
        """Write all to disk."""
        with self._writing, engine_errors("write"):
            self._shard.flush()
            self._unflushed = 0

    def upsert(self, owner: Owner, points: Sequence[Point], *, fence: int | None = None) -> None:
        # The condition keeps a point as it is that is another owner's, or written under a newer lock.
        stored = [self._stored(owner, point, fence) for point in points]
        write = engine.UpdateOperation.upsert_points(stored, owned(owner, fence=fence))
        self._update(write, [point.id for point in points])

    def _stored(self, owner: Owner, point: Point, fence: int | None) -> engine.Point:
        vectors = named(point.sparse)
        if point.dense is not None:
            self._fits(point.dense)
            vectors[self._dense] = list(point.dense)
        payload = {**point.payload, "tenant": owner.tenant, "user": owner.user}
        return engine.Point(point.id, vectors, payload if fence is None else {**payload, "fence": fence})

    def _fits(self, dense: Sequence[float]) -> None:
        if len(dense) != self._dimensions:
            message = f"a vector of {len(dense)} numbers does not fit a store of {self._dimensions}"
            raise ConfigError(message, param="embedding.provider")

    def patch(
        self, owner: Owner, ids: Sequence[str], payload: Mapping[str, Any], *, fence: int | None = None
    ) -> None:
        fields = {name: value for name, value in payload.items() if name not in ("tenant", "user")}
        if fence is not None:
            fields["fence"] = fence
        if fields:
            self._update(engine.UpdateOperation.set_payload_by_filter(owned(owner, ids, fence), fields), ids)

    def patch_many(self, owner: Owner, patches: Sequence[Patch], *, fence: int | None = None) -> None:
        for ids, payload in patches:
            self.patch(owner, ids, payload, fence=fence)

    def revector(self, owner: Owner, sparse: Mapping[str, Mapping[str, SparseVector]]) -> None:
        with self._writing:
            there = [hit.id for hit in self.get(owner, [*sparse])]  # the engine refuses to change what is not
            if there:
                vectors = [engine.PointVectors(id, named(sparse[id])) for id in there]
                self._update(engine.UpdateOperation.update_vectors(vectors, owned(owner)), there)

    def delete(self, owner: Owner, ids: Sequence[str], *, fence: int | None = None) -> None:
        self._update(engine.UpdateOperation.delete_points_by_filter(owned(owner, ids, fence)), ids)

    def search(self, queries: Sequence[Search]) -> list[list[Hit]]:
        for query in queries:
            if query.dense is not None:
                self._fits(query.dense)
        asked = requests(queries, self._dense)
        found: list[list[Hit]] = [[] for _ in queries]
        if not asked:
            return found
        with engine_errors("search"):
            answers = self._shard.query_batch(engine.QueryBatchRequest(list(asked.values())))
            # Each access of a point's id makes a UUID, and lists overlap: ids are read once a point, payloads once
            # an id.
            ids: dict[int, UUID] = {}
            listed: list[list[tuple[int, float]]] = []
            for answer in answers:
                listed.append(rows := [])
                for point in answer:
                    id: Any = point.id  # a UUID, as all of ours are
                    ids[number := id.int] = id
                    rows.append((number, point.score))
            known = self._payloads.get(ids)
        for at, rows in zip(asked, listed, strict=True):
            # What was deleted meanwhile has no payload any more.
            found[at] = [Hit(*known[number], score) for number, score in rows if number in known]
        return found

    def _read(self, ids: Sequence[UUID]) -> dict[int, Kept]:
        records: Sequence[Any] = self._shard.retrieve([*ids], True, False)
        return {(id := record.id).int: (str(id), record.payload or {}) for record in records}

    def get(self, owner: Owner, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        with engine_errors("read"):
            records = self._shard.retrieve([*known_form(ids)], True, [self._dense] if vectors else False)
        found = {hit.id: hit for record in records if _is_of(owner, hit := _hit(record, self._dense))}
        return [found[id] for id in dict.fromkeys(ids) if id in found]

    def scroll(
        self, where: Where, *, limit: int = 1000, cursor: str | None = None, vectors: bool = False
    ) -> tuple[list[Hit], str | None]:
        request = engine.ScrollRequest(
            offset=cursor,
            limit=limit,
            filter=matching(where),
            with_payload=True,
            with_vector=[self._dense] if vectors else False,
        )
        with engine_errors("read"):
            records, after = self._shard.scroll(request)
        return [_hit(record, self._dense) for record in records], None if after is None else str(after)

    def in_order(self, where: Where, *, after: int = 0, limit: int = 1000) -> list[Hit]:
        request = engine.ScrollRequest(
            limit=limit,
            filter=engine.Filter(must=[matching(where), beyond("seq", after)]),
            with_payload=True,
            with_vector=False,
            order_by=engine.OrderBy("seq"),
        )
        with engine_errors("read"):
            records, _ = self._shard.scroll(request)
        return [_hit(record, self._dense) for record in records]

    def count(self, where: Where) -> int:
        with engine_errors("count"):
            return int(self._shard.count(engine.CountRequest(exact=True, filter=matching(where))))

    def optimize(self) -> bool:
        """Merge, vacuum and index segments and write all to disk; True when there was something to do.

        Belongs into maintenance, often: mostly it takes milliseconds, but while segments are merged the whole
        process stands still, for seconds, and the longer the more was left to do.
        """
        with engine_errors("optimize"):
            changed = bool(self._shard.optimize())
            self._shard.flush()
        return changed

    def close(self) -> None:
        with self._writing:
            if self._closed:
                return
            self._closed = True
            with engine_errors("close"):
                self._shard.flush()
                self._shard.close()

    def _update(self, operation: engine.UpdateOperation, ids: Sequence[str]) -> None:
        with self._writing, engine_errors("write"):
            try:
                self._shard.update(operation)
            finally:
                self._payloads.changed(known_form(ids))
            self._unflushed += len(ids)
            if self._unflushed >= FLUSH_EVERY:
                self._shard.flush()
                self._unflushed = 0


def _hit(point: Any, name: str) -> Hit:
    dense = point.vector[name] if point.vector and name in point.vector else None
    return Hit(str(point.id), point.payload or {}, 0.0, None if dense is None else tuple(dense))


def _is_of(owner: Owner, hit: Hit) -> bool:
    return hit.payload.get("tenant") == owner.tenant and hit.payload.get("user") == owner.user
