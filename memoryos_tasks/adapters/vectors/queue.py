"""The embedded store as other processes see it: calls through the owner's queue.

The task carries an id only; the call and its answer pass through the traffic role, and live for seconds.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import redis

from memoryos_tasks.adapters.redis.connections import BLOCK_SECONDS, traffic_errors
from memoryos_tasks.adapters.redis.keyspace import SYSTEM
from memoryos_tasks.adapters.vectors import wire
from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.errors import MemoryOSError, TrafficDown, VectorsDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.spaces import SpacedStore
from memoryos_tasks.ports.vectors import Hit, Patch, Point, Search, SparseVector, Where
from memoryos_tasks.publisher import Publisher
from memoryos_tasks.queues import VECTORS

#: Seconds that a call or an answer stays when nobody takes it, beyond the limit of a call.
KEEP_SECONDS = 30


def _call_key(call_id: str) -> str:
    return f"mos:{SYSTEM}:vectors:call:{call_id}"


def _answer_key(call_id: str) -> str:
    return f"mos:{SYSTEM}:vectors:answer:{call_id}"


class QueueStore:
    """See :class:`memoryos_tasks.ports.vectors.VectorStore`. ``block`` is a client whose reads may wait."""

    def __init__(
        self, block: redis.Redis, publisher: Publisher, *, timeout: float, space: Space | None = None
    ) -> None:
        self._redis = block
        self._publisher = publisher
        self._timeout = timeout
        self._space = space

    def upsert(self, owner: Owner, points: Sequence[Point], *, fence: int | None = None) -> None:
        self._call("upsert", owner=owner, points=list(points), fence=fence)

    def patch(
        self, owner: Owner, ids: Sequence[str], payload: Mapping[str, Any], *, fence: int | None = None
    ) -> None:
        self._call("patch", owner=owner, ids=list(ids), payload=dict(payload), fence=fence)

    def patch_many(self, owner: Owner, patches: Sequence[Patch], *, fence: int | None = None) -> None:
        plain = [(list(ids), dict(payload)) for ids, payload in patches]
        self._call("patch_many", owner=owner, patches=plain, fence=fence)

    def revector(self, owner: Owner, sparse: Mapping[str, Mapping[str, SparseVector]]) -> None:
        self._call("revector", owner=owner, sparse={id: dict(vectors) for id, vectors in sparse.items()})

    def delete(self, owner: Owner, ids: Sequence[str], *, fence: int | None = None) -> None:
        self._call("delete", owner=owner, ids=list(ids), fence=fence)

    def search(self, queries: Sequence[Search]) -> list[list[Hit]]:
        return [[wire.hit(row) for row in hits] for hits in self._call("search", queries=list(queries))]

    def get(self, owner: Owner, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        return [wire.hit(row) for row in self._call("get", owner=owner, ids=list(ids), vectors=vectors)]

    def scroll(
        self, where: Where, *, limit: int = 1000, cursor: str | None = None, vectors: bool = False
    ) -> tuple[list[Hit], str | None]:
        rows, following = self._call("scroll", where=where, limit=limit, cursor=cursor, vectors=vectors)
        return [wire.hit(row) for row in rows], following

    def in_order(self, where: Where, *, after: int = 0, limit: int = 1000) -> list[Hit]:
        return [wire.hit(row) for row in self._call("in_order", where=where, after=after, limit=limit)]

    def count(self, where: Where) -> int:
        return int(self._call("count", where=where))

    def within(self, space: Space) -> QueueStore:
        return QueueStore(self._redis, self._publisher, timeout=self._timeout, space=space)

    def names(self) -> list[str]:
        return [str(name) for name in self._call("names")]

    def drop(self, name: str) -> None:
        self._call("drop_space", name=name)

    def lacking(
        self, space: Space, *, limit: int, cursor: str | None = None
    ) -> tuple[list[tuple[Owner, Hit]], str | None]:
        rows, following = self._call("lacking", of=space, limit=limit, cursor=cursor)
        return [(Owner(**owner), wire.hit(row)) for owner, row in rows], following

    def lacks(self, space: Space) -> int:
        return int(self._call("lacks", of=space))

    def fill(self, owner: Owner, space: Space, vectors: Mapping[str, Sequence[float]]) -> None:
        self._call("fill", owner=owner, of=space, vectors={id: list(vector) for id, vector in vectors.items()})

    def close(self) -> None:
        """The owner closes the store."""

    def _call(self, operation: str, **arguments: Any) -> Any:
        call_id = uuid.uuid4().hex
        try:
            with traffic_errors():
                keep = KEEP_SECONDS + int(self._timeout)
                self._redis.set(_call_key(call_id), wire.request(operation, self._space, **arguments), ex=keep)
            # A call that its asker has given up on is not made.
            self._publisher.ring("vectors.serve", [call_id], queue=VECTORS, expires=self._timeout)
            answer = self._wait(call_id)
        except TrafficDown as error:
            raise VectorsDown("The queue of the vector store's owner is not reachable; try again.") from error
        if answer is None:
            raise VectorsDown(f"The vector store's owner did not answer within {self._timeout:g} s; try again.")
        body = json.loads(answer[1])
        if "error" in body:
            raise VectorsDown(body["error"])
        return body["answer"]

    def _wait(self, call_id: str) -> Any:
        """The answer, None when there is none within the limit; each read is shorter than the socket allows."""
        end = time.monotonic() + self._timeout
        answer: Any = None
        while answer is None and (left := end - time.monotonic()) > 0:
            with traffic_errors():
                # Redis takes less than a millisecond for no limit.
                answer = self._redis.blpop([_answer_key(call_id)], timeout=min(max(left, 0.01), BLOCK_SECONDS))
        return answer


def answer_call(store: SpacedStore, traffic: redis.Redis, call_id: str) -> bool:
    """Make the call that another process left, and leave the answer; False when it has gone."""
    with traffic_errors():
        body: Any = traffic.getdel(_call_key(call_id))
    if body is None:
        return False
    try:
        answer = f'{{"answer": {wire.serve(store, body)}}}'
    except MemoryOSError as error:
        answer = json.dumps({"error": error.message})
    with traffic_errors():
        pipe = traffic.pipeline(transaction=True)
        pipe.rpush(_answer_key(call_id), answer)
        pipe.expire(_answer_key(call_id), KEEP_SECONDS)
        pipe.execute()
    return True
