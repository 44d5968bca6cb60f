"""What beat rings for, and what that job does."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from fakes import FakeKeeper, FakeLedger

from memoryos_tasks import maintenance, memory
from memoryos_tasks.core.errors import EmbedderDown, VectorsDown
from memoryos_tasks.ports.ledger import Status
from memoryos_tasks.services.reindexing import Filled
from memoryos_tasks.services.work import Work


class Reindexing:
    """Says that it is due, and fills what it is told to; errors are raised."""

    def __init__(self) -> None:
        self.is_due: bool | Exception = True
        self.does: Filled | Exception = Filled(5, 2, False)

    def due(self) -> bool:
        if isinstance(self.is_due, Exception):
            raise self.is_due
        return self.is_due

    def run(self, progress: Callable[[int, int], None]) -> Filled:
        progress(1, 4)
        if isinstance(self.does, Exception):
            raise self.does
        return self.does


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    ledger = FakeLedger()
    made = SimpleNamespace(ledger=ledger, reindexing=Reindexing(), work=Work(ledger, FakeKeeper()))
    for module in (maintenance, memory):
        monkeypatch.setattr(module, "house", lambda: made)
    return made


def test_it_is_wanted_while_something_is_due(parts: SimpleNamespace) -> None:
    assert maintenance.reindex() == {"due": True}
    assert maintenance.reindex() == {"due": True}
    # One row, however often it is wanted, and of no client's tenant
    assert len({job.id for job in parts.ledger.wanted}) == 1
    assert {job.owner.tenant for job in parts.ledger.wanted} == {"_system"}


@pytest.mark.parametrize("is_due", [False, VectorsDown()])
def test_nothing_is_wanted_when_nothing_is_due_or_nobody_can_tell(
    parts: SimpleNamespace, is_due: bool | Exception
) -> None:
    parts.reindexing.is_due = is_due
    assert maintenance.reindex() == {"due": False}
    assert parts.ledger.wanted == []


def test_a_run_tells_its_counts_and_waits_for_an_embedder_that_is_away(parts: SimpleNamespace) -> None:
    maintenance.reindex()
    job = parts.ledger.wanted[0]
    parts.ledger.create(job)
    # Given an embedder that is away, then the job comes again without blame
    parts.reindexing.does = EmbedderDown()
    assert memory.reindex(job.owner.tenant, job.id)["code"] == "embedder_unavailable"
    row = parts.ledger.get(job.owner.tenant, job.id)
    assert (row.status, row.attempts, row.progress) == (Status.QUEUED, 0, 0.25)
    # When it is back, then the run says what it did
    parts.reindexing.does = Filled(5, 2, False)
    assert memory.reindex(job.owner.tenant, job.id)["counts"] == {"filled": 5, "left": 2, "switched": 0}
    assert parts.ledger.get(job.owner.tenant, job.id).status is Status.SUCCEEDED
