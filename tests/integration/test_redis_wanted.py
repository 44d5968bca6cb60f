"""Jobs of our own: one row each, run again when wanted meanwhile, resting when dead."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from waiting import until

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis import ledger as ledger_module
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.core.errors import Cancelled, LostClaim, MemoryOSError, NotFound
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.settings import Jobs
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.ledger import Claim, Failure, Job, Status

ALICE = Owner("acme", "al:ice 爱")
WHY = Failure(MemoryOSError("It failed.").described(), "internal_error", "ValueError", "a.py:1 in b")
DUE = keyspace.due("consolidate")


def want(ledger: RedisLedger, *, keep: int = 20, delay: float = 0.0) -> None:
    ledger.want(Job("job_c", ALICE, "consolidate", request={"session": "会话", "keep": keep}), delay=delay)


def claimed(ledger: RedisLedger) -> Claim:
    claim = ledger.claim("acme", "job_c")
    assert claim is not None
    return claim


def letters(truth: redis.Redis) -> list[dict[str, str]]:
    entries: Any = truth.xrange(keyspace.dead_letters("memory"))
    return [letter for _, letter in entries]


def test_what_is_wanted_often_is_one_job(ledger: RedisLedger, truth: redis.Redis) -> None:
    for _ in range(5):
        want(ledger)
    until(lambda: ledger.due(count=9, own=9)[0] == [("acme", "job_c", "consolidate")], seconds=5, what="it is due")
    job = ledger.get("acme", "job_c")
    assert (job.owner, job.kind, job.status) == (ALICE, "consolidate", Status.QUEUED)
    assert (job.request, job.deadline, job.inbox) == ({"session": "会话", "keep": 20}, 0.0, "")
    assert truth.zcard(DUE) == 1


def test_it_is_rung_for_when_its_wait_is_over(ledger: RedisLedger) -> None:
    want(ledger, delay=60)
    assert ledger.due(count=9, own=9) == ([], [])
    # Another wish makes it neither earlier nor later
    want(ledger, delay=0)
    assert ledger.due(count=9, own=9) == ([], [])


def test_wanted_while_it_runs_it_runs_once_more(ledger: RedisLedger, truth: redis.Redis) -> None:
    # Given a run that was wanted again twice
    want(ledger)
    claim = claimed(ledger)
    want(ledger)
    want(ledger)
    # When it ends
    ledger.finish(claim, Status.SUCCEEDED)
    # Then it is due at once, whole, with its attempts at zero
    until(lambda: ledger.due(count=9, own=9)[0] == [("acme", "job_c", "consolidate")], seconds=5, what="it is due")
    again = claimed(ledger)
    assert (again.job.attempts, again.job.request) == (1, {"session": "会话", "keep": 20})
    assert again.token > claim.token
    with pytest.raises(LostClaim):
        ledger.finish(claim, Status.SUCCEEDED)
    # And after that run it is done, and goes
    ledger.finish(again, Status.SUCCEEDED)
    assert ledger.get("acme", "job_c").status is Status.SUCCEEDED
    assert (truth.zcard(DUE), truth.ttl(keyspace.job("acme", "job_c")) > 0) == (0, True)


def test_wanted_after_its_end_it_begins_anew(ledger: RedisLedger, truth: redis.Redis) -> None:
    want(ledger)
    ledger.finish(claimed(ledger), Status.SUCCEEDED)
    want(ledger, keep=0)
    assert ledger.get("acme", "job_c").request == {"session": "会话", "keep": 0}
    # It does not expire while it waits
    assert (claimed(ledger).job.attempts, truth.ttl(keyspace.job("acme", "job_c"))) == (1, -1)


def test_one_that_died_rests_and_its_letter_stays(
    ledger: RedisLedger, truth: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a job that died
    want(ledger)
    ledger.bury(claimed(ledger), WHY)
    (letter,) = letters(truth)
    # When it is wanted soon after, then it rests
    want(ledger)
    assert ledger.get("acme", "job_c").status is Status.DEAD
    assert (ledger.claim("acme", "job_c"), truth.zcard(DUE)) == (None, 0)
    # When it has rested
    monkeypatch.setattr(ledger_module, "REST_MS", -1)
    want(ledger)
    # Then it runs again; failing again it has one letter, which tells since when
    ledger.bury(claimed(ledger), WHY)
    (second,) = letters(truth)
    assert second["first_seen"] == letter["first_seen"]
    assert int(second["last_seen"]) >= int(letter["last_seen"])
    # And succeeding, none
    want(ledger)
    ledger.finish(claimed(ledger), Status.SUCCEEDED)
    assert letters(truth) == []


def test_a_cancelled_one_can_be_wanted_again(ledger: RedisLedger) -> None:
    # Given a running job that was asked to stop, and was wanted again meanwhile
    want(ledger)
    claim = claimed(ledger)
    ledger.cancel("acme", "job_c")
    want(ledger)
    with pytest.raises(Cancelled):
        ledger.finish(claim, Status.SUCCEEDED)
    ledger.finish(claim, Status.CANCELLED)
    # Then the next run is not asked to stop
    again = claimed(ledger)
    assert ledger.renew(again) is False
    ledger.finish(again, Status.SUCCEEDED)


def test_the_rows_end_without_a_trace_among_what_is_due(truth: redis.Redis, codec: Codec) -> None:
    ledger = RedisLedger(truth, codec, Jobs(result_ttl=0.01))
    want(ledger)
    ledger.finish(claimed(ledger), Status.SUCCEEDED)

    def gone() -> bool:
        try:
            ledger.get("acme", "job_c")
        except NotFound:
            return True
        return False

    until(gone, seconds=5, what="the row has expired")
    assert (ledger.due(count=9, own=9), truth.zcard(DUE)) == (([], []), 0)
