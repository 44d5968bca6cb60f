"""Celery's result backend in Redis, in one round trip a result."""

from __future__ import annotations

from typing import Any

from celery.backends import redis
from kombu.utils.encoding import bytes_to_str


class RedisBackend(redis.RedisBackend):  # type: ignore[misc]
    """Celery asks first whether a task has succeeded before, since a message may be delivered twice, and then writes in
    a transaction. Here the ledger lets one run alone have a result, and who reads one needs no more than the value.
    """

    def _store_result(
        self, task_id: str, result: Any, state: str, traceback: Any = None, request: Any = None, **kwargs: Any
    ) -> Any:
        meta = self._get_result_meta(result=result, state=state, traceback=traceback, request=request)
        meta["task_id"] = bytes_to_str(task_id)
        self._set_with_state(self.get_key_for_task(task_id), self.encode(meta), state)
        return result

    def _set(self, key: str, value: str, expires: float | None = None) -> None:
        with self.client.pipeline(transaction=False) as pipe:
            pipe.set(key, value, ex=expires or self.expires or None)
            pipe.publish(key, value)
            pipe.execute()
