from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from fakes import make_event
from waiting import until

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.stm import RedisStm
from memoryos_tasks.core.errors import Cancelled, EventConflict, LostClaim, NotFound, QueueFull, UpstreamError
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.settings import Jobs
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.ledger import Claim, Failure, Job, Status

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
def hasty(truth: redis.Redis, codec: Codec) -> RedisLedger:
    """A ledger whose leases and waits are over in a moment."""
    return RedisLedger(truth, codec, Jobs(lease_seconds=0.05, unclaimed_seconds=0.05, max_attempts=2))


def letters(truth: redis.Redis, queue: str = "chat") -> list[dict[str, str]]:
    """The dead letters of a queue."""
    entries: Any = truth.xrange(keyspace.dead_letters(queue))
    return [letter for _, letter in entries]


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


def test_a_renewed_lease_holds(truth: redis.Redis, codec: Codec, ledger: RedisLedger) -> None:
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
    assert ledger.due(count=10, own=10) == ([], [])
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
    assert ledger.due(count=10, own=10) == ([], [])
    with pytest.raises(LostClaim):
        ledger.renew(claim)


def test_a_job_given_back_is_due_and_claimed_when_its_time_has_come(ledger: RedisLedger) -> None:
    ledger.retry(claimed(ledger), delay=0.05, error=ERROR)
    ring, dead = until(lambda: _some(ledger.due(count=10, own=10)), seconds=5, what="the job is due")
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
    assert ledger.due(count=10, own=10) == ([], [])
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
        ring, dead = until(lambda: _some(hasty.due(count=10, own=10)), seconds=5, what="the job is due")
        assert (ring, dead) == ([("acme", "job_1", "chat")], [])
    # Not twice in one moment
    ledger.create(make_job("job_2"))
    assert ledger.due(count=10, own=10) == ([], [])


def test_a_job_whose_lease_ran_out_is_rung_again_and_dies_after_its_attempts(
    hasty: RedisLedger, truth: redis.Redis, codec: Codec
) -> None:
    # Given a job whose first run died
    claimed(hasty)
    ring, _ = until(lambda: _some(hasty.due(count=10, own=10)), seconds=5, what="the job is due")
    assert ring == [("acme", "job_1", "chat")]
    # When the second, its last, dies as well
    reclaimed(hasty)
    _, dead = until(lambda: _some(hasty.due(count=10, own=10)), seconds=5, what="the job is dead")
    # Then it is dead, and its request stands in its letter alone
    assert dead == [("acme", "job_1", "chat")]
    job = hasty.get("acme", "job_1")
    assert (job.status, job.request) == (Status.DEAD, {})
    assert job.error is not None
    assert job.error["code"] == "worker_lost"
    (letter,) = letters(truth)
    assert (letter["subject"], letter["reason"], letter["attempts"]) == ("job_1", "worker_lost", "2")
    assert json.loads(codec.open(ALICE, letter["body"])) == REQUEST
    assert hasty.claim("acme", "job_1") is None
    assert hasty.due(count=10, own=10) == ([], [])
    assert truth.ttl(keyspace.job("acme", "job_1")) > 0


def test_a_job_past_its_deadline_dies(truth: redis.Redis, codec: Codec) -> None:
    ledger = RedisLedger(truth, codec, Jobs(unclaimed_seconds=0.05, chat_deadline=0.01))
    ledger.create(make_job())
    ring, dead = until(lambda: _some(ledger.due(count=10, own=10)), seconds=5, what="the job is due")
    assert (ring, dead) == ([], [("acme", "job_1", "chat")])


def test_due_gives_out_no_more_than_asked(hasty: RedisLedger) -> None:
    for number in range(5):
        hasty.create(make_job(f"job_{number}"))
    given: list[Any] = []

    def all_given() -> bool:
        ring, _ = hasty.due(count=2, own=2)
        assert len(ring) <= 2
        given.extend(ring)
        return len(given) >= 5

    until(all_given, seconds=5, what="all five are due")
    assert {id for _, id, _ in given} == {f"job_{number}" for number in range(5)}


def test_a_row_that_expired_is_forgotten(hasty: RedisLedger, truth: redis.Redis) -> None:
    hasty.create(make_job())
    truth.delete(keyspace.job("acme", "job_1"))
    due = keyspace.due("chat")
    until(lambda: (hasty.due(count=10, own=10), truth.zcard(due) == 0)[1], seconds=5, what="it is not due any more")
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


