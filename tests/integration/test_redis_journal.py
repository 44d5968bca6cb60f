from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import redis
from fakes import make_event

from memoryos_tasks.adapters.redis import connections, keyspace
from memoryos_tasks.adapters.redis import journal as journal_module
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.locks import RedisLocks
from memoryos_tasks.adapters.redis.stm import RedisStm
from memoryos_tasks.core.errors import EventConflict, QueueFull, TruthDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.dead_letters import SYSTEM_LETTERS
from memoryos_tasks.ports.journal import Ended, Entry, Receipt
from memoryos_tasks.ports.ledger import Failure, Status

ALICE = Owner("acme", "alice")


def take_in(journal: RedisJournal, entries: Sequence[Entry]) -> list[Ended]:
    return journal.applied(journal.admit(entries))


def letters(truth: redis.Redis) -> list[dict[str, str]]:
    """The dead letters."""
    entries: Any = truth.xrange(keyspace.DEAD_LETTERS)
    return [letter for _, letter in entries]


def counts(truth: redis.Redis, owner: Owner = ALICE) -> tuple[int, int, dict[str, int]]:
    """Events not applied yet: of all owners, of this one, and of each of its sessions."""
    state: Any = truth.hgetall(keyspace.state(owner))
    total: Any = truth.get(keyspace.PENDING)
    shown = {name.removeprefix("shown:"): int(count) for name, count in state.items() if name.startswith("shown:")}
    return int(total or 0), int(state.get("pending", 0)), shown


WHY = Failure({"message": "It failed: 坏了.", "code": "internal_error"}, "internal_error", "ValueError", "a.py:1 in b")


def everything(truth: redis.Redis) -> dict[str, Any]:
    """All that is stored, for tests that say that nothing changed."""
    return {str(key): truth.dump(key) for key in truth.scan_iter()}


def test_new_events_are_written_in_order_with_one_job(journal: RedisJournal, ledger: RedisLedger) -> None:
    events = [make_event(ALICE, f"e{number}", f"说了 {number}") for number in range(3)]
    receipt = journal.append(ALICE, events, inbox="gateway-1", request_id="req-1")
    assert (receipt.event_ids, receipt.duplicates) == (("e0", "e1", "e2"), ())
    assert receipt.job_id is not None
    job = ledger.get("acme", receipt.job_id)
    assert (job.owner, job.kind, job.status, job.progress) == (ALICE, "ingest", Status.QUEUED, 0.0)
    assert (job.inbox, job.request_id) == ("gateway-1", "req-1")
    assert journal.pending(ALICE) == 3
    entries = journal.admit(journal.read(count=10))
    assert [entry.event for entry in entries] == [replace(event, seq=at) for at, event in enumerate(events, 1)]
    assert {entry.job_id for entry in entries} == {receipt.job_id}


def test_a_whole_event_survives_the_journal(journal: RedisJournal) -> None:
    whole = Event(Owner("acme", "a:b 李"), "id:1 ü", "tool", "结果\n{\"a\": 1}", 1.5, "s: 1", "helper", "search",
                  {"深": [1, None, {"x": "y"}]})
    journal.append(whole.owner, [whole])
    (entry,) = journal.admit(journal.read(count=1))
    assert entry.event == replace(whole, seq=1)


def test_an_event_seen_before_is_a_duplicate_without_a_job(journal: RedisJournal, truth: redis.Redis) -> None:
    journal.append(ALICE, [make_event(ALICE, "e1", "hello")])
    before = everything(truth)
    # Another timestamp does not make it another event
    receipt = journal.append(ALICE, [replace(make_event(ALICE, "e1", "hello"), timestamp=99.0)])
    assert (receipt.event_ids, receipt.duplicates, receipt.job_id) == ((), ("e1",), None)
    assert everything(truth) == before


def test_one_batch_may_hold_old_and_repeated_events(journal: RedisJournal) -> None:
    journal.append(ALICE, [make_event(ALICE, "e1", "one")])
    events = [make_event(ALICE, "e1", "one"), make_event(ALICE, "e2", "two"), make_event(ALICE, "e2", "two")]
    receipt = journal.append(ALICE, events)
    assert (receipt.event_ids, receipt.duplicates) == (("e2",), ("e1", "e2"))
    assert [entry.event.event_id for entry in journal.read(count=10)] == ["e1", "e2"]


