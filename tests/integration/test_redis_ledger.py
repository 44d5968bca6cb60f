from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from fakes import make_event
from waiting import until

from memoryos_tasks.adapters.codec.plain import PlainCodec
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.core.errors import Cancelled, EventConflict, LostClaim, NotFound, UpstreamError
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.settings import Jobs
from memoryos_tasks.ports.ledger import Claim, Job, Status

ALICE = Owner("acme", "al:ice 爱")
REQUEST = {"body": {"model": "m", "messages": [{"role": "user", "content": "你好"}]}, "memory": True}
ERROR = UpstreamError("It failed.", retry_after=2).described()


def make_job(id: str = "job_1", **fields: Any) -> Job:
    return Job(id, ALICE, "chat", request=REQUEST, **fields)


def claimed(ledger: RedisLedger, id: str = "job_1") -> Claim:
    ledger.create(make_job(id))
    claim = ledger.claim("acme", id)
    assert claim is not None
    return claim


@pytest.fixture
def hasty(truth: redis.Redis, codec: PlainCodec) -> RedisLedger:
    """A ledger whose leases and waits are over in a moment."""
    return RedisLedger(truth, codec, Jobs(lease_seconds=0.05, unclaimed_seconds=0.05, max_attempts=2))


def reclaimed(ledger: RedisLedger, id: str = "job_1") -> Claim:
    """The claim of the next run, once the last one's lease ran out."""
    claim = until(lambda: ledger.claim("acme", id), seconds=5, what="the lease runs out")
    assert claim is not None
    return claim


def test_a_job_is_read_back_as_it_was_written(ledger: RedisLedger) -> None:
    assert ledger.create(make_job(inbox="gw-1", request_id="req-1"))
    job = ledger.get("acme", "job_1")
    assert (job.id, job.owner, job.kind, job.status, job.attempts) == ("job_1", ALICE, "chat", Status.QUEUED, 0)
    assert (job.request, job.result, job.error) == (REQUEST, None, None)
    assert (job.inbox, job.request_id) == ("gw-1", "req-1")
    assert job.created_at == pytest.approx(time.time(), abs=5)
    assert job.deadline - job.created_at == pytest.approx(Jobs().chat_deadline)


def test_a_job_is_created_once(ledger: RedisLedger) -> None:
    assert ledger.create(make_job(inbox="first"))
    assert not ledger.create(make_job(inbox="second"))
    assert ledger.get("acme", "job_1").inbox == "first"


def test_a_job_of_another_tenant_is_not_there(ledger: RedisLedger) -> None:
    ledger.create(make_job())
    with pytest.raises(NotFound, match="job_1"):
        ledger.get("other", "job_1")
    assert ledger.claim("other", "job_1") is None
    with pytest.raises(NotFound):
        ledger.cancel("other", "job_1")
    assert ledger.get("acme", "job_1").status is Status.QUEUED


def test_while_a_lease_holds_nobody_else_has_the_job(ledger: RedisLedger) -> None:
    ledger.create(make_job())
    with ThreadPoolExecutor(10) as pool:
        claims = list(pool.map(lambda _: ledger.claim("acme", "job_1"), range(20)))
    (claim,) = [claim for claim in claims if claim is not None]
    assert (claim.job.status, claim.job.attempts, claim.job.request) == (Status.RUNNING, 1, REQUEST)


def test_after_the_lease_another_run_has_the_job_and_the_old_one_nothing(
    hasty: RedisLedger, ledger: RedisLedger, journal: RedisJournal
) -> None:
    # Given a run whose lease ran out, and one that took over
    old = claimed(hasty)
    new = until(lambda: ledger.claim("acme", "job_1"), seconds=5, what="the lease runs out")
    assert new is not None
    # Then the new one has the larger token
    assert new.token > old.token
    assert new.job.attempts == 2
    # And the old one can do nothing
    with pytest.raises(LostClaim):
        ledger.renew(old)
    with pytest.raises(LostClaim):
        ledger.retry(old, delay=0, error=ERROR)
    with pytest.raises(LostClaim):
        ledger.finish(old, Status.SUCCEEDED, result={"old": True}, events=[make_event(ALICE, "e1", "old")])
    assert journal.pending(ALICE) == 0
    # While the new one works on
    assert ledger.renew(new) is False
    ledger.finish(new, Status.SUCCEEDED, result={"new": True})
    assert ledger.get("acme", "job_1").result == {"new": True}


