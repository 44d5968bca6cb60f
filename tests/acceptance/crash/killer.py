"""Kills processes of a running system without warning, and at bad moments."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress

import redis
from acceptance.system import System, until

#: A process is killed right after the store of record has done one of these: an entry was appended, handed out, or
#: acknowledged; a job was claimed or closed; an event left short-term memory.
MOMENTS = ("XADD", "XREADGROUP", "XACK", "HSET")
WORKERS_MOMENTS = ("XREADGROUP", "XACK", "HSET", "ZREMRANGEBYSCORE", "ZREMRANGEBYSCORE")
#: Most seconds between a kill and the next one; what is killed while it starts is not killed amid its work.
PATIENCE = (3.0, 3.0, 5.0)
#: Seconds to wait for such a moment.
MOMENT_SECONDS = 2.0


class Killer:
    """SIGKILL for one process after the other: every kind in turn, in an order that the seed shuffles."""

    def __init__(self, system: System, *, seed: int) -> None:
        self._system = system
        self._dice = random.Random(seed)
        self._bag: list[str] = []
        self._kinds = kinds(system)
        self.killed: Counter[str] = Counter()

    def kill(self) -> str:
        """Kill the next one, waiting for it to run first if it was killed just now; what was killed and when."""
        self._bag = self._bag or self._dice.sample([*self._kinds, "worker", "worker"], len(self._kinds) + 2)
        kind = self._bag.pop()
        moment = self._dice.choice(WORKERS_MOMENTS if kind == "worker" else MOMENTS)
        words, place = self._kinds[kind]
        # Found before the moment comes: looking takes longer than the moment lasts.
        pid = until(lambda: self._system.pids(*words)[place:place + 1], seconds=30, what=f"a {kind} to kill")[0]
        came = self._await(moment)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.killed[kind] += 1
        return f"{kind} {'right after' if came else 'without'} {moment}"

    def patience(self) -> float:
        """Seconds to wait for the system to be ready again before the next kill: mostly a few, sometimes none."""
        return self._dice.choice((0.0, *PATIENCE))

    def share(self, most: int) -> int:
        """How many of ``most`` calls are to be acknowledged before the next kill."""
        return self._dice.randrange(most)

    def _await(self, command: str) -> bool:
        """Wait until the store of record does this; False when it cannot be watched or does not in time."""
        end = time.monotonic() + MOMENT_SECONDS
        with (
            suppress(redis.RedisError),
            redis.Redis.from_url(self._system.truth_url, socket_timeout=MOMENT_SECONDS) as truth,
            truth.monitor() as monitor,
        ):
            while time.monotonic() < end:
                if monitor.next_command()["command"].upper().startswith(command):
                    return True
        return False


def kinds(system: System) -> dict[str, tuple[tuple[str, ...], int]]:
    """Kind of process → words of its command line, and its place among those that have them, topmost first."""
    truth, traffic = (f":{url.rpartition(':')[2].split('/')[0]}" for url in (system.truth_url, system.traffic_url))
    return {
        "gateway": (("gunicorn",), 0),
        "gateway worker": (("gunicorn",), 1),
        "worker": (("celery", " worker "), 0),
        "beat": (("celery", " beat "), 0),
        "redis-truth": (("redis-server", truth), 0),
        "redis-traffic": (("redis-server", traffic), 0),
    }
