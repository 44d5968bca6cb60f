"""An owner's jobs in the ledger, found by reading all of the tenant's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import traffic_errors, truth_errors
from memoryos_tasks.core.events import Owner

#: Keys read in one step.
STEP = 500
#: What is read of each row.
NAMES = ("id", "user", "kind", "status", "created_at", "remaining")

Row = Mapping[str, str]


class Rows:
    """Finds rows and forgets them."""

    def __init__(self, truth: redis.Redis, traffic: redis.Redis) -> None:
        self._truth = truth
        self._traffic = traffic

    def of(self, owner: Owner) -> Iterator[tuple[str, Row]]:
        """The keys and rows of the owner's jobs; of each row :data:`NAMES`."""
        for keys in scanned(self._truth, keyspace.job(owner.tenant, "") + "*", truth_errors):
            with truth_errors():
                pipe = self._truth.pipeline(transaction=False)
                for key in keys:
                    pipe.hmget(key, *NAMES)
                rows = pipe.execute()
            for key, values in zip(keys, rows, strict=True):
                row = dict(zip(NAMES, (value or "" for value in values), strict=True))
                if row["user"] == keyspace.part(owner.user):
                    yield key, row

    def forget(self, owner: Owner, key: str, row: Row) -> int:
        """Forget a job with what its runs said; whether it was there."""
        with traffic_errors():
            self._traffic.delete(keyspace.run(owner.tenant, row["id"]), keyspace.cancelled(owner.tenant, row["id"]))
        with truth_errors():
            self._truth.zrem(keyspace.due(row["kind"]), f"{owner.tenant} {row['id']} {row['kind']}")
            gone: Any = self._truth.delete(key)
        return int(gone)


def scanned(client: redis.Redis, pattern: str, errors: Any) -> Iterator[list[str]]:
    """The keys that match, in steps."""
    cursor = 0
    while True:
        with errors():
            answer: Any = client.scan(cursor, match=pattern, count=STEP)
        cursor, keys = int(answer[0]), answer[1]
        if keys:
            yield list(keys)
        if not cursor:
            return
