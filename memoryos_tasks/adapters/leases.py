"""Leases of this process' runs, renewed by one thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from memoryos_tasks.core.errors import LostClaim
from memoryos_tasks.ports.ledger import Claim, Ledger

log = structlog.get_logger(__name__)


class Lease:
    """One run's lease. ``cancelled``: the run is to stop. ``lost``: another run may have the job."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.cancelled = False
        self.lost = False
        self.renewed_at = time.monotonic()


class LeaseKeeper:
    """Renews every ``interval`` seconds; a lease that could not be renewed for ``lease_seconds`` is lost."""

    def __init__(self, ledger: Ledger, *, interval: float, lease_seconds: float) -> None:
        self._ledger = ledger
        self._interval = interval
        self._lease_seconds = lease_seconds
        self._leases: set[Lease] = set()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def keep(self, claim: Claim) -> Iterator[Lease]:
        """Keep the claim's lease alive for the block."""
        lease = Lease(claim)
        with self._guard:
            self._leases.add(lease)
            if self._thread is None:
                self._thread = threading.Thread(target=self._renew_for_ever, name="leases", daemon=True)
                self._thread.start()
        try:
            yield lease
        finally:
            with self._guard:
                self._leases.discard(lease)

    def _renew_for_ever(self) -> None:
        while True:
            time.sleep(self._interval)
            with self._guard:
                leases = list(self._leases)
            for lease in leases:
                self._renew(lease)

    def _renew(self, lease: Lease) -> None:
        try:
            lease.cancelled = self._ledger.renew(lease.claim)
            lease.renewed_at = time.monotonic()
        except LostClaim:
            with self._guard:
                lease.lost = lease in self._leases
        except Exception as error:  # whatever it is, this thread must go on: it keeps all runs of the process
            if time.monotonic() - lease.renewed_at > self._lease_seconds:
                lease.lost = True
            code = getattr(error, "code", type(error).__name__)
            log.warning("lease_not_renewed", job_id=lease.claim.job.id, code=code)
