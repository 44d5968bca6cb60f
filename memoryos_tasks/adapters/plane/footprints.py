"""What the control plane keeps of one user, to be removed when the user is erased. All of it is in the traffic role."""

from __future__ import annotations

from typing import Any

import redis

from memoryos_tasks.adapters.plane.record_forms import stored_subject
from memoryos_tasks.adapters.plane.records import ASKED_SECONDS
from memoryos_tasks.adapters.redis.connections import traffic_errors
from memoryos_tasks.adapters.redis.keyspace import observed, part
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.anomalies import Sort, Subject

#: Entries of the stream in one round trip.
STEP = 500


class Footprints:
    """The inferences, requests and anomalies of one user. Raises :class:`TrafficDown`."""

    def __init__(self, traffic: redis.Redis) -> None:
        self._redis = traffic

    def forget(self, owner: Owner, now: float) -> int:
        """Forget them all; how many inferences. What was added up names nobody and stays."""
        numbers, gone = self._numbers(owner, float("inf")), 0
        for begin in range(0, len(numbers), STEP):
            with traffic_errors():
                gone += int(self._redis.xdel(observed("rows"), *numbers[begin : begin + STEP]))
        self._forget_requests(owner, int(now // 60))
        return gone

    def left(self, owner: Owner, before: float) -> int:
        """How many inferences of the owner that ended until then (seconds, UTC) are still kept."""
        return len(self._numbers(owner, before))

    def _forget_requests(self, owner: Owner, minute: int) -> None:
        name = stored_subject(Subject(Sort.USER, owner.user, owner.tenant))
        with traffic_errors():
            pipe = self._redis.pipeline(transaction=True)
            pipe.hdel(observed("history"), name)
            pipe.zrem(observed("heard"), name)
            pipe.hdel(observed("anomalies"), name)
            # The next minute too: clocks of machines differ.
            for each in range(minute - ASKED_SECONDS // 60 - 1, minute + 2):
                pipe.hdel(observed("asked", each), name)
            pipe.execute()

    def _numbers(self, owner: Owner, before: float) -> list[str]:
        """The numbers of the owner's entries, of those that ended until then."""
        numbers: list[str] = []
        after = "-"
        while True:
            with traffic_errors():
                entries: Any = self._redis.xrange(observed("rows"), min=after, count=STEP)
            numbers += [number for number, fields in entries
                        if fields["tenant"] == owner.tenant and fields["user"] == part(owner.user)
                        and float(fields["at"]) <= before]
            if len(entries) < STEP:
                return numbers
            after = f"({entries[-1][0]}"
