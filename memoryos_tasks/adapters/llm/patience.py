"""How long the next read of one call may wait, and what to say when it took longer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.core.errors import Cancelled, DeadlineExceeded, UpstreamTimeout
from memoryos_tasks.core.pace import Pace
from memoryos_tasks.ports.llm import never

#: How often the streams of vendors wake this process, all together, and how long one is left alone at most: shorter
#: than what a client would notice.
PACE = Pace(per_second=2_000.0, longest=0.2)


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
        cancelled: Callable[[], bool] = never,
    ) -> None:
        self._provider = provider
        self._timeouts = timeouts
        self._clock = clock
        self._deadline = deadline
        self._stream = stream
        self._cancelled = cancelled
        self._started = False
        bounded = not stream and math.isfinite(deadline)
        self._since = clock()
        self._first_by = math.inf if bounded else self._since + timeouts.first_token
        self._why = ""

    def connect(self) -> float:
        """Seconds that connecting may take. Raises :class:`DeadlineExceeded` when no time is left."""
        left = self._deadline - self._clock()
        if left <= 0:
            raise DeadlineExceeded("The deadline had passed before the model provider was called.")
        return min(self._timeouts.connect, left)

    def begin(self) -> None:
        """A wait for the next bytes begins: the idle limit counts from here."""
        self._since = self._clock()

    def read(self) -> float:
        """Seconds that the wait may still take. Raises :class:`UpstreamTimeout` when none are left, and
        :class:`Cancelled`."""
        if self._cancelled():
            raise Cancelled
        now = self._clock()
        by, self._why = min(self._limits())
        if by <= now:
            raise self.exceeded()
        return by - now

    def started(self) -> None:
        """The stream's first event is here: from now on the idle limit counts."""
        if not self._started:
            self._started = True
            PACE.join()
            self.begin()

    def ended(self) -> None:
        """Nothing more is read."""
        if self._started:
            self._started = False
            PACE.leave()

    def rest(self, since: float) -> float:
        """Seconds for which the socket is left alone that was read at ``since``, so that more gathers there.

        Only between the pieces of a stream that has begun, and only where many streams go on.
        """
        return PACE.rest(since, self._clock()) if self._started else 0.0

    def hurry(self, seconds: float) -> None:
        """What follows is not worth more than this."""
        self._deadline = min(self._deadline, self._clock() + seconds)

    def exceeded(self) -> UpstreamTimeout:
        """The error of a read that took longer than :meth:`read` allowed."""
        return UpstreamTimeout(f"The model provider '{self._provider}' {self._why}.")

    def _limits(self) -> list[tuple[float, str]]:
        limits = [(self._deadline, "did not finish before the deadline of the call")]
        if not self._stream:
            limits.append((self._first_by, "did not answer in time"))
        elif self._started:
            idle = self._timeouts.idle
            limits.append((self._since + idle, f"fell silent for {idle:g} s in the middle of its answer"))
        else:
            first = self._timeouts.first_token
            limits.append((self._first_by, f"sent no token within {first:g} s"))
        return limits