@pytest.mark.parametrize(
    "other",
    [
        make_event(ALICE, "e1", "other words"),
        make_event(ALICE, "e1", "hello", role="assistant"),
        make_event(ALICE, "e1", "hello", session="s2"),
        make_event(ALICE, "e1", "hello", name="Ann"),
    ],
    ids=["content", "role", "session", "name"],
)
def test_a_conflict_writes_nothing(journal: RedisJournal, truth: redis.Redis, other: Event) -> None:
    journal.append(ALICE, [make_event(ALICE, "e1", "hello")])
    before = everything(truth)
    with pytest.raises(EventConflict, match="e1") as caught:
        journal.append(ALICE, [make_event(ALICE, "e2", "new"), other])
    assert caught.value.status == 409
    assert everything(truth) == before


def test_a_conflict_within_one_batch_writes_nothing(journal: RedisJournal, truth: redis.Redis) -> None:
    with pytest.raises(EventConflict):
        journal.append(ALICE, [make_event(ALICE, "e1", "one"), make_event(ALICE, "e1", "two")])
    assert everything(truth) == {}


def test_the_same_id_of_another_user_or_tenant_is_another_event(journal: RedisJournal) -> None:
    for owner in (ALICE, Owner("acme", "bob"), Owner("other", "alice")):
        assert journal.append(owner, [make_event(owner, "e1", owner.user)]).event_ids == ("e1",)


def test_a_hundred_parallel_appends_have_one_effect(journal: RedisJournal, truth: redis.Redis) -> None:
    together = threading.Barrier(100)

    def append(_: int) -> Receipt:
        together.wait(timeout=30)
        return journal.append(ALICE, [make_event(ALICE, "e1", "once")])

    with ThreadPoolExecutor(100) as pool:
        receipts = list(pool.map(append, range(100)))
    assert sum(len(receipt.event_ids) for receipt in receipts) == 1
    assert sum(len(receipt.duplicates) for receipt in receipts) == 99
    assert len([receipt for receipt in receipts if receipt.job_id]) == 1
    assert truth.xlen(keyspace.JOURNAL) == 1
    assert counts(truth) == (1, 1, {"default": 1})


def test_sequence_numbers_of_a_tenant_have_no_gap(journal: RedisJournal) -> None:
    def append(number: int) -> None:
        owner = Owner("acme", f"user{number % 5}")
        journal.append(owner, [make_event(owner, f"e{number}-{part}", "x") for part in range(3)])

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(append, range(30)))
    entries = journal.admit(journal.read(count=100))
    assert [entry.event.seq for entry in entries] == list(range(1, 91))


def test_applied_events_close_their_job_and_nothing_is_pending(
    journal: RedisJournal, ledger: RedisLedger, truth: redis.Redis
) -> None:
    # Given one job over three events
    receipt = journal.append(ALICE, [make_event(ALICE, f"e{n}", "x") for n in range(3)], inbox="gw")
    assert receipt.job_id is not None
    # When all but the last are applied
    assert take_in(journal, journal.read(count=2)) == []
    job = ledger.get("acme", receipt.job_id)
    assert job.progress == pytest.approx(2 / 3)
    assert (job.status, journal.pending(ALICE)) == (Status.RUNNING, 1)
    # Then the job is open until the last one is
    assert take_in(journal, journal.read(count=2)) == [Ended("acme", receipt.job_id, "gw", True)]
    job = ledger.get("acme", receipt.job_id)
    assert (job.status, job.progress, journal.pending(ALICE)) == (Status.SUCCEEDED, 1.0, 0)
    assert 0 < truth.ttl(keyspace.job("acme", receipt.job_id)) <= 86_400
    assert truth.xpending(keyspace.JOURNAL, "memoryos")["pending"] == 0
    assert journal.read(count=10) == []