WHY = Failure(ERROR, "upstream_error", "", "a.py:1 in b")


def test_a_buried_job_and_its_letter_are_written_in_one_step(
    ledger: RedisLedger, truth: redis.Redis, codec: Codec
) -> None:
    ledger.create(make_job(request_id="req-1"))
    claim = ledger.claim("acme", "job_1")
    assert claim is not None
    ledger.bury(claim, WHY)
    # The row is closed and goes after a while
    job = ledger.get("acme", "job_1")
    assert (job.status, job.error, job.request) == (Status.DEAD, ERROR, {})
    assert 0 < truth.ttl(keyspace.job("acme", "job_1")) <= Jobs().result_ttl
    assert (truth.zcard(keyspace.due("chat")), ledger.claim("acme", "job_1")) == (0, None)
    # The letter is whole and stays
    (letter,) = letters(truth)
    letter["message"] = codec.open(ALICE, letter["message"])
    assert {name: letter[name] for name in ("tenant", "subject", "kind", "queue", "task", "reason", "message",
                                            "exception", "traceback", "attempts", "request_id")} == {
        "tenant": "acme", "subject": "job_1", "kind": "chat", "queue": "chat", "task": "chat.run",
        "reason": "upstream_error", "message": "It failed.", "exception": "", "traceback": "a.py:1 in b",
        "attempts": "1", "request_id": "req-1",
    }
    assert json.loads(codec.open(ALICE, letter["body"])) == REQUEST
    assert json.loads(letter["headers"])["request_id"] == "req-1"
    assert 0 < int(letter["first_seen"]) <= int(letter["last_seen"])
    assert truth.ttl(keyspace.dead_letters("chat")) == -1
    assert truth.hgetall(keyspace.COUNTERS) == {"dead upstream_error": "1"}
    # Asked again after the answer was lost on the way, nothing is written twice
    ledger.bury(claim, WHY)
    assert len(letters(truth)) == 1


def test_only_who_has_the_job_can_bury_it(hasty: RedisLedger, ledger: RedisLedger, truth: redis.Redis) -> None:
    old = claimed(hasty)
    new = reclaimed(hasty)
    with pytest.raises(LostClaim):
        ledger.bury(old, WHY)
    ledger.finish(new, Status.SUCCEEDED, result={})
    with pytest.raises(LostClaim):
        ledger.bury(new, WHY)
    assert letters(truth) == []


def test_a_cancelled_job_is_no_dead_letter(ledger: RedisLedger, truth: redis.Redis) -> None:
    claim = claimed(ledger)
    ledger.cancel("acme", "job_1")
    with pytest.raises(Cancelled):
        ledger.bury(claim, WHY)
    ledger.finish(claim, Status.CANCELLED)
    assert (ledger.get("acme", "job_1").status, letters(truth)) == (Status.CANCELLED, [])


def test_runs_that_did_not_count_are_told_apart(ledger: RedisLedger) -> None:
    ledger.create(make_job())
    for waits in range(3):
        claim = ledger.claim("acme", "job_1")
        assert claim is not None
        assert (claim.job.attempts, claim.job.waits) == (1, waits)
        ledger.retry(claim, delay=0, error=ERROR, counted=False)
    claim = ledger.claim("acme", "job_1")
    assert claim is not None
    ledger.retry(claim, delay=0, error=ERROR)
    assert (ledger.get("acme", "job_1").attempts, ledger.get("acme", "job_1").waits) == (1, 3)


def test_a_job_returned_by_a_leaving_process_is_untouched_and_due(ledger: RedisLedger) -> None:
    claim = claimed(ledger)
    ledger.release(claim)
    job = ledger.get("acme", "job_1")
    assert (job.status, job.attempts, job.waits, job.error) == (Status.QUEUED, 0, 0, None)
    until(lambda: ledger.due(count=9, own=9)[0] == [("acme", "job_1", "chat")], seconds=5, what="the job is due")
    with pytest.raises(LostClaim):
        ledger.finish(claim, Status.SUCCEEDED, result={})


