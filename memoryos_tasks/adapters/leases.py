"""Leases of this process' runs, renewed by one thread and, when there are many, its helpers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import structlog

from memoryos_tasks.core.errors import Cancelled, LostClaim, Unavailable
from memoryos_tasks.ports.ledger import Claim, Ledger

log = structlog.get_logger(__name__)

#: Renewals under way at once: 64 runs are renewed within a lease by a store that needs a second for each answer.
HELPERS = 8


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

    def give_back(self) -> int:
        """Stop keeping: jobs that still run here are queued again at once, and their runs lose them. How many.

        For a process that leaves. What cannot be given back now runs elsewhere once its lease is over.
        """
        with self._guard:
            leases, self._leases = list(self._leases), set()
        for lease in leases:
            lease.lost = True
        given = 0
        for lease in leases:
            try:
                self._ledger.release(lease.claim)
                given += 1
            except (LostClaim, Cancelled):
                continue
            except Unavailable as error:
                log.warning("jobs_not_given_back", jobs=len(leases) - given, code=error.code)
                break
        return given

    def _renew_for_ever(self) -> None:
        with ThreadPoolExecutor(HELPERS, thread_name_prefix="lease") as helpers:
            while True:
                time.sleep(self._interval)
                with self._guard:
                    leases = sorted(self._leases, key=lambda lease: lease.renewed_at)
                # The oldest come first: a slow store delays those that can wait.
                list(helpers.map(self._renew, leases))

    def _renew(self, lease: Lease) -> None:
        asked = time.monotonic()
        try:
            lease.cancelled = self._ledger.renew(lease.claim)
            lease.renewed_at = asked
        except LostClaim:
            with self._guard:
                if lease not in self._leases:
                    return  # The run has ended meanwhile.
                lease.lost = True
            log.warning("lease_lost", job_id=lease.claim.job.id)
        except Exception as error:  # whatever it is, this thread must go on: it keeps all runs of the process
            if time.monotonic() - lease.renewed_at > self._lease_seconds:
                lease.lost = True
            code = getattr(error, "code", type(error).__name__)
            log.warning("lease_not_renewed", job_id=lease.claim.job.id, code=code)