def test_applying_again_changes_nothing(journal: RedisJournal, truth: redis.Redis, codec: Codec) -> None:
    journal.append(ALICE, [make_event(ALICE, "e1", "one"), make_event(ALICE, "e2", "two")])
    entries = journal.admit(journal.read(count=10))
    assert len(journal.applied(entries)) == 1
    again = journal.admit(entries)
    assert again == entries
    assert journal.applied(again) == []
    assert journal.pending(ALICE) == 0
    assert RedisStm(truth, codec).size(ALICE, "default") == 2


def test_an_event_that_left_short_term_memory_does_not_come_back(
    journal: RedisJournal, truth: redis.Redis, codec: Codec
) -> None:
    # Given an event that was admitted, consolidated and dropped before its consumer acknowledged it
    stm = RedisStm(truth, codec)
    journal.append(ALICE, [make_event(ALICE, "e1", "one")])
    entries = journal.admit(journal.read(count=1))
    with RedisLocks(truth).hold(ALICE, wait_seconds=1) as held:
        assert held is not None
        stm.drop(ALICE, "default", [entry.event for entry in entries], token=held.token)
    # When it is delivered again
    journal.applied(journal.admit(entries))
    # Then it stays where it went
    assert stm.size(ALICE, "default") == 0
    assert journal.pending(ALICE) == 0


def test_another_consumer_takes_over_what_one_left(
    journal: RedisJournal, truth: redis.Redis, codec: Codec
) -> None:
    # Given a consumer that read and admitted, and died
    journal.append(ALICE, [make_event(ALICE, f"e{n}", "x") for n in range(3)])
    entries = journal.read(count=10)
    journal.admit(entries[:2])
    journal.applied(journal.admit(entries[:1]))
    other = RedisJournal(truth, codec, consumer="two")
    assert other.read(count=10) == []
    assert other.reclaim(idle_seconds=60, count=10) == []
    # When another one reclaims
    taken = other.reclaim(idle_seconds=0, count=10)
    # Then it gets the two that were not applied, and applies them once
    assert [entry.event.event_id for entry in taken] == ["e1", "e2"]
    assert len(take_in(other, taken)) == 1
    assert journal.pending(ALICE) == 0
    assert journal.applied(journal.admit(entries)) == []
    assert journal.pending(ALICE) == 0


def test_reclaim_and_pending_of_an_empty_journal(journal: RedisJournal) -> None:
    assert journal.reclaim(idle_seconds=0, count=10) == []
    assert journal.read(count=10) == []
    assert journal.pending(ALICE) == 0
    assert journal.admit([]) == []
    assert journal.applied([]) == []


def test_entries_written_before_the_group_existed_are_read(journal: RedisJournal, truth: redis.Redis) -> None:
    truth.xadd("chat_log", {"event_id": "r1", "payload": '{"user_id": "ann", "content": "hi"}'})
    assert [entry.event.event_id for entry in journal.read(count=10)] == ["r1"]


def test_two_groups_read_the_same_journal(truth: redis.Redis, codec: Codec) -> None:
    first, second = (RedisJournal(truth, codec, group=group) for group in ("memoryos", "audit"))
    first.append(ALICE, [make_event(ALICE, "e1", "x")])
    assert len(first.read(count=1)) == len(second.read(count=1)) == 1


def test_a_raw_entry_is_an_event_like_any_other(journal: RedisJournal, truth: redis.Redis) -> None:
    stream_id = truth.xadd("chat_log", {
        "event_id": "raw-1",
        "payload": json.dumps({"user_id": "王", "role": "assistant", "content": "你好", "session_id": "s",
                               "metadata": "{\"k\": 1}"}),
    })
    entries = journal.admit(journal.read(count=10))
    (entry,) = entries
    event = entry.event
    assert (event.owner, event.event_id, event.role) == (Owner("default", "王"), "raw-1", "assistant")
    assert (event.content, event.session, dict(event.metadata), event.seq) == ("你好", "s", {"k": 1}, 1)
    assert event.timestamp == pytest.approx(int(str(stream_id).split("-")[0]) / 1000)
    assert journal.pending(event.owner) == 1
    assert journal.applied(entries) == []
    assert journal.pending(event.owner) == 0