def test_a_wait_beyond_the_deadline_ends_at_the_deadline(truth: redis.Redis, codec: Codec) -> None:
    # Given a job that a vendor wants tried an hour later, when nobody wants it any more
    short = RedisLedger(truth, codec, Jobs(chat_deadline=0.1))
    short.retry(claimed(short), delay=3600, error=ERROR)
    # Then it does not wait that long
    _, dead = until(lambda: _some(short.due(count=10, own=10)), seconds=5, what="the job is closed")
    assert dead == [("acme", "job_1", "chat")]
    assert (letters(truth)[0]["reason"], short.get("acme", "job_1").status) == ("deadline_exceeded", Status.DEAD)


def test_a_lost_run_counts_as_one_redelivery(hasty: RedisLedger, truth: redis.Redis) -> None:
    claimed(hasty)
    for _ in range(3):
        until(lambda: _some(hasty.due(count=10, own=10)), seconds=5, what="the job is rung for")
    assert truth.hgetall(keyspace.COUNTERS) == {"redelivered job": "1", "sweeper rung": "3"}


def test_past_the_bound_no_chat_is_taken(truth: redis.Redis, codec: Codec) -> None:
    # Given a ledger that has room for two, of all tenants
    ledger = RedisLedger(truth, codec, Jobs(max_queued=2))
    ledger.create(make_job("job_1"))
    other = Owner("other", "bob")
    ledger.create(Job("job_1", other, "chat", request=REQUEST))
    # When a third comes
    with pytest.raises(QueueFull) as caught:
        ledger.create(make_job("job_2"))
    # Then it is refused with a time to come back, and there is no row of it
    assert (caught.value.status, caught.value.retry_after) == (429, 2.0)
    with pytest.raises(NotFound):
        ledger.get("acme", "job_2")
    # And one that is known is no third; nor do jobs of our own count
    assert not ledger.create(make_job("job_1"))
    ledger.want(Job("job_p", ALICE, "promote"), delay=0)
    # And there is room when one has ended
    ledger.finish(claimed(ledger), Status.SUCCEEDED, result={})
    assert ledger.create(make_job("job_2"))


def test_a_gateway_process_is_listening_while_it_says_so(ledger: RedisLedger, truth: redis.Redis) -> None:
    assert not ledger.listening("gw-1")
    truth.set(keyspace.listening("gw-1"), 1)
    assert ledger.listening("gw-1")


def test_an_answer_asked_for_twice_has_one_effect(ledger: RedisLedger, journal: RedisJournal) -> None:
    # A connection that broke after the first is tried once more by the client
    claim = claimed(ledger)
    events = [make_event(ALICE, "job_1:0", "你好")]
    for _ in range(2):
        ledger.finish(claim, Status.SUCCEEDED, result={"a": 1}, events=events)
    assert journal.pending(ALICE) == 1
    assert len(journal.read(count=9)) == 1


def test_an_exchange_is_in_short_term_memory_and_counted_with_its_answer(
    ledger: RedisLedger, journal: RedisJournal, truth: redis.Redis, codec: Codec
) -> None:
    events = [make_event(ALICE, "job_1:0", "你好", session="s"),
              make_event(ALICE, "job_1:1", "Hi.", role="assistant", session="s")]
    ledger.finish(claimed(ledger), Status.SUCCEEDED, result={}, events=events)
    shown = [event.content for event in RedisStm(truth, codec).newest(ALICE, "s", count=9)]
    assert (shown, journal.pending(ALICE), truth.get(keyspace.PENDING)) == (["你好", "Hi."], 2, "2")
    journal.applied(journal.admit(journal.read(count=9)))
    assert (journal.pending(ALICE), truth.get(keyspace.PENDING)) == (0, "0")
    assert not truth.hexists(keyspace.state(ALICE), "shown:s")


def test_progress_is_told_by_the_row_until_the_claim_is_lost(ledger: RedisLedger) -> None:
    # Given a run
    ledger.create(Job("job_p", ALICE, "consolidate"))
    claim = ledger.claim("acme", "job_p")
    assert claim is not None
    # When it says how far it has come
    ledger.progress(claim, 3, 4)
    # Then whoever asks is told
    assert ledger.get("acme", "job_p").progress == 0.75
    # And a run that is to stop, or has lost its claim, is told so
    ledger.cancel("acme", "job_p")
    with pytest.raises(Cancelled):
        ledger.progress(claim, 4, 4)
    ledger.finish(claim, Status.CANCELLED)
    with pytest.raises(LostClaim):
        ledger.progress(claim, 4, 4)
