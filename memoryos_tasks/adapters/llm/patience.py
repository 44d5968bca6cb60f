"""How long the next read of one call may wait, and what to say when it took longer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.core.errors import DeadlineExceeded, UpstreamTimeout


class Patience:
    """The limits of one call, counted from now. ``deadline`` is in seconds of ``clock``."""

    def __init__(
        self,
        provider: str,
        timeouts: Timeouts,
        deadline: float,
        *,
        stream: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self._timeouts = timeouts
        self._clock = clock
        self._deadline = deadline
        self._stream = stream
        self._started = False
        bounded = not stream and math.isfinite(deadline)
        self._first_by = math.inf if bounded else clock() + timeouts.first_token
        self._why = ""

    def connect(self) -> float:
        """Seconds that connecting may take. Raises :class:`DeadlineExceeded` when no time is left."""
        left = self._deadline - self._clock()
        if left <= 0:
            raise DeadlineExceeded("The deadline had passed before the model provider was called.")
        return min(self._timeouts.connect, left)

    def read(self) -> float:
        """Seconds that the next read may take. Raises :class:`UpstreamTimeout` when none are left."""
        now = self._clock()
        by, self._why = min(self._limits(now))
        if by <= now:
            raise self.exceeded()
        return by - now

    def started(self) -> None:
        """The stream's first event is here: from now on the idle limit counts."""
        self._started = True

    def hurry(self, seconds: float) -> None:
        """What follows is not worth more than this."""
        self._deadline = min(self._deadline, self._clock() + seconds)

    def exceeded(self) -> UpstreamTimeout:
        """The error of a read that took longer than :meth:`read` allowed."""
        return UpstreamTimeout(f"The model provider '{self._provider}' {self._why}.")

    def _limits(self, now: float) -> list[tuple[float, str]]:
        limits = [(self._deadline, "did not finish before the deadline of the call")]
        if not self._stream:
            limits.append((self._first_by, "did not answer in time"))
        elif self._started:
            idle = self._timeouts.idle
            limits.append((now + idle, f"fell silent for {idle:g} s in the middle of its answer"))
        else:
            first = self._timeouts.first_token
            limits.append((self._first_by, f"sent no token within {first:g} s"))
        return limits