def test_a_raw_entry_twice_is_applied_once(journal: RedisJournal, truth: redis.Redis, codec: Codec) -> None:
    for _ in range(2):
        truth.xadd("chat_log", {"event_id": "r", "tenant": "acme", "payload": '{"user_id": "alice", "content": "x"}'})
    journal.applied(journal.admit(journal.read(count=10)))
    assert RedisStm(truth, codec).size(ALICE, "default") == 1
    assert journal.pending(ALICE) == 0


def test_a_job_ends_although_a_raw_twin_of_its_event_came_first(
    journal: RedisJournal, ledger: RedisLedger, truth: redis.Redis
) -> None:
    truth.xadd("chat_log", {"event_id": "e1", "tenant": "acme", "payload": '{"user_id": "alice", "content": "x"}'})
    receipt = journal.append(ALICE, [make_event(ALICE, "e1", "x")])
    assert receipt.job_id is not None
    entries = journal.admit(journal.read(count=10))
    assert journal.applied(entries) == [Ended("acme", receipt.job_id, "", True)]
    assert journal.applied(entries) == []
    assert (journal.pending(ALICE), ledger.get("acme", receipt.job_id).status) == (0, Status.SUCCEEDED)


def test_a_raw_entry_without_an_id_gets_the_streams(journal: RedisJournal, truth: redis.Redis) -> None:
    stream_id = truth.xadd("chat_log", {"payload": '{"user_id": "ann", "content": "hi"}'})
    (entry,) = journal.read(count=10)
    assert entry.event.event_id == stream_id


BAD = {
    "no payload": {"other": "field"},
    "not JSON": {"payload": "{"},
    "a list": {"payload": "[1]"},
    "nested without end": {"payload": "[" * 100_000},
    "no user": {"payload": '{"content": "x"}'},
    "no content": {"payload": '{"user_id": "u"}'},
    "empty content": {"payload": '{"user_id": "u", "content": ""}'},
    "content is a number": {"payload": '{"user_id": "u", "content": 5}'},
    "unknown role": {"payload": '{"user_id": "u", "content": "x", "role": "robot"}'},
    "role is a list": {"payload": '{"user_id": "u", "content": "x", "role": []}'},
    "timestamp is a text": {"payload": '{"user_id": "u", "content": "x", "timestamp": "now"}'},
    "timestamp is true": {"payload": '{"user_id": "u", "content": "x", "timestamp": true}'},
    "timestamp is no number": {"payload": '{"user_id": "u", "content": "x", "timestamp": NaN}'},
    "timestamp beyond floats": {"payload": '{"user_id": "u", "content": "x", "timestamp": 1' + "0" * 400 + "}"},
    "name is a number": {"payload": '{"user_id": "u", "content": "x", "name": 5}'},
    "metadata is a text": {"payload": '{"user_id": "u", "content": "x", "metadata": "note"}'},
    "half a character": {"payload": '{"user_id": "u", "content": "\\ud800"}'},
    "half a character in the user": {"payload": '{"user_id": "\\udc00", "content": "x"}'},
    "bytes that are no text": {"payload": b"\xff\xfe"},
    "a key as a tenant": {"tenant": "acme:events", "payload": '{"user_id": "u", "content": "x"}'},
}


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
def test_an_entry_that_can_never_be_applied_goes_to_the_dead_letters(
    journal: RedisJournal, truth: redis.Redis, codec: Codec, fields: dict[str, Any]
) -> None:
    # Given a bad entry between two good ones
    good = '{"user_id": "alice", "content": "good"}'
    truth.xadd("chat_log", {"event_id": "g1", "tenant": "acme", "payload": good})
    entry: Any = {"event_id": "bad", **fields}
    stream_id = truth.xadd("chat_log", entry)
    truth.xadd("chat_log", {"event_id": "g2", "tenant": "acme", "payload": good})
    # When the journal is read
    entries = journal.read(count=10)
    # Then the good ones are given out
    assert [entry.event.event_id for entry in entries] == ["g1", "g2"]
    journal.applied(journal.admit(entries))
    # And the bad one is kept whole, with the reason, and acknowledged
    (letter,) = letters(truth)
    assert (letter["event_id"], letter["stream_id"]) == ("bad", stream_id)
    payload = fields.get("payload", "")
    kept = codec.open(SYSTEM_LETTERS, letter.get("payload", ""))
    assert kept == ("\\xff\\xfe" if payload == b"\xff\xfe" else payload)
    assert letter["reason"] == "invalid_request"
    assert letter["message"].startswith("The journal entry")
    assert truth.hget(keyspace.COUNTERS, "dead invalid_request") == "1"
    assert truth.xpending(keyspace.JOURNAL, "memoryos")["pending"] == 0


