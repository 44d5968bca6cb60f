"""Who asked how often, in the traffic role. See :class:`memoryos_tasks.ports.plane.records.Traces`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import redis

from memoryos_tasks.adapters.plane.record_forms import anomaly_of, stored_anomaly, stored_subject, subject_of
from memoryos_tasks.adapters.plane.records import ASKED_SECONDS
from memoryos_tasks.adapters.redis.connections import traffic_errors
from memoryos_tasks.adapters.redis.keyspace import observed
from memoryos_tasks.core.plane.anomalies import Anomaly, Subject
from memoryos_tasks.core.settings_observe import Observe
from memoryos_tasks.ports.plane.records import Counts

#: Most subjects with a history, and most anomalies; those not heard of for longest go first.
MOST_HISTORIES = 50_000
MOST_ANOMALIES = 1_000
#: Seconds that an anomaly is kept after its last odd minute.
ANOMALY_SECONDS = 7 * 86_400


class RedisTraces:
    """Histories and anomalies are bounded by age and number."""

    def __init__(self, traffic: redis.Redis, options: Observe) -> None:
        self._redis = traffic
        self._options = options

    def counts(self, minute: int) -> Counts:
        with traffic_errors():
            counts: Any = self._redis.hgetall(observed("asked", minute))
            names = list(counts)
            kept: Any = self._redis.hmget(observed("history"), names) if names else []
        return Counts(
            minute,
            {subject_of(name): int(count) for name, count in counts.items()},
            {subject_of(name): tuple(json.loads(row)) for name, row in zip(names, kept, strict=True) if row},
        )

    def failures(self, minutes: Sequence[int]) -> Mapping[Subject, int]:
        with traffic_errors():
            pipe = self._redis.pipeline(transaction=False)
            for minute in minutes:
                pipe.hgetall(observed("refused", minute))
            rows = pipe.execute()
        total: Counter[Subject] = Counter()
        for row in rows:
            total.update({subject_of(name): int(count) for name, count in row.items()})
        return total

    def settle(self, minute: int) -> bool:
        with traffic_errors():
            return bool(self._redis.set(observed("settled", minute), 1, nx=True, ex=ASKED_SECONDS))

    def remember(self, minute: int, history: Mapping[Subject, tuple[int, ...]]) -> None:
        heard, kept = observed("heard"), observed("history")
        with traffic_errors():
            pipe = self._redis.pipeline(transaction=True)
            for subject, counts in history.items():
                pipe.hset(kept, stored_subject(subject), json.dumps(counts))
                pipe.zadd(heard, {stored_subject(subject): minute})
            pipe.zrangebyscore(heard, "-inf", minute - self._options.norm_days * 1440)
            pipe.zrange(heard, 0, -MOST_HISTORIES - 1)
            *_, silent, many = pipe.execute()
            if gone := {*silent, *many}:
                self._drop_histories(gone)

    def anomalies(self) -> Sequence[Anomaly]:
        with traffic_errors():
            rows: Any = self._redis.hgetall(observed("anomalies"))
        found = [anomaly_of(name, row) for name, row in rows.items()]
        return sorted(found, key=lambda each: (-each.last_at, stored_subject(each.subject)))

    def flag(self, anomalies: Sequence[Anomaly]) -> None:
        if not anomalies:
            return
        newest = max(each.last_at for each in anomalies)
        with traffic_errors():
            rows: Any = {stored_subject(each.subject): stored_anomaly(each) for each in anomalies}
            self._redis.hset(observed("anomalies"), mapping=rows)
        kept = self.anomalies()
        old = [each for place, each in enumerate(kept)
               if place >= MOST_ANOMALIES or newest - each.last_at > ANOMALY_SECONDS]
        if old:
            with traffic_errors():
                self._redis.hdel(observed("anomalies"), *[stored_subject(each.subject) for each in old])

    def _drop_histories(self, names: Iterable[str]) -> None:
        gone = sorted(names)
        pipe = self._redis.pipeline(transaction=True)
        pipe.zrem(observed("heard"), *gone)
        pipe.hdel(observed("history"), *gone)
        pipe.execute()
