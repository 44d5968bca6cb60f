"""Jobs of our own: one row for each owner or session, however often it is wanted."""

from __future__ import annotations

from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.ledger import Job, Ledger

#: Whose jobs are nobody's in particular; no key of a client names this tenant.
SYSTEM = Owner("_system", "memoryos")
#: Seconds that a consolidation waits for more of its session, so that a stream of events makes few runs.
CONSOLIDATE_DELAY = 1.0
#: Seconds that a promotion waits for more visits.
PROMOTE_DELAY = 2.0
#: Seconds that a compaction waits, so that it does not run beside what beat has just rung for.
COMPACT_DELAY = 0.5


def consolidate(ledger: Ledger, owner: Owner, session: str, *, keep: int) -> None:
    """Want the session brought down to ``keep`` events."""
    # One that keeps nothing (the session is idle) is another wish than one that keeps the newest.
    job_id = f"job_{owner.derive('consolidate', session, str(keep))}"
    ledger.want(Job(job_id, owner, "consolidate", request={"session": session, "keep": keep}), delay=CONSOLIDATE_DELAY)


def promote(ledger: Ledger, owner: Owner) -> None:
    """Want the owner's visits counted and hot segments analysed."""
    ledger.want(Job(f"job_{owner.derive('promote')}", owner, "promote"), delay=PROMOTE_DELAY)


def compact(ledger: Ledger, owner: Owner) -> None:
    """Want the owner's mid-term memory cooled, merged and kept within its bounds."""
    ledger.want(Job(f"job_{owner.derive('compact')}", owner, "compact"), delay=COMPACT_DELAY)


def reindex(ledger: Ledger) -> None:
    """Want memory embedded anew, or what lacks a vector given one. It is everybody's, so the row is the system's."""
    ledger.want(Job(f"job_{SYSTEM.derive('reindex')}", SYSTEM, "reindex"), delay=0.0)