def test_numbers_in_a_raw_entry_are_the_journals_own_to_give(journal: RedisJournal, truth: redis.Redis) -> None:
    truth.xadd("chat_log", {"event_id": "r", "tenant": "acme", "seq": "first",
                            "payload": '{"user_id": "alice", "content": "x"}'})
    (entry,) = journal.admit(journal.read(count=10))
    assert entry.event.seq == 1


@pytest.mark.parametrize("fields", [
    {"letter": "x y", "first_seen": "1"}, {"letter": "1-1", "first_seen": "yesterday"}, {"letter": "9" * 40 + "-1"},
    {"letter": "٣-١", "first_seen": "٣"}, {"first_seen": "-5"}, {"job": "job nobody has"},
], ids=str)
def test_what_only_a_replay_says_is_passed_over_in_a_raw_entry(
    journal: RedisJournal, truth: redis.Redis, fields: dict[Any, Any]
) -> None:
    truth.xadd("chat_log", {"event_id": "r", "tenant": "acme", "payload": '{"user_id": "alice", "content": "x"}',
                            **fields})
    entries = journal.admit(journal.read(count=10))
    assert [(entry.letter, entry.first_seen) for entry in entries] == [("", 0.0)]
    assert journal.applied(entries) == []
    assert (journal.pending(ALICE), truth.xpending(keyspace.JOURNAL, "memoryos")["pending"]) == (0, 0)


def test_a_raw_entry_that_conflicts_is_buried_whole(
    journal: RedisJournal, truth: redis.Redis, codec: Codec
) -> None:
    journal.append(ALICE, [make_event(ALICE, "e1", "mine")])
    truth.xadd("chat_log", {"event_id": "e1", "tenant": "acme", "payload": '{"user_id": "alice", "content": "theirs"}'})
    entries = journal.admit(journal.read(count=10))
    assert [entry.event.content for entry in entries] == ["mine"]
    journal.applied(entries)
    (letter,) = letters(truth)
    assert (letter["event_id"], letter["tenant"]) == ("e1", "acme")
    assert codec.open(ALICE, json.loads(letter["payload"])["content"]) == "theirs"
    assert journal.pending(ALICE) == 0


def test_a_store_that_is_away_is_said_to_be(
    redis_urls: dict[str, str], codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "truth_errors", connections.Role(TruthDown).errors)
    with redis.Redis(port=1, socket_connect_timeout=0.5) as nowhere:
        journal = RedisJournal(nowhere, codec)
        with pytest.raises(TruthDown) as caught:
            journal.append(ALICE, [make_event(ALICE, "e1", "x")])
        assert caught.value.retry_after == 1
        with pytest.raises(TruthDown):
            journal.read(count=1)


def test_what_was_appended_is_in_short_term_memory_at_once(
    journal: RedisJournal, truth: redis.Redis, codec: Codec
) -> None:
    stm = RedisStm(truth, codec)
    journal.append(ALICE, [make_event(ALICE, "e1", "first"), make_event(ALICE, "e2", "第二", session="b s")])
    assert [event.content for event in stm.newest(ALICE, "default", count=9)] == ["first"]
    assert [event.content for event in stm.newest(ALICE, "b s", count=9)] == ["第二"]
    assert set(stm.sessions(ALICE, count=9)) == {"b s", "default"}
    assert set(stm.idle(seconds=-1, count=9)) == {(ALICE, "default"), (ALICE, "b s")}
    # It counts as not applied, until it is, and then leaves no trace of that
    assert counts(truth) == (2, 2, {"default": 1, "b%20s": 1})
    take_in(journal, journal.read(count=10))
    assert counts(truth) == (0, 0, {})
    assert stm.size(ALICE, "default") == 1


