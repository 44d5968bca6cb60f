"""Vectors on a Qdrant server or cluster, which any number of processes may use at once."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from memoryos_tasks.adapters.vectors.filters import built_once, known_form
from memoryos_tasks.adapters.vectors.qdrant_collection import DENSE, prepare
from memoryos_tasks.adapters.vectors.qdrant_filters import beyond, matching, owned
from memoryos_tasks.adapters.vectors.qdrant_spaces import QdrantSpaces
from memoryos_tasks.core.errors import ConfigError, VectorsDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vectors import Hit, Patch, Point, Search, SparseVector, Where


def connect(url: str, timeout: float, *, api_key: str = "") -> QdrantClient:
    """A client of the server at ``url``; it connects on its first call. ``timeout`` counts in whole seconds, up."""
    # The version is checked on first use, in the caller's thread, and not by a thread that only warns.
    return QdrantClient(url=url, api_key=api_key or None, timeout=math.ceil(timeout), check_compatibility=False)


#: Seconds for which a server that just failed is not asked again.
REFUSED_SECONDS = 0.5


class QdrantStore(QdrantSpaces):
    """See :class:`memoryos_tasks.ports.vectors.VectorStore`. Safe to use from many threads, not across a fork.

    The collection is made by the first call. Any call raises :class:`VectorsDown` when the server fails or does
    not answer within ``timeout`` seconds (rounded up), and :class:`ConfigError` when it cannot serve MemoryOS.
    """

    def __init__(
        self, client: QdrantClient, dimensions: int, *, collection: str = "memoryos", timeout: float
    ) -> None:
        self._client = client
        self._dimensions = dimensions
        self._whole_dimensions = dimensions
        self._dense = DENSE
        self._view = False
        self._views: dict[str, QdrantStore] = {}
        self._collection = collection
        self._timeout = math.ceil(timeout)
        self._preparing = threading.Lock()
        self._prepared = False
        self._down_until = 0.0

    def upsert(self, owner: Owner, points: Sequence[Point], *, fence: int | None = None) -> None:
        stored = [self._stored(owner, point, fence) for point in points]
        if stored:
            # The condition keeps a point as it is that is another owner's, or written under a newer lock.
            self._update(models.UpsertOperation(
                upsert=models.PointsList(points=stored, update_filter=owned(owner, fence=fence))
            ))

    def _stored(self, owner: Owner, point: Point, fence: int | None) -> models.PointStruct:
        vectors = _named(point.sparse)
        if point.dense is not None:
            vectors[self._dense] = self._fitting(point.dense)
        payload = {**point.payload, "tenant": owner.tenant, "user": owner.user}
        if fence is not None:
            payload["fence"] = fence
        return models.PointStruct(id=point.id, vector=vectors, payload=payload)

    def _fitting(self, dense: Sequence[float]) -> list[float]:
        if len(dense) != self._dimensions:
            message = f"a vector of {len(dense)} numbers does not fit a store of {self._dimensions}"
            raise ConfigError(message, param="embedding.provider")
        return list(dense)

    def patch(
        self, owner: Owner, ids: Sequence[str], payload: Mapping[str, Any], *, fence: int | None = None
    ) -> None:
        self.patch_many(owner, [(ids, payload)], fence=fence)

    def patch_many(self, owner: Owner, patches: Sequence[Patch], *, fence: int | None = None) -> None:
        operations = [one for ids, payload in patches for one in _patching(owner, ids, payload, fence)]
        if operations:
            self._update(*operations)

    def delete(self, owner: Owner, ids: Sequence[str], *, fence: int | None = None) -> None:
        if known_form(ids):
            selected = models.FilterSelector(filter=owned(owner, ids, fence))
            self._update(models.DeleteOperation(delete=selected))

    def revector(self, owner: Owner, sparse: Mapping[str, Mapping[str, SparseVector]]) -> None:
        there = [hit.id for hit in self.get(owner, [*sparse])]  # the server refuses to change what is not
        points = [models.PointVectors(id=id, vector=_named(sparse[id])) for id in there]
        if points:
            self._update(models.UpdateVectorsOperation(
                update_vectors=models.UpdateVectors(points=points, update_filter=owned(owner))
            ))

    def search(self, queries: Sequence[Search]) -> list[list[Hit]]:
        matched = built_once(matching)
        asked = {
            at: request for at, query in enumerate(queries) if (request := self._request(query, matched)) is not None
        }
        found: list[list[Hit]] = [[] for _ in queries]
        if asked:
            with self._calls("search"):
                answers = self._client.query_batch_points(
                    self._collection, list(asked.values()), timeout=self._timeout
                )
            for at, answer in zip(asked, answers, strict=True):
                found[at] = [_hit(point, self._dense, point.score) for point in answer.points]
        return found

    def _request(self, query: Search, matched: Callable[[Where], models.Filter]) -> models.QueryRequest | None:
        where = matched(query.where)
        if query.dense is not None:
            nearest = models.NearestQuery(nearest=self._fitting(query.dense))
            return models.QueryRequest(
                query=nearest, using=self._dense, filter=where, limit=query.limit, with_payload=True
            )
        if query.sparse is None or not query.sparse.indices:
            return None
        corpus = where if query.corpus is None else matched(query.corpus)
        return models.QueryRequest(
            query=models.NearestQuery(nearest=_sparse(query.sparse)),
            using=query.using,
            filter=where,
            params=models.SearchParams(idf=models.IdfCorpusParams(corpus=corpus)),
            limit=query.limit,
            with_payload=True,
        )

    def get(self, owner: Owner, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        wanted = list(dict.fromkeys(known_form(ids)))
        if not wanted:
            return []
        # A scroll can be filtered by owner, a read by id cannot.
        hits, _ = self._scroll(owned(owner, wanted), limit=len(wanted), vectors=vectors)
        found = {hit.id: hit for hit in hits}
        return [found[id] for id in wanted if id in found]

    def scroll(
        self, where: Where, *, limit: int = 1000, cursor: str | None = None, vectors: bool = False
    ) -> tuple[list[Hit], str | None]:
        return self._scroll(matching(where), limit=limit, cursor=cursor, vectors=vectors)

    def in_order(self, where: Where, *, after: int = 0, limit: int = 1000) -> list[Hit]:
        wanted = models.Filter(must=[matching(where), beyond("seq", after)])
        return self._scroll(wanted, limit=limit, order=models.OrderBy(key="seq"))[0]

    def _scroll(
        self,
        where: models.Filter,
        *,
        limit: int,
        cursor: str | None = None,
        vectors: bool = False,
        order: models.OrderBy | None = None,
    ) -> tuple[list[Hit], str | None]:
        with self._calls("read"):
            records, after = self._client.scroll(
                self._collection,
                scroll_filter=where,
                limit=limit,
                offset=cursor,
                order_by=order,
                with_payload=True,
                with_vectors=[self._dense] if vectors else False,
                timeout=self._timeout,
            )
        return [_hit(record, self._dense) for record in records], None if after is None else str(after)

    def count(self, where: Where) -> int:
        with self._calls("count"):
            counted = self._client.count(
                self._collection, count_filter=matching(where), exact=True, timeout=self._timeout
            )
        return counted.count

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _update(self, *operations: models.UpdateOperation) -> None:
        with self._calls("write"):
            done = self._client.batch_update_points(
                self._collection, list(operations), wait=True, timeout=self._timeout
            )
        if any(each.status != models.UpdateStatus.COMPLETED for each in done):
            raise VectorsDown(f"The Qdrant server did not apply a write within {self._timeout} s; try again.")

    @contextmanager
    def _calls(self, doing: str) -> Iterator[None]:
        """The client's failures as ours. A server's own words may quote the request, so only its status is told."""
        if time.monotonic() < self._down_until:
            raise VectorsDown("The Qdrant server failed a moment ago; try again.", retry_after=1)
        try:
            self._prepare()
            yield
        except UnexpectedResponse as error:
            if error.status_code in (400, 404):
                self._prepared = False  # The server lost the collection or the space: the next call makes it anew.
            said = f"{error.status_code} {error.reason_phrase}".strip()
            hint = "; check vectors.api_key" if error.status_code in (401, 403) else ""
            raise VectorsDown(f"The Qdrant server could not {doing}: {said}{hint}.") from error
        except (ApiException, QdrantException) as error:
            # A server that hangs is waited for once, not by every call of a request.
            self._down_until = time.monotonic() + REFUSED_SECONDS
            cause = error.source if isinstance(error, ResponseHandlingException) else error
            raise VectorsDown(f"The Qdrant server could not {doing}: {type(cause).__name__}; try again.") from error

    def _prepare(self) -> None:
        if self._prepared:
            return
        with self._preparing:
            if not self._prepared:
                prepare(self._client, self._collection, self._whole_dimensions, self._timeout)
                self._make()
                self._prepared = True


def _patching(
    owner: Owner, ids: Sequence[str], payload: Mapping[str, Any], fence: int | None
) -> list[models.UpdateOperation]:
    """The operations that make one patch."""
    fields = {name: value for name, value in payload.items() if name not in ("tenant", "user")}
    if fence is not None:
        fields["fence"] = fence
    kept = {name: value for name, value in fields.items() if value is not None}
    removed = [name for name in fields if name not in kept]
    where = owned(owner, ids, fence)
    operations: list[models.UpdateOperation] = []
    if kept:
        operations.append(models.SetPayloadOperation(set_payload=models.SetPayload(payload=kept, filter=where)))
    if removed:
        operations.append(models.DeletePayloadOperation(
            delete_payload=models.DeletePayload(keys=removed, filter=where)
        ))
    return operations if known_form(ids) else []


def _named(vectors: Mapping[str, SparseVector]) -> dict[str, Any]:
    return {name: _sparse(vector) for name, vector in vectors.items()}


def _sparse(vector: SparseVector) -> models.SparseVector:
    return models.SparseVector(indices=list(vector.indices), values=list(vector.values))


def _hit(point: models.Record | models.ScoredPoint, name: str, score: float = 0.0) -> Hit:
    dense: Any = point.vector.get(name) if isinstance(point.vector, dict) else None
    return Hit(str(point.id), point.payload or {}, float(score), None if dense is None else tuple(dense))
