"""Beat that may run twice: of all beats of one truth, only the one that holds a lock there rings."""

from __future__ import annotations

import os
import time
from typing import Any

import kombu.exceptions
import redis
import structlog
from celery import beat
from redis.exceptions import LockError

from memoryos_tasks.adapters.config.toml import load
from memoryos_tasks.adapters.redis.connections import truth, truth_errors
from memoryos_tasks.adapters.redis.keyspace import BEAT
from memoryos_tasks.core.errors import TruthDown

log = structlog.get_logger(__name__)

#: Seconds after its last word that a leader counts as gone.
LEASE_SECONDS = 5.0
#: Seconds between two words of the leader.
RENEW_SECONDS = 1.0
#: Seconds between two looks of a beat that may not ring now.
LOOK_SECONDS = 0.5


class Lead:
    """The right to ring. Whoever cannot reach the truth does not have it."""

    def __init__(self, client: redis.Redis) -> None:
        self._lock = client.lock(BEAT, timeout=LEASE_SECONDS, blocking=False, thread_local=False)
        self._taken = False
        self._renewed_at = 0.0
        self._state = ""

    @property
    def held(self) -> bool:
        """Whether the lease of this process runs, as far as it knows."""
        return self._taken and time.monotonic() - self._renewed_at < LEASE_SECONDS

    def hold(self) -> bool:
        """Take the lead if nobody has it, or keep it; False where another process has it or nobody can tell."""
        now = time.monotonic()
        if self._taken and now - self._renewed_at < RENEW_SECONDS:
            return True
        try:
            with truth_errors():
                if self._taken:
                    self._lock.extend(LEASE_SECONDS, replace_ttl=True)
                self._taken = self._taken or bool(self._lock.acquire())
        except LockError:
            self._taken = False  # The lease ran out while this process or the truth was held up.
        except TruthDown:
            self._tell("truth_not_reached")
            return False
        self._renewed_at = now
        self._tell("beat_leads" if self._taken else "beat_follows")
        return self._taken

    def _tell(self, state: str) -> None:
        if state != self._state:
            self._state = state
            log.info(state)

    def release(self) -> None:
        """Let another beat lead at once."""
        if not self._taken:
            return
        self._taken = False
        try:
            with truth_errors():
                self._lock.release()
        except (LockError, TruthDown) as error:
            log.debug("beat_lead_not_released", error=type(error).__name__)


class Scheduler(beat.Scheduler):  # type: ignore[misc]
    """Celery's scheduler while it leads; its times are kept in memory, for none is longer than a minute."""

    def __init__(self, *args: Any, lazy: bool = False, **kwargs: Any) -> None:
        # A lazy one only describes itself.
        self._lead = None if lazy else Lead(truth(load(os.environ)))
        super().__init__(*args, lazy=lazy, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Ring for what is due; seconds until the next look."""
        assert self._lead is not None
        if not self._lead.hold() or not self._connected():
            return LOOK_SECONDS
        wait: float = super().tick(*args, **kwargs)
        return wait

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Publish one entry, unless so much time has gone by that another beat may lead."""
        if self._lead is None or not self._lead.held:
            return
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except beat.SchedulingError as error:
            log.warning("bell_not_rung", task=entry.task, error=type(error.__context__).__name__)

    def close(self) -> None:
        """Called once by the signal's handler and once at the end."""
        if self._lead is not None:
            self._lead.release()
        super().close()

    def _connected(self) -> bool:
        """Whether the broker is there; asked before an entry is taken up, since waiting for it would outlast the
        lease."""
        try:
            return self.producer is not None
        except kombu.exceptions.OperationalError:
            log.warning("broker_not_reached")
            return False

    def _ensure_connected(self) -> Any:
        return self.connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0, interval_max=0)