def test_counters_come_back_to_nothing_on_every_way(journal: RedisJournal, truth: redis.Redis) -> None:
    # Given events that were appended, sent twice, and put in by hand
    events = [make_event(ALICE, f"e{n}", "x", session=f"s{n % 2}") for n in range(6)]
    journal.append(ALICE, events)
    journal.append(ALICE, events)
    for event_id in ("raw", "raw", "e5"):
        body = {"user_id": "alice", "content": "x", "session_id": "s1"}
        truth.xadd("chat_log", {"event_id": event_id, "tenant": "acme", "payload": json.dumps(body)})
    assert counts(truth) == (6, 6, {"s0": 3, "s1": 3})
    entries = journal.admit(journal.read(count=20))
    assert counts(truth) == (7, 7, {"s0": 3, "s1": 4})
    # When some are buried and the rest is applied, each twice
    for entry in entries[:2]:
        journal.bury(entry, WHY, 3)
        assert journal.bury(entry, WHY, 3) == []
    journal.applied(entries[2:])
    journal.applied(entries[2:])
    # Then nothing is counted any more
    assert counts(truth) == (0, 0, {})
    assert len(letters(truth)) == 2
    assert truth.exists(keyspace.TRIES) == 0


def test_a_full_queue_takes_nothing_and_says_when_to_come_back(truth: redis.Redis, codec: Codec) -> None:
    # Given a journal that may hold three events to be applied, of all users
    journal = RedisJournal(truth, codec, most_pending=3)
    journal.append(ALICE, [make_event(ALICE, "e1", "x"), make_event(ALICE, "e2", "x")])
    before = everything(truth)
    bob = Owner("other", "bob")
    # When more come than it holds
    with pytest.raises(QueueFull) as caught:
        journal.append(bob, [make_event(bob, "f1", "x"), make_event(bob, "f2", "x")])
    # Then none of them is written
    assert (caught.value.status, caught.value.retry_after) == (429, 2.0)
    assert everything(truth) == before
    # And what was written already is still told to be
    assert journal.append(ALICE, [make_event(ALICE, "e1", "x")]).duplicates == ("e1",)
    assert journal.append(bob, [make_event(bob, "f1", "x")]).event_ids == ("f1",)
    # And when some were applied there is room again
    take_in(journal, journal.read(count=2))
    assert journal.append(bob, [make_event(bob, "f2", "x")]).event_ids == ("f2",)


def test_one_bell_is_outstanding_until_it_is_heard(journal: RedisJournal, truth: redis.Redis) -> None:
    rings = [journal.append(ALICE, [make_event(ALICE, f"e{n}", "x")]).ring for n in range(3)]
    assert rings == [True, False, False]
    assert not journal.ring()
    # A duplicate needs none
    assert not journal.append(ALICE, [make_event(ALICE, "e1", "x")]).ring
    # One that was lost on its way is rung again before long
    assert 0 < truth.pttl(keyspace.BELL) <= journal_module.BELL_MS
    journal.answer()
    assert journal.ring()
    assert not journal.append(ALICE, [make_event(ALICE, "e4", "x")]).ring