def test_a_renewed_lease_holds(truth: redis.Redis, codec: PlainCodec, ledger: RedisLedger) -> None:
    short = RedisLedger(truth, codec, Jobs(lease_seconds=0.2))
    claim = claimed(short)
    ledger.renew(claim)  # for 15 s
    end = time.monotonic() + 0.3
    until(lambda: time.monotonic() > end, seconds=1, what="the first lease is over")
    assert short.claim("acme", "job_1") is None


def test_finish_keeps_the_answer_and_journals_the_exchange(
    ledger: RedisLedger, journal: RedisJournal, truth: redis.Redis
) -> None:
    claim = claimed(ledger)
    events = [make_event(ALICE, "job_1:0", "你好"), make_event(ALICE, "job_1:1", "Hi.", role="assistant")]
    ledger.finish(claim, Status.SUCCEEDED, result={"回": 1}, events=events)
    job = ledger.get("acme", "job_1")
    assert (job.status, job.result, job.error, job.progress) == (Status.SUCCEEDED, {"回": 1}, None, 1.0)
    # The prompt is not kept longer than needed, nor the answer for ever
    assert job.request == {}
    assert 0 < truth.ttl(keyspace.job("acme", "job_1")) <= Jobs().result_ttl
    assert [entry.event.content for entry in journal.read(count=10)] == ["你好", "Hi."]
    assert journal.pending(ALICE) == 2


@pytest.mark.parametrize("end", ["finished", "cancelled"])
def test_a_closed_job_still_knows_what_was_asked(ledger: RedisLedger, end: str) -> None:
    ledger.create(Job("job_1", ALICE, "chat", request={**REQUEST, "digest": "abc"}))
    if end == "finished":
        claim = ledger.claim("acme", "job_1")
        assert claim is not None
        ledger.finish(claim, Status.SUCCEEDED, result={})
    else:
        ledger.cancel("acme", "job_1")
    assert ledger.get("acme", "job_1").request == {"digest": "abc"}


def test_a_job_is_finished_once(ledger: RedisLedger, journal: RedisJournal) -> None:
    claim = claimed(ledger)
    ledger.finish(claim, Status.FAILED, error=ERROR)
    with pytest.raises(LostClaim):
        ledger.finish(claim, Status.SUCCEEDED, result={}, events=[make_event(ALICE, "e1", "late")])
    assert ledger.claim("acme", "job_1") is None
    assert ledger.due(count=10) == ([], [])
    assert (ledger.get("acme", "job_1").error, journal.pending(ALICE)) == (ERROR, 0)


def test_finish_with_an_event_that_conflicts_changes_nothing(ledger: RedisLedger, journal: RedisJournal) -> None:
    journal.append(ALICE, [make_event(ALICE, "job_1:1", "already said")])
    claim = claimed(ledger)
    events = [make_event(ALICE, "job_1:0", "question"), make_event(ALICE, "job_1:1", "other")]
    with pytest.raises(EventConflict):
        ledger.finish(claim, Status.SUCCEEDED, result={}, events=events)
    assert ledger.get("acme", "job_1").status is Status.RUNNING
    assert journal.pending(ALICE) == 1


def test_a_job_given_back_waits_for_its_time(ledger: RedisLedger) -> None:
    claim = claimed(ledger)
    ledger.retry(claim, delay=60, error=ERROR)
    job = ledger.get("acme", "job_1")
    assert (job.status, job.error, job.request) == (Status.QUEUED, ERROR, REQUEST)
    assert ledger.claim("acme", "job_1") is None
    assert ledger.due(count=10) == ([], [])
    with pytest.raises(LostClaim):
        ledger.renew(claim)


def test_a_job_given_back_is_due_and_claimed_when_its_time_has_come(ledger: RedisLedger) -> None:
    ledger.retry(claimed(ledger), delay=0.05, error=ERROR)
    ring, dead = until(lambda: _some(ledger.due(count=10)), seconds=5, what="the job is due")
    assert (ring, dead) == ([("acme", "job_1", "chat")], [])
    claim = ledger.claim("acme", "job_1")
    assert claim is not None
    assert claim.job.attempts == 2


def _some(due: tuple[list[Any], list[Any]]) -> tuple[list[Any], list[Any]] | None:
    return due if any(due) else None


def test_a_queued_job_is_cancelled_at_once(ledger: RedisLedger, truth: redis.Redis) -> None:
    ledger.create(make_job())
    job = ledger.cancel("acme", "job_1")
    assert job.status is Status.CANCELLED
    assert job.error is not None
    assert job.error["code"] == "cancelled"
    assert ledger.claim("acme", "job_1") is None
    assert ledger.due(count=10) == ([], [])
    assert truth.ttl(keyspace.job("acme", "job_1")) > 0


