from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeKeeper, FakeLedger
from structlog.testing import capture_logs

from memoryos_tasks.core.errors import (
    Busy,
    Cancelled,
    InvalidRequest,
    LostClaim,
    MemoryOSError,
    TruthDown,
    VectorsDown,
    WorkerLost,
)
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.ledger import Claim, Failure, Job, Status
from memoryos_tasks.services.work import Done, Made, Progress, Work, failure

ALICE = Owner("acme", "alice")


class House:
    """Work over a ledger with one job."""

    def __init__(self, ledger: FakeLedger | None = None) -> None:
        self.ledger = ledger or FakeLedger()
        self.work = Work(self.ledger, FakeKeeper())
        self.ledger.create(Job("job_1", ALICE, "consolidate", request={"session": "s"}))

    def run(self, error: Exception | None = None) -> Done:
        """Run the job; the run raises ``error``, if any."""

        def do(job: Job, _: Progress) -> Made:
            assert job.request == {"session": "s"}
            if error is not None:
                raise error
            return Made({"pages": 2})

        return self.work.run("acme", "job_1", do)

    @property
    def row(self) -> Job:
        return self.ledger.get("acme", "job_1")


def test_what_is_done_is_closed_and_counted() -> None:
    house = House()
    assert house.run() == Done("succeeded", {"pages": 2})
    assert house.row.status is Status.SUCCEEDED
    # Rung for again, it is left alone
    assert house.run(AssertionError("ran twice")) == Done("skipped", {})


def test_a_job_that_is_not_there_is_skipped() -> None:
    assert House().work.run("acme", "job_2", lambda *_: Made({})) == Done("skipped", {})


def test_what_fails_is_tried_again_and_then_buried() -> None:
    # Given a job that always fails
    house = House()
    # When it is run as often as it may be
    ends = [house.run(MemoryOSError("It failed: 坏了.")) for _ in range(3)]
    # Then it was given back twice, each time for longer, and is dead, with one letter
    assert [done.status for done in ends] == ["queued", "queued", "dead"]
    assert {done.code for done in ends} == {"internal_error"}
    first, second = house.ledger.delays
    assert 0.5 <= first <= 1.0 <= second <= 2.0
    ((job, why),) = house.ledger.buried
    assert (job.id, job.attempts, why.reason) == ("job_1", 3, "internal_error")
    assert house.row.status is Status.DEAD
    assert house.row.error == MemoryOSError("It failed: 坏了.").described()


def test_what_can_never_be_done_is_buried_at_once() -> None:
    house = House()
    assert house.run(InvalidRequest("No such session.", param="session")).status == "dead"
    assert (house.ledger.delays, len(house.ledger.buried)) == ([], 1)


@pytest.mark.parametrize("error", [Busy(), VectorsDown()])
def test_a_part_of_ours_that_is_away_costs_no_attempt(error: Exception) -> None:
    house = House()
    for _ in range(10):
        assert house.run(error).status == "queued"
    assert (house.row.attempts, house.ledger.buried) == (0, [])
    assert house.run().status == "succeeded"


def test_the_wait_for_a_part_of_ours_grows() -> None:
    house = House()
    for _ in range(8):
        house.run(VectorsDown())
    assert house.ledger.delays[0] <= 1.0
    assert 15.0 <= house.ledger.delays[-1] <= 30.0


def test_the_store_of_record_going_away_is_told_and_leaves_the_row() -> None:
    # Given a store of record that goes away while the job runs
    house = House()

    def do(job: Job, _: Progress) -> Made:
        house.ledger.down = True
        raise TruthDown

    with pytest.raises(TruthDown):
        house.work.run("acme", "job_1", do)
    # Then the sweeper finds the row as it was
    house.ledger.down = False
    assert house.row.status is Status.RUNNING


def test_a_run_whose_job_was_taken_over_changes_nothing() -> None:
    house = House()

    def do(job: Job, _: Progress) -> Made:
        house.ledger.lose("job_1")
        house.ledger.claim("acme", "job_1")
        return Made({"pages": 1})

    assert house.work.run("acme", "job_1", do) == Done("lost", {}, "lost_claim")
    assert (house.row.status, house.ledger.buried, house.ledger.delays) == (Status.RUNNING, [], [])


def test_a_run_that_lost_the_users_lock_gives_its_job_back() -> None:
    # The lock is another run's by now, but the job is still this one's: nobody else would end it
    house = House()
    assert house.run(LostClaim()).status == "queued"
    assert (house.row.attempts, house.ledger.buried) == (0, [])


class Cancelling(FakeLedger):
    """A ledger whose job is cancelled while it runs."""

    def _refuse(self, claim: Claim, status: Status) -> None:
        self._own(claim)
        if status is not Status.CANCELLED:
            raise Cancelled

    def finish(self, claim: Claim, status: Status, **rest: Any) -> None:
        self._refuse(claim, status)
        super().finish(claim, status, **rest)

    def retry(self, claim: Claim, **rest: Any) -> None:
        self._refuse(claim, Status.QUEUED)

    def bury(self, claim: Claim, failure: Failure) -> None:
        self._refuse(claim, Status.DEAD)


@pytest.mark.parametrize("error", [None, Cancelled(), VectorsDown(), MemoryOSError(), InvalidRequest()])
def test_a_cancelled_job_is_cancelled_however_its_run_ended(error: Exception | None) -> None:
    house = House(Cancelling())
    assert house.run(error).status == "cancelled"
    assert house.row.status is Status.CANCELLED
    assert (house.row.error or {})["code"] == "cancelled"


def crash() -> None:
    secret = "4711"
    raise ValueError(f"我的密码 is {secret}")


def test_a_crash_leaves_its_place_in_the_letter_and_none_of_its_text() -> None:
    house = House()
    key = "acme", "job_1"
    house.ledger.rows[key] = replace(house.ledger.rows[key], attempts=2)

    def do(job: Job, _: Progress) -> Made:
        crash()
        return Made({})

    with capture_logs() as logged:
        assert house.work.run("acme", "job_1", do) == Done("dead", {}, "unexpected_error")
    ((_, why),) = house.ledger.buried
    assert (why.reason, why.exception) == ("unexpected_error", "ValueError")
    assert "test_work_service.py" in why.traceback
    assert "in crash" in why.traceback
    # And in the log, where the runs before the last one are told too
    (line,) = logged
    assert (line["event"], line["error"], "in crash" in line["at"]) == ("job_crashed", "ValueError", True)
    for shown in (repr(why), repr(house.row), repr(logged)):
        assert "4711" not in shown
        assert "密码" not in shown


def test_an_error_of_ours_speaks_for_itself() -> None:
    why = failure(WorkerLost("Every worker was lost."))
    assert (why.error["message"], why.reason, why.exception) == ("Every worker was lost.", "worker_lost", "")


def test_how_far_a_run_has_come_and_what_it_made_stand_in_the_job() -> None:
    house = House()

    def do(job: Job, progress: Progress) -> Made:
        progress(1, 4)
        assert house.row.progress == 0.25
        return Made({"events": 4}, {"file": "a"})

    # What the owner gets stands in the row; the task's own result holds counts only
    assert house.work.run("acme", "job_1", do) == Done("succeeded", {"events": 4})
    assert house.row.result == {"file": "a"}


def test_a_run_that_tells_its_progress_learns_that_it_is_to_stop() -> None:
    house = House()

    def do(job: Job, progress: Progress) -> Made:
        house.ledger.cancelled.append("job_1")
        progress(1, 4)
        raise AssertionError("went on")

    assert house.work.run("acme", "job_1", do).status == "cancelled"