def test_a_buried_event_is_a_letter_and_leaves_short_term_memory(
    journal: RedisJournal, ledger: RedisLedger, truth: redis.Redis, codec: Codec
) -> None:
    # Given one job over two events, of which one cannot be applied
    stm = RedisStm(truth, codec)
    receipt = journal.append(ALICE, [make_event(ALICE, "e1", "毒药"), make_event(ALICE, "e2", "bread")], inbox="gw")
    assert receipt.job_id is not None
    bad, good = journal.admit(journal.read(count=10))
    assert [journal.tried(bad), journal.tried(bad), journal.tried(bad, -1)] == [1, 2, 1]
    # When it is buried
    assert journal.bury(bad, WHY, 3) == []
    # Then it is kept whole with the reason, and acknowledged
    (letter,) = letters(truth)
    assert (letter["event_id"], letter["tenant"], letter["stream_id"]) == ("e1", "acme", bad.stream_id)
    assert codec.open(ALICE, json.loads(letter["payload"])["content"]) == "毒药"
    letter["message"] = codec.open(ALICE, letter["message"])
    assert [letter[name] for name in ("reason", "message", "exception", "traceback", "attempts", "seq", "job")] == [
        "internal_error", "It failed: 坏了.", "ValueError", "a.py:1 in b", "3", "1", receipt.job_id,
    ]
    assert int(letter["first_seen"]) <= int(letter["last_seen"])
    assert truth.xpending(keyspace.JOURNAL, "memoryos")["pending"] == 1
    assert [event.event_id for event in stm.newest(ALICE, "default", count=9)] == ["e2"]
    assert (counts(truth), truth.hexists(keyspace.TRIES, bad.stream_id)) == ((1, 1, {"default": 1}), False)
    # And the job is open until its other event is applied, and then says what became of it
    assert ledger.get("acme", receipt.job_id).status is Status.RUNNING
    assert journal.applied([good]) == [Ended("acme", receipt.job_id, "gw", False)]
    job = ledger.get("acme", receipt.job_id)
    assert (job.status, job.error) == (Status.DEAD, WHY.error)
    assert 0 < truth.ttl(keyspace.job("acme", receipt.job_id)) <= journal_module.KEEP_SECONDS
    assert truth.zcard(keyspace.due("ingest")) == 0
    assert truth.hgetall(keyspace.COUNTERS) == {"dead internal_error": "1"}


def test_a_job_whose_last_event_is_buried_ends_with_it(journal: RedisJournal, ledger: RedisLedger) -> None:
    receipt = journal.append(ALICE, [make_event(ALICE, "e1", "bread"), make_event(ALICE, "e2", "毒药")], inbox="gw")
    assert receipt.job_id is not None
    good, bad = journal.admit(journal.read(count=10))
    assert journal.applied([good]) == []
    assert journal.bury(bad, WHY, 3) == [Ended("acme", receipt.job_id, "gw", False)]
    assert ledger.get("acme", receipt.job_id).status is Status.DEAD


def test_a_session_that_is_empty_after_a_burial_is_not_looked_at_again(
    journal: RedisJournal, truth: redis.Redis, codec: Codec
) -> None:
    journal.append(ALICE, [make_event(ALICE, "e1", "毒药"), make_event(ALICE, "e2", "毒药")])
    first, second = journal.admit(journal.read(count=10))
    stm = RedisStm(truth, codec)
    journal.bury(first, WHY, 3)
    assert stm.idle(seconds=-1, count=9) == [(ALICE, "default")]
    journal.bury(second, WHY, 3)
    assert stm.idle(seconds=-1, count=9) == []


def test_a_dead_event_that_is_sent_again_is_a_new_one(
    journal: RedisJournal, truth: redis.Redis, codec: Codec
) -> None:
    journal.append(ALICE, [make_event(ALICE, "e1", "x")])
    journal.bury(journal.admit(journal.read(count=1))[0], WHY, 3)
    # When its client sends it again, be it with other words
    receipt = journal.append(ALICE, [make_event(ALICE, "e1", "y")])
    assert (receipt.event_ids, receipt.duplicates) == (("e1",), ())
    assert counts(truth) == (1, 1, {"default": 1})
    # Then it is applied once, and known from then on
    take_in(journal, journal.read(count=10))
    assert [event.content for event in RedisStm(truth, codec).newest(ALICE, "default", count=9)] == ["y"]
    assert counts(truth) == (0, 0, {})
    assert journal.append(ALICE, [make_event(ALICE, "e1", "y")]).duplicates == ("e1",)
    with pytest.raises(EventConflict):
        journal.append(ALICE, [make_event(ALICE, "e1", "x")])


def test_an_entry_from_a_newer_process_is_left_to_it(journal: RedisJournal, truth: redis.Redis) -> None:
    # Given an entry of a later version between two of ours
    for event_id, version in (("a", {}), ("b", {"v": 2}), ("c", {"v": 1})):
        body = {"user_id": "alice", "content": "x", **version}
        truth.xadd("chat_log", {"event_id": event_id, "tenant": "acme", "payload": json.dumps(body)})
    # When they are read, and asked for again
    entries = journal.read(count=10)
    assert [entry.event.event_id for entry in entries] == ["a", "c"]
    take_in(journal, entries)
    assert journal.reclaim(idle_seconds=0, count=10) == []
    # Then it is no dead letter: it waits
    assert (letters(truth), truth.xpending(keyspace.JOURNAL, "memoryos")["pending"]) == ([], 1)
    journal.trim()
    assert truth.xlen(keyspace.JOURNAL) == 3


