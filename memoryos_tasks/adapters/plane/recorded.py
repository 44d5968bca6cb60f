"""Reading what was recorded of inferences. See :class:`memoryos_tasks.ports.plane.records.Recorded`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import redis

from memoryos_tasks.adapters.plane.record_forms import pair_of, record_of, tally_of
from memoryos_tasks.adapters.redis.connections import traffic_errors, truth_errors
from memoryos_tasks.adapters.redis.keyspace import observed
from memoryos_tasks.core.plane.records import InferenceRecord, Pair, Slice, Tally
from memoryos_tasks.core.settings_observe import Observe

#: Hashes that are read in one round trip.
STEP = 500


class RedisRecorded:
    """Reads from both stores."""

    def __init__(self, truth: redis.Redis, traffic: redis.Redis, options: Observe) -> None:
        self._truth = truth
        self._traffic = traffic
        self._options = options

    def slices(self, since: float, until: float) -> Sequence[Slice]:
        # A day and what rounding adds is read by the minute, more by the hour: never both, so nothing counts twice.
        by_minute = until - since <= min(self._options.minute_hours * 3600, 90_000)
        what, seconds = ("minute", 60) if by_minute else ("hour", 3600)
        places = range(int(since // seconds), int(-(-until // seconds)))
        found: list[Slice] = []
        for begin in range(0, len(places), STEP):
            chosen = places[begin : begin + STEP]
            with truth_errors():
                pipe = self._truth.pipeline(transaction=False)
                for place in chosen:
                    pipe.hgetall(observed(what, place))
                rows = pipe.execute()
            found += [
                Slice(place * seconds, seconds, {pair_of(pair): tally_of(row, minute=by_minute)
                                                 for pair, row in hash.items()})
                for place, hash in zip(chosen, rows, strict=True) if hash
            ]
        return found

    def totals(self) -> Mapping[Pair, Tally]:
        with truth_errors():
            rows: Any = self._truth.hgetall(observed("totals"))
        return {pair_of(pair): tally_of(row) for pair, row in rows.items()}

    def rows(self, *, count: int) -> Sequence[InferenceRecord]:
        with traffic_errors():
            entries: Any = self._traffic.xrevrange(observed("rows"), count=count)
        return [record_of(fields) for _, fields in entries]

    def prune(self, now: float) -> int:
        """Forget the totals of pairs that were last used before the hours that are kept; how many."""
        with truth_errors():
            old: Any = self._truth.zrangebyscore(
                observed("pairs"), "-inf", now - self._options.days * 86_400, start=0, num=STEP)
            if old:
                pipe = self._truth.pipeline(transaction=True)
                pipe.zrem(observed("pairs"), *old)
                pipe.hdel(observed("totals"), *old)
                pipe.execute()
        return len(old)
