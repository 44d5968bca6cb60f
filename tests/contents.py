"""What a Redis holds, whole; and a run's progress that nobody looks at."""

from __future__ import annotations

import json
from typing import Any

import redis


def no_progress(done: int, total: int) -> None:
    """Nobody looks."""


def everything(client: redis.Redis) -> str:
    """All that a Redis holds, as text."""
    rows: list[Any] = []
    for key in client.scan_iter():
        kind: Any = client.type(key)
        read: Any = {
            "string": client.get,
            "hash": client.hgetall,
            "list": lambda key: client.lrange(key, 0, -1),
            "set": lambda key: list(client.smembers(key)),  # type: ignore[arg-type]
            "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
            "stream": client.xrange,
        }[kind]
        rows.append([key, read(key)])
    return json.dumps(rows, ensure_ascii=False)