def test_a_running_job_is_asked_to_stop(ledger: RedisLedger) -> None:
    claim = claimed(ledger)
    assert ledger.cancel("acme", "job_1").status is Status.RUNNING
    assert ledger.renew(claim) is True
    ledger.finish(claim, Status.CANCELLED)
    assert ledger.cancel("acme", "job_1").status is Status.CANCELLED


def test_a_finished_job_is_not_cancelled(ledger: RedisLedger) -> None:
    ledger.finish(claimed(ledger), Status.SUCCEEDED, result={"a": 1})
    assert ledger.cancel("acme", "job_1").status is Status.SUCCEEDED


def test_events_that_are_journaled_are_not_cancelled(ledger: RedisLedger, journal: RedisJournal) -> None:
    receipt = journal.append(ALICE, [make_event(ALICE, "e1", "x")])
    assert receipt.job_id is not None
    assert ledger.cancel("acme", receipt.job_id).status is Status.QUEUED


def test_a_job_that_nobody_claims_is_rung_again_and_again(hasty: RedisLedger, ledger: RedisLedger) -> None:
    hasty.create(make_job())
    for _ in range(2):
        ring, dead = until(lambda: _some(hasty.due(count=10)), seconds=5, what="the job is due")
        assert (ring, dead) == ([("acme", "job_1", "chat")], [])
    # Not twice in one moment
    ledger.create(make_job("job_2"))
    assert ledger.due(count=10) == ([], [])


def test_a_job_whose_lease_ran_out_is_rung_again_and_dies_after_its_attempts(
    hasty: RedisLedger, truth: redis.Redis
) -> None:
    # Given a job whose first run died
    claimed(hasty)
    ring, _ = until(lambda: _some(hasty.due(count=10)), seconds=5, what="the job is due")
    assert ring == [("acme", "job_1", "chat")]
    # When the second, its last, dies as well
    reclaimed(hasty)
    _, dead = until(lambda: _some(hasty.due(count=10)), seconds=5, what="the job is dead")
    # Then it is a dead letter, kept whole for a while
    assert dead == [("acme", "job_1", "chat")]
    job = hasty.get("acme", "job_1")
    assert (job.status, job.request) == (Status.DEAD, REQUEST)
    assert job.error is not None
    assert job.error["code"] == "deadline_exceeded"
    assert hasty.claim("acme", "job_1") is None
    assert hasty.due(count=10) == ([], [])
    assert truth.ttl(keyspace.job("acme", "job_1")) > 0


def test_a_job_past_its_deadline_dies(truth: redis.Redis, codec: PlainCodec) -> None:
    ledger = RedisLedger(truth, codec, Jobs(unclaimed_seconds=0.05, chat_deadline=0.01))
    ledger.create(make_job())
    ring, dead = until(lambda: _some(ledger.due(count=10)), seconds=5, what="the job is due")
    assert (ring, dead) == ([], [("acme", "job_1", "chat")])


def test_due_gives_out_no_more_than_asked(hasty: RedisLedger) -> None:
    for number in range(5):
        hasty.create(make_job(f"job_{number}"))
    given: list[Any] = []

    def all_given() -> bool:
        ring, _ = hasty.due(count=2)
        assert len(ring) <= 2
        given.extend(ring)
        return len(given) >= 5

    until(all_given, seconds=5, what="all five are due")
    assert {id for _, id, _ in given} == {f"job_{number}" for number in range(5)}


def test_a_row_that_expired_is_forgotten(hasty: RedisLedger, truth: redis.Redis) -> None:
    hasty.create(make_job())
    truth.delete(keyspace.job("acme", "job_1"))
    until(lambda: (hasty.due(count=10), truth.zcard(keyspace.DUE) == 0)[1], seconds=5, what="it is not due any more")
    assert hasty.claim("acme", "job_1") is None


def test_a_success_that_was_cancelled_meanwhile_is_no_success(ledger: RedisLedger, journal: RedisJournal) -> None:
    # Given a running job that is asked to stop
    claim = claimed(ledger, "late")
    ledger.cancel("acme", "late")
    # When its run comes with an answer all the same, or wants to try again
    with pytest.raises(Cancelled):
        ledger.finish(claim, Status.SUCCEEDED, result={"ok": True}, events=[make_event(ALICE, "e1", "unseen")])
    with pytest.raises(Cancelled):
        ledger.retry(claim, delay=1, error={})
    # Then nothing of it is memory, and it can be closed as what it is
    assert journal.pending(ALICE) == 0
    ledger.finish(claim, Status.CANCELLED, error={"code": "cancelled"})
    assert ledger.get("acme", "late").status is Status.CANCELLED
