"""One lock an owner: who holds it may reshape the owner's memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.core.errors import LostClaim
from memoryos_tasks.core.events import Owner


class Held:
    """A lock while it is held. ``token`` grows with every take; :meth:`check` raises when it was lost."""

    def __init__(self, token: int) -> None:
        self.token = token
        self.lost = threading.Event()

    def check(self) -> None:
        """Raises :class:`LostClaim` when the lease could not be renewed."""
        if self.lost.is_set():
            raise LostClaim("The lock on this user's memory was lost; another run goes on.")


class RedisLocks:
    """See :class:`memoryos_tasks.ports.locks.Locks`."""

    def __init__(self, truth: redis.Redis, *, lease_seconds: float = 15.0) -> None:
        self._lease = lease_seconds
        self._lease_ms = int(lease_seconds * 1000)
        self._redis = truth
        self._take = script(truth, "lock_take")
        self._keep = script(truth, "lock_keep")

    @contextmanager
    def hold(self, owner: Owner, *, wait_seconds: float) -> Iterator[Held | None]:
        token = self._wait(owner, wait_seconds)
        with self._kept({owner: Held(token)} if token else {}) as held:
            yield held.get(owner)

    @contextmanager
    def hold_free(self, owners: Sequence[Owner]) -> Iterator[Mapping[Owner, Held]]:
        asked = [([keyspace.lock(owner), keyspace.fence(owner)], [self._lease_ms]) for owner in owners]
        with truth_errors():
            tokens = self._take.many(asked)
        taken = {owner: Held(int(token)) for owner, token in zip(owners, tokens, strict=True) if int(token)}
        with self._kept(taken) as held:
            yield held

    @contextmanager
    def _kept(self, held: dict[Owner, Held]) -> Iterator[dict[Owner, Held]]:
        """Renew these locks during the block and release them after it."""
        if not held:
            yield held
            return
        stop = threading.Event()
        keeper = threading.Thread(target=self._renew, args=(held, stop), daemon=True)
        keeper.start()
        try:
            yield held
        finally:
            stop.set()
            keeper.join(timeout=self._lease)
            with truth_errors():
                self._keep.many([([keyspace.lock(owner)], [lock.token, 0]) for owner, lock in held.items()])

    def _wait(self, owner: Owner, wait_seconds: float) -> int:
        end = time.monotonic() + wait_seconds
        pause, waited = 0.005, False
        while True:
            with truth_errors():
                keys = [keyspace.lock(owner), keyspace.fence(owner)]
                token = int(self._take(keys, [self._lease_ms]))
            if token:
                return token
            late = time.monotonic() + pause > end
            if late or not waited:
                self._count("missed" if late else "waited")
                waited = True
            if late:
                return 0
            time.sleep(pause)
            pause = min(pause * 2, 0.1)

    def _count(self, event: str) -> None:
        with truth_errors():
            self._redis.hincrby(keyspace.COUNTERS, f"lock {event}", 1)

    def _renew(self, held: Mapping[Owner, Held], stop: threading.Event) -> None:
        last = dict.fromkeys(held, time.monotonic())
        while not stop.wait(self._lease / 3):
            for owner, lock in held.items():
                if lock.lost.is_set():
                    continue
                try:
                    with truth_errors():
                        kept = bool(self._keep([keyspace.lock(owner)], [lock.token, self._lease_ms]))
                except Exception:
                    kept = time.monotonic() - last[owner] < self._lease
                else:
                    last[owner] = time.monotonic() if kept else last[owner]
                if not kept:
                    lock.lost.set()
