"""The deployment's choice of embedder, in the store of record."""

from __future__ import annotations

import json
from typing import Any

import redis

from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.adapters.redis.keyspace import EMBEDDER
from memoryos_tasks.core.embedding import STATIC_SPACE, Space
from memoryos_tasks.ports.embedders import Course


class RedisEmbedders:
    """See :class:`memoryos_tasks.ports.embedders.Embedders`."""

    def __init__(self, truth: redis.Redis) -> None:
        self._redis = truth
        self._note = script(truth, "embedder_note")

    def course(self) -> Course:
        with truth_errors():
            row: Any = self._redis.hgetall(EMBEDDER)
        left = row.get("left")
        return Course(_space(row.get("active")), _space(row.get("wanted")), int(left) if left is not None else None)

    def want(self, space: Space) -> None:
        with truth_errors():
            if self._redis.hget(EMBEDDER, "wanted") != _written(space):
                pipe = self._redis.pipeline(transaction=True)
                # What was searched before anybody chose stays written down.
                pipe.hsetnx(EMBEDDER, "active", _written(STATIC_SPACE))
                pipe.hset(EMBEDDER, "wanted", _written(space))
                pipe.hdel(EMBEDDER, "left")
                pipe.execute()

    def switch(self, space: Space) -> bool:
        with truth_errors():
            return bool(self._note([EMBEDDER], [_written(space), "active", _written(space)]))

    def settle(self, space: Space, left: int) -> None:
        with truth_errors():
            self._note([EMBEDDER], [_written(space), "left", str(left)])


def _written(space: Space) -> str:
    return json.dumps([space.embedder, space.dimensions], ensure_ascii=False)


def _space(written: str | None) -> Space:
    return Space(*json.loads(written)) if written else STATIC_SPACE
