"""API keys as this process knows them: asked of the store, remembered for a moment."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from memoryos_tasks.core.errors import TruthDown

#: How long a known key is not asked for again; a revoked one works at most this long. Seconds.
FRESH = 5.0
#: How long a known key goes on working while the store of record is away. Seconds.
STALE = 600.0
#: Most keys that are remembered.
BOUND = 10_000


class Key(Protocol):
    """What is known of a key."""

    @property
    def id(self) -> str: ...
    @property
    def tenant(self) -> str: ...
    @property
    def user(self) -> str | None: ...
    @property
    def admin(self) -> bool: ...


class KeyRing:
    """Finds keys by their secret; secrets are remembered only as hashes."""

    def __init__(
        self,
        find: Callable[[str], Key | None],
        truth_up: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._truth_up = truth_up
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[float, Key]] = OrderedDict()

    def find(self, secret: str) -> Key | None:
        """The key, or None. Raises :class:`TruthDown` for a key that is not known while the store is away."""
        hashed = hashlib.sha256(secret.encode()).digest()
        with self._lock:
            at, key = self._known.get(hashed, (0.0, None))
        age = self._clock() - at
        if key is not None and age <= FRESH:
            return key
        try:
            if not self._truth_up():
                raise TruthDown(retry_after=1)
            found = self._find(secret)
        except TruthDown:
            if key is not None and age <= STALE:
                return key
            raise
        self._remember(hashed, found)
        return found

    def _remember(self, hashed: bytes, key: Key | None) -> None:
        with self._lock:
            self._known.pop(hashed, None)
            if key is not None:
                self._known[hashed] = (self._clock(), key)
                while len(self._known) > BOUND:
                    self._known.popitem(last=False)
