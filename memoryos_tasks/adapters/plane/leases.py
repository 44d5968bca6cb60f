"""What the requests of this process hold in the plane's sets, renewed by one thread while it lives."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

import redis

from memoryos_tasks.adapters.redis.connections import script, traffic_errors
from memoryos_tasks.core.errors import TrafficDown

#: Seconds after which what a silent worker held is free, and between two words of a worker.
LEASE_SECONDS = 15.0
KEEP_SECONDS = 5.0


class Leases:
    """Keeps members of sorted sets, scored by the time at which they are free, alive."""

    def __init__(
        self, traffic: redis.Redis, *, lease_seconds: float = LEASE_SECONDS, keep_seconds: float = KEEP_SECONDS
    ) -> None:
        self._renew = script(traffic, "plane_renew")
        self.milliseconds = int(lease_seconds * 1000)
        self._interval = keep_seconds
        self._guard = threading.Lock()
        self._held: dict[tuple[str, ...], set[str]] = {}
        self._keeper: threading.Thread | None = None

    def keep(self, sets: Sequence[str], member: str) -> None:
        """Renew the member in each of the sets that has it, from now on."""
        with self._guard:
            self._held.setdefault(tuple(sets), set()).add(member)
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name="plane-leases", daemon=True)
                self._keeper.start()

    def drop(self, sets: Sequence[str], member: str) -> None:
        """Renew it no more."""
        with self._guard:
            members = self._held.get(tuple(sets))
            if members is not None:
                members.discard(member)
                if not members:
                    del self._held[tuple(sets)]

    def renew(self, sets: Sequence[str], members: Iterable[str]) -> None:
        """Renew these now; without the traffic role they are tried again later."""
        with suppress(TrafficDown), traffic_errors():
            self._renew(sets, [self.milliseconds, *members])

    def _keep(self) -> None:
        while True:
            time.sleep(self._interval)
            with self._guard:
                held = {sets: sorted(members) for sets, members in self._held.items()}
                if not held:
                    self._keeper = None
                    return
            for sets, members in held.items():
                self.renew(sets, members)
