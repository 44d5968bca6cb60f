"""Places at endpoints, counted over all workers: a sorted set each in the traffic role, on Redis' clock."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, traffic_errors
from memoryos_tasks.core.errors import TrafficDown

#: Seconds after which a place is free again whose holder was not heard of, and between two words of a holder.
LEASE_SECONDS = 15.0
KEEP_SECONDS = 5.0


class RedisSlots:
    """See :class:`memoryos_tasks.ports.slots.Slots`. Without the traffic role there is no cap.

    One thread renews what this process holds, for as long as it holds anything.
    """

    def __init__(
        self, traffic: redis.Redis, *, lease_seconds: float = LEASE_SECONDS, keep_seconds: float = KEEP_SECONDS
    ) -> None:
        self._redis = traffic
        self._take = script(traffic, "slot_take")
        self._keep = script(traffic, "slot_keep")
        self._lease = int(lease_seconds * 1000)
        self._interval = keep_seconds
        self._guard = threading.Lock()
        self._held: dict[str, set[str]] = {}
        self._keeper: threading.Thread | None = None

    def take(self, endpoint: str, run: str, most: int) -> bool:
        try:
            with traffic_errors():
                taken = bool(self._take([keyspace.slots(endpoint)], [run, most, self._lease]))
        except TrafficDown:
            return True
        if taken:
            with self._guard:
                self._held.setdefault(endpoint, set()).add(run)
                if self._keeper is None:
                    self._keeper = threading.Thread(target=self._renew, name="slots", daemon=True)
                    self._keeper.start()
        return taken

    def leave(self, endpoint: str, run: str) -> None:
        with self._guard:
            runs = self._held.get(endpoint, set())
            held = run in runs
            runs.discard(run)
            if not runs:
                self._held.pop(endpoint, None)
        if held:
            # One that is not given back now is free when its time is up.
            with suppress(TrafficDown), traffic_errors():
                self._redis.zrem(keyspace.slots(endpoint), run)

    def _renew(self) -> None:
        while True:
            time.sleep(self._interval)
            with self._guard:
                held = {endpoint: sorted(runs) for endpoint, runs in self._held.items()}
                if not held:
                    self._keeper = None
                    return
            for endpoint, runs in held.items():
                with suppress(TrafficDown), traffic_errors():
                    self._keep([keyspace.slots(endpoint)], [self._lease, *runs])
