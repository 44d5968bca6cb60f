"""The second half of an import: the events are journaled, their facts are to be believed."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from memoryos_tasks.core.errors import Busy, NotFound
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Fact
from memoryos_tasks.core.slots import fact_id
from memoryos_tasks.core.transfer.document import fact_of
from memoryos_tasks.ports.ledger import Job, Ledger, Status
from memoryos_tasks.ports.locks import Held, Locks
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.work import Made, Progress

#: Seconds to wait for the owner's lock.
LOCK_SECONDS = 2.0
#: Facts written in one step.
STEP = 100


class Importing:
    """Believes what an imported document believed. A repeated run changes nothing more."""

    def __init__(self, ledger: Ledger, beliefs: Beliefs, locks: Locks, apply: Callable[[], object]) -> None:
        self._ledger = ledger
        self._beliefs = beliefs
        self._locks = locks
        self._apply = apply

    def run(self, job: Job, progress: Progress) -> Made:
        """The receipt of the import. Raises :class:`Busy` while its events wait to be applied."""
        asked, owner = job.request, job.owner
        ingests = [str(each) for each in asked["ingests"]]
        rows = list(asked["facts"])
        ids = self._ids(owner, rows)
        total = len(ingests) + len(rows) + 1
        failed = self._applied(owner, ingests, lambda done: progress(done, total))
        taught = {fact.id for fact in self._beliefs.get(owner, [*ids.values()])}
        learned = known = 0
        for start in range(0, len(rows), STEP):
            with self._held(owner) as held:
                new, old = self._believe(owner, ids, rows[start : start + STEP], taught, held)
            learned, known = learned + new, known + old
            progress(len(ingests) + min(start + STEP, len(rows)), total)
        if asked["forgotten"]:
            with self._held(owner) as held:
                self._forget(owner, asked["forgotten"], ids, held)
        receipt = {
            "format": asked["format"],
            "events": {"imported": asked["imported"], "duplicates": asked["duplicates"], "failed_batches": failed},
            "facts": {"imported": learned, "duplicates": known},
            "skipped": {"count": asked["skipped"], "first": asked["reasons"]},
        }
        return Made({"events": int(asked["imported"]), "facts": learned}, receipt)

    @contextmanager
    def _held(self, owner: Owner) -> Iterator[Held]:
        with self._locks.hold(owner, wait_seconds=LOCK_SECONDS) as held:
            if held is None:
                raise Busy
            yield held

    def _applied(self, owner: Owner, ingests: Sequence[str], tell: Callable[[int], None]) -> int:
        """Wait for the ingest jobs; how many of them hold an event that could not be applied."""
        left = [job for job in (self._row(owner, each) for each in ingests) if job is not None]
        if any(not job.status.final for job in left):
            self._apply()
            left = [job for job in (self._row(owner, job.id) for job in left) if job is not None]
        waiting = sum(not job.status.final for job in left)
        tell(len(ingests) - waiting)
        if waiting:
            raise Busy(f"{waiting} batches of imported events wait to be applied.")
        return sum(job.status is not Status.SUCCEEDED for job in left)

    def _row(self, owner: Owner, job_id: str) -> Job | None:
        try:
            return self._ledger.get(owner.tenant, job_id)
        except NotFound:
            return None  # It ended so long ago that its row is gone.

    def _ids(self, owner: Owner, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """The id here of each fact of the document: its own where this user has it, else that with which its events
        teach it, else one made of its own."""
        facts = [fact_of(row) for row in rows]
        ids = {fact.id: fact.id for fact in self._beliefs.get(owner, [fact.id for fact in facts])}
        taken = set(ids)
        for fact in facts:
            if fact.id not in ids:
                derived = fact_id(owner, fact)
                ids[fact.id] = owner.derive("fact", "imported", fact.id) if derived in taken else derived
                taken.add(ids[fact.id])
        return ids

    def _believe(
        self,
        owner: Owner,
        ids: Mapping[str, str],
        rows: Sequence[Mapping[str, Any]],
        taught: Container[str],
        held: Held,
    ) -> tuple[int, int]:
        """Believe these facts; how many were new, and how many there before. ``taught`` are those of their ids that
        the events have taught already.

        What the document believes is learned as if it were told now, so that what this user has told since stays. What
        had ended there is history here too, and does not end what stands.
        """
        facts = [_of(owner, row, ids) for row in rows]
        stored = {fact.id: fact for fact in self._beliefs.get(owner, [fact.id for fact in facts])}
        ended = [fact for fact in facts if _over(fact)]
        standing = [fact for fact in facts if not _over(fact)]
        held.check()
        self._beliefs.learn(owner, [fact for fact in standing if fact.id not in stored], fence=held.token)
        before = {fact.id: fact for fact in self._beliefs.get(owner, [fact.id for fact in facts])}
        changed = [fact for fact in ended if _differs(before.get(fact.id), fact)]
        # The rules found in its events what they find; the document may say it better, or have it undone.
        ours = set(ids.values())
        known = [(before[fact.id], fact) for fact in standing if fact.id in before]
        changed += [better for one, fact in known if (better := _better(one, fact, ours)) != one]
        held.check()
        self._beliefs.save(owner, changed, fence=held.token)
        self._mark(owner, facts, stored, taught, held)
        new = sum(fact.id not in stored for fact in facts)
        return new, len(facts) - new

    def _mark(
        self, owner: Owner, facts: Sequence[Fact], stored: Mapping[str, Fact], taught: Container[str], held: Held
    ) -> None:
        """Which messages hold no longer, and which hold again, where the document says so and the events did not."""
        now = {fact.id: fact for fact in self._beliefs.get(owner, [fact.id for fact in facts])}
        over = [one for one in now.values() if _over(one) and _differs(stored.get(one.id), one)]
        again = [one for one in now.values() if not _over(one) and one.id in stored and _over(stored[one.id])]
        if not over and not again:
            return
        around = self._beliefs.get(owner, [one.superseded_by for one in over if one.superseded_by])
        told = [one for one in {**now, **{one.id: one for one in around}}.values() if one.id in taught]
        held.check()
        self._beliefs.mark(owner, over, again, told, fence=held.token)

    def _forget(
        self, owner: Owner, forgotten: Sequence[Mapping[str, Any]], ids: Mapping[str, str], held: Held
    ) -> None:
        """What its owner had deleted is not learned from the imported events: facts of these sources that the document
        does not list."""
        sources = {source for row in forgotten for source in row["sources"]}
        if not sources:
            return
        listed = {*ids.values(), *ids}
        for fact in self._beliefs.all(owner):
            if fact.id not in listed and sources.issuperset(fact.sources):
                held.check()
                self._beliefs.remove(owner, fact.id, fence=held.token)


def _of(owner: Owner, row: Mapping[str, Any], ids: Mapping[str, str]) -> Fact:
    fact = fact_of(row)
    by = fact.superseded_by
    if by is not None:
        by = ids.get(by) or owner.derive("fact", "imported", by)
    return replace(fact, id=ids[fact.id], superseded_by=by)


def _over(fact: Fact) -> bool:
    """Whether it was replaced or taken back; one whose own end is to come stands."""
    return fact.superseded_by is not None or (fact.valid_to is not None and fact.valid_to <= fact.valid_from)


def _differs(stored: Fact | None, fact: Fact) -> bool:
    return stored is None or (stored.valid_to, stored.superseded_by) != (fact.valid_to, fact.superseded_by)


def _better(stored: Fact, fact: Fact, ours: Container[str]) -> Fact:
    """What stands here as the document has it, with the sources of both; as it is, where what ended it was told
    elsewhere."""
    if _over(stored) and stored.superseded_by not in ours:
        return stored
    return replace(fact, sources=tuple(dict.fromkeys((*stored.sources, *fact.sources))))