def test_deliveries_tell_of_consumers_that_were_lost(truth: redis.Redis, codec: Codec) -> None:
    first, second = (RedisJournal(truth, codec, consumer=name) for name in ("first", "second"))
    first.append(ALICE, [make_event(ALICE, "e1", "x"), make_event(ALICE, "e2", "x")])
    assert [entry.deliveries for entry in first.read(count=1)] == [1]
    assert [entry.deliveries for entry in second.reclaim(idle_seconds=0, count=9)] == [2]
    first.read(count=1)
    taken = first.reclaim(idle_seconds=0, count=9)
    assert [(entry.event.event_id, entry.deliveries) for entry in taken] == [("e1", 3), ("e2", 2)]
    assert truth.hget(keyspace.COUNTERS, "redelivered event") == "3"
    # What waited for a part of ours is not suspected of anything
    first.spare([])
    first.spare(taken[:1])
    taken = second.reclaim(idle_seconds=0, count=9)
    assert [(entry.event.event_id, entry.deliveries) for entry in taken] == [("e1", 1), ("e2", 3)]
    # And what was acknowledged meanwhile does not come back
    take_in(second, taken)
    first.spare(taken)
    assert truth.xpending(keyspace.JOURNAL, "memoryos")["pending"] == 0


def test_consumers_that_fell_silent_are_forgotten(
    journal: RedisJournal, truth: redis.Redis, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given consumers of earlier processes, one of which holds an entry
    journal.append(ALICE, [make_event(ALICE, "e1", "x"), make_event(ALICE, "e2", "x")])
    RedisJournal(truth, codec, consumer="holding").read(count=1)
    take_in(journal, RedisJournal(truth, codec, consumer="idle").read(count=1))
    journal.trim()
    assert names(truth) == {"holding", "idle"}
    # When they have not been heard of for long
    monkeypatch.setattr(journal_module, "SILENT_MS", -1)
    journal.trim()
    # Then only what holds nothing is forgotten
    assert names(truth) == {"holding"}


def names(truth: redis.Redis) -> set[str]:
    consumers: Any = truth.xinfo_consumers(keyspace.JOURNAL, "memoryos")
    return {consumer["name"] for consumer in consumers}


def test_who_comes_late_to_a_buried_entry_brings_nothing_back(
    journal: RedisJournal, truth: redis.Redis, codec: Codec
) -> None:
    # Given an entry that one consumer read and slept over, while another took it and buried it
    journal.append(ALICE, [make_event(ALICE, "e1", "毒药")])
    late = journal.read(count=1)
    other = RedisJournal(truth, codec, consumer="other")
    other.bury(other.admit(other.reclaim(idle_seconds=0, count=1))[0], WHY, 3)
    # When the first wakes up, then there is nothing for it to do
    assert journal.admit(late) == []
    journal.tried(late[0])
    assert journal.bury(late[0], WHY, 3) == []
    assert (counts(truth), truth.hlen(keyspace.TRIES), len(letters(truth))) == ((0, 0, {}), 0, 1)


def test_who_comes_late_with_a_dead_event_does_not_settle_its_successor(
    journal: RedisJournal, truth: redis.Redis, codec: Codec
) -> None:
    # Given an event that was buried while a consumer slept over it, and sent again with other content
    journal.append(ALICE, [make_event(ALICE, "e1", "x", session="s")])
    late = journal.admit(journal.read(count=1))
    other = RedisJournal(truth, codec, consumer="other")
    other.bury(other.admit(other.reclaim(idle_seconds=0, count=1))[0], WHY, 3)
    journal.append(ALICE, [make_event(ALICE, "e1", "y", session="t")])
    # When the consumer wakes up, then the new event is as pending as before
    assert journal.applied(late) == []
    assert counts(truth) == (1, 1, {"t": 1})
    take_in(journal, journal.read(count=1))
    assert counts(truth) == (0, 0, {})
