from __future__ import annotations

import pytest
from fakes import FakeLedger

from memoryos_tasks.core.errors import TruthDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.queues import TASKS
from memoryos_tasks.services import wanted

ALICE, WANG, OTHER = Owner("acme", "alice"), Owner("acme", "王 a:b"), Owner("other", "alice")


def consolidated(owner: Owner, session: str, keep: int) -> str:
    """The id of the job that is wanted for it."""
    ledger = FakeLedger()
    wanted.consolidate(ledger, owner, session, keep=keep)
    (job,) = ledger.wanted
    assert (job.owner, job.kind, dict(job.request)) == (owner, "consolidate", {"session": session, "keep": keep})
    return job.id


def test_a_session_has_one_job_for_each_wish() -> None:
    wishes = [(ALICE, "s", 20), (ALICE, "s", 0), (ALICE, "会话 1", 20), (WANG, "s", 20), (OTHER, "s", 20)]
    ids = [consolidated(*wish) for wish in wishes]
    assert len(set(ids)) == len(ids)
    assert ids == [consolidated(*wish) for wish in wishes]


def test_an_owner_has_one_promotion() -> None:
    ledger = FakeLedger()
    for owner in (ALICE, WANG, OTHER, ALICE):
        wanted.promote(ledger, owner)
    assert [job.kind for job in ledger.wanted] == ["promote"] * 4
    first, second, third, again = (job.id for job in ledger.wanted)
    assert (len({first, second, third}), again) == (3, first)


def test_an_owner_has_one_compaction() -> None:
    ledger = FakeLedger()
    for owner in (ALICE, WANG, OTHER, ALICE):
        wanted.compact(ledger, owner)
    assert [job.kind for job in ledger.wanted] == ["compact"] * 4
    first, second, third, again = (job.id for job in ledger.wanted)
    assert (len({first, second, third}), again) == (3, first)


def test_each_kind_can_be_rung_for() -> None:
    ledger = FakeLedger()
    wanted.promote(ledger, ALICE)
    wanted.compact(ledger, ALICE)
    wanted.consolidate(ledger, ALICE, "s", keep=0)
    wanted.reindex(ledger)
    assert {job.kind for job in ledger.wanted} <= set(TASKS)
    # Members of the ledger's lists and the rows' keys are made of ids: none may need quoting
    assert all(job.id.replace("_", "").replace("-", "").isalnum() for job in ledger.wanted)


def test_a_wish_that_cannot_be_written_is_told() -> None:
    with pytest.raises(TruthDown):
        wanted.promote(FakeLedger(down=True), ALICE)
