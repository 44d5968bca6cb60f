"""Dead letters over a real store: kept whole, replayed once, gone when their work has succeeded."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from fakes import make_event

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.dead_letters import RedisDeadLetters
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.stm import RedisStm
from memoryos_tasks.core.errors import NotFound, UpstreamError
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.settings import Jobs
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.dead_letters import EVENTS, Letter, Replayed
from memoryos_tasks.ports.journal import Entry
from memoryos_tasks.ports.ledger import Claim, Failure, Job, Status

ALICE = Owner("acme", "al:ice 爱")
REQUEST = {"body": {"model": "m", "messages": [{"role": "user", "content": "你好"}]}, "stream": True, "digest": "d"}
ERROR = UpstreamError("They failed.").described()
WHY = Failure(ERROR, "upstream_error", "", "a.py:1 in b")
POISON = Failure({"message": "坏了.", "code": "internal_error"}, "internal_error", "ValueError", "a.py:1 in b")


@pytest.fixture
def dlq(truth: redis.Redis, codec: Codec) -> RedisDeadLetters:
    return RedisDeadLetters(truth, codec, Jobs())


def some(dlq: RedisDeadLetters, queue: str) -> list[Letter]:
    letters, following = dlq.page(queue, count=100)
    assert following is None
    return list(letters)


def one(dlq: RedisDeadLetters, queue: str) -> Letter:
    (letter,) = some(dlq, queue)
    assert dlq.get(letter.id) == letter
    return letter


def claimed(ledger: RedisLedger, id: str = "job_1") -> Claim:
    claim = ledger.claim("acme", id)
    assert claim is not None
    return claim


def dead_chat(ledger: RedisLedger, id: str = "job_1") -> None:
    ledger.create(Job(id, ALICE, "chat", request=REQUEST, request_id="req-1"))
    ledger.bury(claimed(ledger, id), WHY)


def dead_event(journal: RedisJournal, event_id: str = "e1", content: str = "毒药") -> None:
    journal.append(ALICE, [make_event(ALICE, event_id, content)])
    journal.bury(delivered(journal), POISON, 3)


def delivered(journal: RedisJournal) -> Entry:
    (entry,) = journal.admit(journal.read(count=9))
    return entry


def pending(truth: redis.Redis) -> tuple[int, int]:
    """Events not applied yet: of all owners and of this one."""
    total: Any = truth.get(keyspace.PENDING)
    mine: Any = truth.hget(keyspace.state(ALICE), "pending")
    return int(total or 0), int(mine or 0)


# Jobs


def test_a_jobs_letter_tells_everything(dlq: RedisDeadLetters, ledger: RedisLedger) -> None:
    dead_chat(ledger)
    letter = one(dlq, "chat")
    assert (letter.queue, letter.kind, letter.task, letter.subject) == ("chat", "chat", "chat.run", "job_1")
    assert (letter.reason, letter.message, letter.traceback) == ("upstream_error", "They failed.", "a.py:1 in b")
    assert (letter.tenant, letter.attempts, letter.request_id) == ("acme", 1, "req-1")
    assert (json.loads(letter.body), letter.headers["request_id"]) == (REQUEST, "req-1")
    assert letter.first_seen <= letter.last_seen
    assert letter.last_seen == pytest.approx(time.time(), abs=5)
    assert not letter.replaying
    assert dlq.counts() == {EVENTS: 0, "chat": 1, "memory": 0, "maintenance": 0, "vectors": 0}


def test_a_replayed_job_runs_as_it_was_and_its_letter_goes_with_success(
    dlq: RedisDeadLetters, ledger: RedisLedger
) -> None:
    dead_chat(ledger)
    letter = one(dlq, "chat")
    # When it is replayed
    assert dlq.replay(letter.id) is Replayed.REPLAYED
    # Then it is queued whole, with its attempts at zero and time to run, and the letter is still there
    job = ledger.get("acme", "job_1")
    assert (job.owner, job.kind, job.status, job.attempts) == (ALICE, "chat", Status.QUEUED, 0)
    assert (job.request, job.error, job.request_id, job.inbox) == (REQUEST, None, "req-1", "")
    assert job.deadline - time.time() == pytest.approx(Jobs().chat_deadline, abs=5)
    assert one(dlq, "chat").replaying
    assert ledger.due(count=9, own=9)[0] == [("acme", "job_1", "chat")]
    # And while it waits or runs it is not replayed again
    assert dlq.replay(letter.id) is Replayed.BUSY
    claim = claimed(ledger)
    assert claim.job.attempts == 1
    assert dlq.replay(letter.id) is Replayed.BUSY
    # And with its success the letter is gone
    ledger.finish(claim, Status.SUCCEEDED, result={"a": 1})
    assert some(dlq, "chat") == []
    with pytest.raises(NotFound):
        dlq.get(letter.id)
    with pytest.raises(NotFound, match="dead letter"):
        dlq.replay(letter.id)


def test_a_replayed_job_that_fails_again_has_one_letter_that_tells_since_when(
    dlq: RedisDeadLetters, ledger: RedisLedger
) -> None:
    dead_chat(ledger)
    first = one(dlq, "chat")
    for _ in range(2):
        dlq.replay(one(dlq, "chat").id)
        ledger.retry(claimed(ledger), delay=0, error=ERROR)
        ledger.bury(claimed(ledger), WHY)
    letter = one(dlq, "chat")
    assert (letter.attempts, letter.first_seen, letter.replaying) == (2, first.first_seen, False)
    assert letter.last_seen >= first.last_seen
    assert json.loads(letter.body) == REQUEST
    assert ledger.get("acme", "job_1").status is Status.DEAD


def test_a_replay_whose_workers_are_lost_is_a_letter_again(
    dlq: RedisDeadLetters, truth: redis.Redis, codec: Codec
) -> None:
    hasty = RedisLedger(truth, codec, Jobs(lease_seconds=0.01, unclaimed_seconds=0.01, max_attempts=1))
    dead_chat(hasty)
    first = one(dlq, "chat")
    dlq.replay(first.id)
    claimed(hasty)
    end = time.monotonic() + 5
    while not hasty.due(count=9, own=9)[1]:
        assert time.monotonic() < end
    letter = one(dlq, "chat")
    assert (letter.reason, letter.first_seen, letter.id == first.id) == ("worker_lost", first.first_seen, False)


def test_many_replays_at_once_run_it_once(dlq: RedisDeadLetters, ledger: RedisLedger) -> None:
    dead_chat(ledger)
    letter = one(dlq, "chat")
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: dlq.replay(letter.id), range(16)))
    assert sorted(outcomes) == [Replayed.BUSY] * 15 + [Replayed.REPLAYED]


def test_a_letter_outlives_its_row(dlq: RedisDeadLetters, ledger: RedisLedger, truth: redis.Redis) -> None:
    dead_chat(ledger)
    truth.delete(keyspace.job("acme", "job_1"))
    letter = one(dlq, "chat")
    assert (json.loads(letter.body), letter.replaying) == (REQUEST, False)
    assert dlq.replay(letter.id) is Replayed.REPLAYED
    ledger.finish(claimed(ledger), Status.SUCCEEDED, result={})
    assert some(dlq, "chat") == []


def test_what_has_succeeded_since_is_skipped(dlq: RedisDeadLetters, ledger: RedisLedger, truth: redis.Redis) -> None:
    # Given a job of our own that died, whose row went, and that was wanted anew and done
    promote = Job("job_p", ALICE, "promote")
    ledger.want(promote, delay=0)
    ledger.bury(claimed(ledger, "job_p"), WHY)
    truth.delete(keyspace.job("acme", "job_p"))
    ledger.want(promote, delay=0)
    ledger.finish(claimed(ledger, "job_p"), Status.SUCCEEDED)
    # When its letter is replayed
    letter = one(dlq, "memory")
    assert (letter.kind, letter.task) == ("promote", "memory.promote")
    assert dlq.replay(letter.id) is Replayed.SKIPPED
    # Then it does not run, and the letter is gone
    assert (ledger.claim("acme", "job_p"), some(dlq, "memory")) == (None, [])


def test_a_replayed_job_of_our_own_has_no_deadline(dlq: RedisDeadLetters, ledger: RedisLedger) -> None:
    ledger.want(Job("job_p", ALICE, "consolidate", request={"session": "s", "keep": 0}), delay=0)
    ledger.bury(claimed(ledger, "job_p"), WHY)
    assert dlq.replay(one(dlq, "memory").id) is Replayed.REPLAYED
    job = ledger.get("acme", "job_p")
    assert (job.deadline, job.request) == (0.0, {"session": "s", "keep": 0})


def test_a_replay_that_was_cancelled_can_be_replayed_again(dlq: RedisDeadLetters, ledger: RedisLedger) -> None:
    dead_chat(ledger)
    letter = one(dlq, "chat")
    dlq.replay(letter.id)
    ledger.cancel("acme", "job_1")
    assert not one(dlq, "chat").replaying
    assert dlq.replay(letter.id) is Replayed.REPLAYED
    ledger.finish(claimed(ledger), Status.SUCCEEDED, result={})
    assert some(dlq, "chat") == []


# Events


def test_an_events_letter_tells_everything(dlq: RedisDeadLetters, journal: RedisJournal) -> None:
    dead_event(journal)
    letter = one(dlq, EVENTS)
    assert (letter.queue, letter.kind, letter.subject, letter.tenant) == (EVENTS, "event", "e1", "acme")
    assert (letter.reason, letter.message, letter.exception) == ("internal_error", "坏了.", "ValueError")
    assert (letter.body, letter.attempts, letter.traceback) == ("毒药", 3, "a.py:1 in b")
    assert (letter.headers["user_id"], letter.headers["seq"]) == (ALICE.user, "1")
    assert (letter.first_seen <= letter.last_seen, letter.replaying) == (True, False)
    assert dlq.counts()[EVENTS] == 1


def test_a_replayed_event_comes_into_memory_once_and_in_its_place(
    dlq: RedisDeadLetters, journal: RedisJournal, truth: redis.Redis, codec: Codec
) -> None:
    # Given an event that died between two others of its session
    stm = RedisStm(truth, codec)
    journal.append(ALICE, [make_event(ALICE, f"e{n}", f"word {n}") for n in range(3)])
    first, bad, last = journal.admit(journal.read(count=9))
    journal.bury(bad, POISON, 3)
    journal.applied([first, last])
    letter = one(dlq, EVENTS)
    # When it is replayed, and replayed
    assert dlq.replay(letter.id) is Replayed.REPLAYED
    assert dlq.replay(letter.id) is Replayed.BUSY
    assert one(dlq, EVENTS).replaying
    # Then it is in its old place at once, and counted as not applied
    assert [event.event_id for event in stm.newest(ALICE, "default", count=9)] == ["e0", "e1", "e2"]
    assert pending(truth) == (1, 1)
    entry = delivered(journal)
    assert (entry.event.event_id, entry.event.seq, entry.job_id) == ("e1", 2, None)
    # And once it is applied, its letter is gone
    journal.applied([entry])
    journal.applied([entry])
    assert (some(dlq, EVENTS), pending(truth), truth.hlen(keyspace.TRIES)) == ([], (0, 0), 0)
    assert stm.size(ALICE, "default") == 3
    assert journal.append(ALICE, [make_event(ALICE, "e1", "word 1")]).duplicates == ("e1",)
    assert truth.xpending(keyspace.JOURNAL, "memoryos")["pending"] == 0


def test_a_replayed_event_that_fails_again_has_one_letter_that_tells_since_when(
    dlq: RedisDeadLetters, journal: RedisJournal, truth: redis.Redis
) -> None:
    dead_event(journal)
    first = one(dlq, EVENTS)
    for _ in range(2):
        dlq.replay(one(dlq, EVENTS).id)
        entry = delivered(journal)
        assert journal.tried(entry) == 1
        journal.bury(entry, POISON, 3)
    letter = one(dlq, EVENTS)
    assert (letter.first_seen, letter.replaying, letter.body) == (first.first_seen, False, "毒药")
    assert letter.last_seen >= first.last_seen
    assert pending(truth) == (0, 0)


def test_an_event_that_its_client_sent_again_is_skipped(
    dlq: RedisDeadLetters, journal: RedisJournal, truth: redis.Redis
) -> None:
    dead_event(journal)
    letter = one(dlq, EVENTS)
    # While it is on its way, its letter is busy
    journal.append(ALICE, [make_event(ALICE, "e1", "毒药")])
    assert (one(dlq, EVENTS).replaying, dlq.replay(letter.id)) == (True, Replayed.BUSY)
    # When it is in memory, the letter has nothing to add
    journal.applied([delivered(journal)])
    assert dlq.replay(letter.id) is Replayed.SKIPPED
    assert (some(dlq, EVENTS), journal.read(count=9), pending(truth)) == ([], [], (0, 0))


def test_an_event_whose_id_has_other_content_by_now_cannot_be_replayed(
    dlq: RedisDeadLetters, journal: RedisJournal
) -> None:
    dead_event(journal)
    journal.append(ALICE, [make_event(ALICE, "e1", "other words")])
    letter = one(dlq, EVENTS)
    assert not letter.replaying
    assert dlq.replay(letter.id) is Replayed.IMPOSSIBLE
    assert one(dlq, EVENTS) == letter


def test_a_stranger_with_anothers_id_cannot_be_replayed(
    dlq: RedisDeadLetters, journal: RedisJournal, truth: redis.Redis
) -> None:
    journal.append(ALICE, [make_event(ALICE, "e1", "mine")])
    body = json.dumps({"user_id": ALICE.user, "content": "theirs"})
    truth.xadd("chat_log", {"event_id": "e1", "tenant": "acme", "payload": body})
    journal.applied(journal.admit(journal.read(count=9)))
    letter = one(dlq, EVENTS)
    assert (letter.reason, letter.body, letter.attempts) == ("event_id_conflict", "theirs", 1)
    assert dlq.replay(letter.id) is Replayed.IMPOSSIBLE
    assert pending(truth) == (0, 0)


UNREADABLE = {
    "no JSON": {"event_id": "bad", "tenant": "acme", "payload": "{"},
    "no tenant": {"event_id": "bad", "tenant": "a:b", "payload": '{"user_id": "u", "content": "x"}'},
    "fields of its own": {"kind": "chat", "queue": "chat", "attempts": "many", "first_seen": "x", "subject": "y"},
    "nothing known": {"other": "field"},
}


@pytest.mark.parametrize("fields", UNREADABLE.values(), ids=UNREADABLE)
def test_an_entry_that_cannot_be_read_is_shown_and_cannot_be_replayed(
    dlq: RedisDeadLetters, journal: RedisJournal, truth: redis.Redis, fields: dict[Any, Any]
) -> None:
    truth.xadd("chat_log", fields)
    assert journal.read(count=9) == []
    letter = one(dlq, EVENTS)
    assert (letter.reason, letter.kind, letter.attempts, letter.body) == (
        "invalid_request", "event", 1, fields.get("payload", ""))
    assert letter.message.startswith("The journal entry")
    assert letter.first_seen == pytest.approx(time.time(), abs=5)
    assert dlq.replay(letter.id) is Replayed.IMPOSSIBLE
    assert (one(dlq, EVENTS), pending(truth)) == (letter, (0, 0))


def test_an_entry_that_can_be_read_by_now_is_replayed(
    dlq: RedisDeadLetters, journal: RedisJournal, truth: redis.Redis, codec: Codec
) -> None:
    # Given a letter about an entry that an earlier version could not read
    body = json.dumps({"user_id": ALICE.user, "content": "读得懂"})
    truth.xadd(keyspace.DEAD_LETTERS, {"tenant": "acme", "payload": body, "stream_id": "1700000000000-7",
                                       "reason": "invalid_request", "attempts": 1, "first_seen": 1, "last_seen": 2})
    # When it is replayed
    assert dlq.replay(one(dlq, EVENTS).id) is Replayed.REPLAYED
    assert pending(truth) == (1, 1)
    # Then it is an event like any other, with the id and the time of its entry
    entry = delivered(journal)
    assert (entry.event.event_id, entry.event.timestamp) == ("1700000000000-7", 1_700_000_000.0)
    journal.applied([entry])
    assert (some(dlq, EVENTS), pending(truth)) == ([], (0, 0))
    assert [event.content for event in RedisStm(truth, codec).newest(ALICE, "default", count=9)] == ["读得懂"]


# Both


def test_pages_go_through_all_letters_once(dlq: RedisDeadLetters, ledger: RedisLedger, journal: RedisJournal) -> None:
    for number in range(5):
        dead_chat(ledger, f"job_{number}")
        dead_event(journal, f"e{number}")
    for queue in ("chat", EVENTS):
        seen, after, pages = [], "", 0
        while True:
            letters, following = dlq.page(queue, count=2, after=after)
            seen += [letter.subject for letter in letters]
            pages += 1
            if following is None:
                break
            after = following
        assert pages == 3
        assert seen == [f"{'job_' if queue == 'chat' else 'e'}{number}" for number in range(5)]
    assert dlq.page("vectors", count=2) == ([], None)


def test_a_purged_letter_is_gone(dlq: RedisDeadLetters, ledger: RedisLedger, journal: RedisJournal) -> None:
    dead_chat(ledger)
    dead_event(journal)
    for queue in ("chat", EVENTS):
        letter = one(dlq, queue)
        assert [dlq.purge(letter.id), dlq.purge(letter.id)] == [True, False]
        assert some(dlq, queue) == []
    assert journal.append(ALICE, [make_event(ALICE, "e1", "毒药")]).event_ids == ("e1",)


@pytest.mark.parametrize("id", ["", "chat", "chat:", "chat:x-1", "chat:1", "nope:1-1", "chat_log:1-1", "chat:1-1",
                                "events:9-9", "events:" + "9" * 50 + "-1", "events:٣-١", "chat:-", "chat:+"])
def test_a_letter_that_is_not_there_is_told(dlq: RedisDeadLetters, id: str) -> None:
    for call in (dlq.get, dlq.replay):
        with pytest.raises(NotFound):
            call(id)


def test_a_message_that_no_task_took_is_kept_as_it_came(dlq: RedisDeadLetters, truth: redis.Redis) -> None:
    # Given what a worker could not handle
    letter = Letter("", "maintenance", "message", "unknown_task", "No task has this name.", subject="id-1",
                    task="nope.nope", exception="KeyError", first_seen=1.5, last_seen=2.5, request_id="req-1",
                    headers={"task": "nope.nope", "深": [1, None]}, body='{"body": "[[], {}, null]"}')
    # When it is buried
    id = dlq.bury(letter)
    # Then it is all there, counted, and not for replaying
    kept = one(dlq, "maintenance")
    assert kept == Letter(**{**{name: getattr(letter, name) for name in Letter.__slots__}, "id": id})
    assert truth.hget(keyspace.COUNTERS, "dead unknown_task") == "1"
    assert dlq.replay(id) is Replayed.IMPOSSIBLE
    assert dlq.purge(id)
