"""The registry in Redis' truth role: a hash with a revision counter; news by pub/sub, with a look now and then."""

from __future__ import annotations

import threading
from typing import Any, cast

import redis

from memoryos_tasks.adapters.plane.store import Kept
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.core.errors import LostClaim, RegistryDown, TruthDown
from memoryos_tasks.core.plane.nodes import Term

#: Seconds after which a follower looks although it heard nothing: messages of pub/sub may be lost.
LOOK = 2.0
#: Seconds within which a follower notices that it is to stop.
_STOP = 0.25


class RedisStore:
    """See :class:`memoryos_tasks.adapters.plane.store.Store`."""

    def __init__(self, truth: redis.Redis) -> None:
        self._redis = truth
        self._swap = script(truth, "plane_swap")
        self._heard: dict[int, Any] = {}

    def read(self) -> Kept:
        try:
            with truth_errors():
                revision, document = cast(list[str | None], self._redis.hmget(
                    keyspace.PLANE_REGISTRY, ["revision", "document"]))
        except TruthDown as error:
            raise _down() from error
        return Kept(document or "", int(revision or 0))

    def swap(self, revision: int, document: str, term: Term | None) -> bool:
        keys = [keyspace.PLANE_REGISTRY, keyspace.PLANE_SCHEDULER]
        args = [revision, document, term.token if term else "", keyspace.PLANE_CHANGED]
        try:
            with truth_errors():
                answer = int(self._swap(keys, args))
        except TruthDown as error:
            raise _down() from error
        if answer < 0:
            raise LostClaim("Another node is the scheduler by now; this one's change was not made.")
        return answer > 0

    def wait(self, revision: int, worker: int, stop: threading.Event) -> None:
        try:
            with truth_errors():
                pubsub = self._heard.get(worker)
                if pubsub is None:
                    pubsub = cast(Any, self._redis).pubsub(ignore_subscribe_messages=True)
                    pubsub.subscribe(keyspace.PLANE_CHANGED)
                    self._heard[worker] = pubsub
                    return  # What changed before it could hear.
                for _ in range(int(LOOK / _STOP)):
                    if stop.is_set():
                        self._deaf(worker)
                        return
                    if pubsub.get_message(timeout=_STOP):
                        return
        except TruthDown as error:
            self._deaf(worker)
            raise _down() from error

    def _deaf(self, worker: int) -> None:
        if (pubsub := self._heard.pop(worker, None)) is not None:
            pubsub.close()

    def close(self) -> None:
        """Each follower closes its own connection when it ends."""


def _down() -> RegistryDown:
    return RegistryDown(
        "The registry in Redis (REDIS_URL) cannot be reached, so nothing can be changed there; try again.",
        retry_after=1)
