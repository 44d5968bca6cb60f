from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import redis
from fakes import make_event

from memoryos_tasks.adapters.codec.plain import PlainCodec
from memoryos_tasks.adapters.redis import connections, keyspace
from memoryos_tasks.adapters.redis import journal as journal_module
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.stm import RedisStm
from memoryos_tasks.core.errors import EventConflict, TruthDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.ports.journal import Entry
from memoryos_tasks.ports.ledger import Status

ALICE = Owner("acme", "alice")


def take_in(journal: RedisJournal, entries: Sequence[Entry]) -> list[tuple[str, str, str]]:
    return journal.applied(journal.admit(entries))


def letters(truth: redis.Redis) -> list[dict[str, str]]:
    """The dead letters."""
    entries: Any = truth.xrange(keyspace.DEAD_LETTERS)
    return [letter for _, letter in entries]


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
    with ThreadPoolExecutor(20) as pool:
        receipts = list(pool.map(lambda _: journal.append(ALICE, [make_event(ALICE, "e1", "once")]), range(100)))
    assert sum(len(receipt.event_ids) for receipt in receipts) == 1
    assert sum(len(receipt.duplicates) for receipt in receipts) == 99
    assert len([receipt for receipt in receipts if receipt.job_id]) == 1
    assert truth.xlen(keyspace.JOURNAL) == 1
    assert journal.pending(ALICE) == 1


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
    assert take_in(journal, journal.read(count=2)) == [("acme", receipt.job_id, "gw")]
    job = ledger.get("acme", receipt.job_id)
    assert (job.status, job.progress, journal.pending(ALICE)) == (Status.SUCCEEDED, 1.0, 0)
    assert 0 < truth.ttl(keyspace.job("acme", receipt.job_id)) <= 86_400
    assert truth.xpending(keyspace.JOURNAL, "memoryos")["pending"] == 0
    assert journal.read(count=10) == []


def test_applying_again_changes_nothing(journal: RedisJournal, truth: redis.Redis, codec: PlainCodec) -> None:
    journal.append(ALICE, [make_event(ALICE, "e1", "one"), make_event(ALICE, "e2", "two")])
    entries = journal.admit(journal.read(count=10))
    assert len(journal.applied(entries)) == 1
    again = journal.admit(entries)
    assert again == entries
    assert journal.applied(again) == []
    assert journal.pending(ALICE) == 0
    assert RedisStm(truth, codec).size(ALICE, "default") == 2


def test_an_event_that_left_short_term_memory_does_not_come_back(
    journal: RedisJournal, truth: redis.Redis, codec: PlainCodec
) -> None:
    # Given an event that was admitted, consolidated and dropped before its consumer acknowledged it
    stm = RedisStm(truth, codec)
    journal.append(ALICE, [make_event(ALICE, "e1", "one")])
    entries = journal.admit(journal.read(count=1))
    stm.drop(ALICE, "default", [entry.event for entry in entries])
    # When it is delivered again
    journal.applied(journal.admit(entries))
    # Then it stays where it went
    assert stm.size(ALICE, "default") == 0
    assert journal.pending(ALICE) == 0


def test_another_consumer_takes_over_what_one_left(
    journal: RedisJournal, truth: redis.Redis, codec: PlainCodec
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


def test_two_groups_read_the_same_journal(truth: redis.Redis, codec: PlainCodec) -> None:
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


def test_a_raw_entry_twice_is_applied_once(journal: RedisJournal, truth: redis.Redis, codec: PlainCodec) -> None:
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
    assert journal.applied(entries) == [("acme", receipt.job_id, "")]
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
    journal: RedisJournal, truth: redis.Redis, fields: dict[str, Any]
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
    assert letter["payload"] == (fields.get("payload", "") if fields.get("payload") != b"\xff\xfe" else "\\xff\\xfe")
    assert letter["reason"].startswith("The journal entry")
    assert truth.xpending(keyspace.JOURNAL, "memoryos")["pending"] == 0


def test_numbers_in_a_raw_entry_are_the_journals_own_to_give(journal: RedisJournal, truth: redis.Redis) -> None:
    truth.xadd("chat_log", {"event_id": "r", "tenant": "acme", "seq": "first",
                            "payload": '{"user_id": "alice", "content": "x"}'})
    (entry,) = journal.admit(journal.read(count=10))
    assert entry.event.seq == 1


def test_a_raw_entry_that_conflicts_is_buried_whole(journal: RedisJournal, truth: redis.Redis) -> None:
    journal.append(ALICE, [make_event(ALICE, "e1", "mine")])
    truth.xadd("chat_log", {"event_id": "e1", "tenant": "acme", "payload": '{"user_id": "alice", "content": "theirs"}'})
    entries = journal.admit(journal.read(count=10))
    assert [entry.event.content for entry in entries] == ["mine"]
    journal.applied(entries)
    (letter,) = letters(truth)
    assert (letter["event_id"], letter["tenant"]) == ("e1", "acme")
    assert json.loads(letter["payload"])["content"] == "theirs"
    assert journal.pending(ALICE) == 0


def test_a_store_that_is_away_is_said_to_be(
    redis_urls: dict[str, str], codec: PlainCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "truth_errors", connections.Role(TruthDown).errors)
    with redis.Redis(port=1, socket_connect_timeout=0.5) as nowhere:
        journal = RedisJournal(nowhere, codec)
        with pytest.raises(TruthDown) as caught:
            journal.append(ALICE, [make_event(ALICE, "e1", "x")])
        assert caught.value.retry_after == 1
        with pytest.raises(TruthDown):
            journal.read(count=1)
