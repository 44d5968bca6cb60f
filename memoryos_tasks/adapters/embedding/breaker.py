"""A circuit breaker: what just failed is left alone for a while, then one call tries it again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: Failures in a row after which no more calls are let through.
FAILURES = 3
#: Seconds until one call may try again; doubled with each failed try, up to the longest.
PAUSE = 2.0
LONGEST_PAUSE = 30.0


class Breaker:
    """Closed, open or half-open (Nygard, "Release It!", 2007). Safe to use from many threads.

    A call that takes a whole time limit costs its caller more than one that is refused at once, so one such
    failure opens it.
    """

    def __init__(
        self, *, failures: int = FAILURES, pause: float = PAUSE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = failures
        self._first_pause = pause
        self._clock = clock
        self._guard = threading.Lock()
        self._failures = 0
        self._pause = pause
        self._until: float | None = None
        self._trying = False

    @property
    def open(self) -> bool:
        """Whether the last tries failed, and none has succeeded since."""
        return self._until is not None

    def admit(self) -> bool:
        """Whether this call may be made; :meth:`succeeded` or :meth:`failed` must follow one that was."""
        with self._guard:
            if self._until is None:
                return True
            if self._trying or self._clock() < self._until:
                return False
            self._trying = True
            return True

    def left(self) -> float:
        """Seconds until a call may try again."""
        until = self._until
        return 0.0 if until is None else max(0.0, until - self._clock())

    def succeeded(self) -> None:
        """The call that was admitted went well."""
        with self._guard:
            self._failures, self._until, self._trying = 0, None, False
            self._pause = self._first_pause

    def failed(self, *, slow: bool = False) -> None:
        """The call that was admitted failed; ``slow``: it took its whole time limit."""
        with self._guard:
            self._failures += 1
            again, self._trying = self._trying, False
            if again:
                self._pause = min(LONGEST_PAUSE, self._pause * 2)
            if again or slow or self._failures >= self._most:
                self._until = self._clock() + self._pause
