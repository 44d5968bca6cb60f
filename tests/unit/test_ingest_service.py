from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import pytest
from fake_vectors import FakeVectors
from fakes import FakeHeld, FakeJournal, FakeLocks, FakeRuns, FakeStm, WordEmbedder, make_event
from plain_codec import PlainCodec

from memoryos_tasks.core.errors import Busy, InvalidRequest, MemoryOSError, VectorsDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Kind
from memoryos_tasks.ports.journal import Entry
from memoryos_tasks.ports.runs import Saying
from memoryos_tasks.ports.vectors import Where
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.ingest import BATCH, Ingest
from memoryos_tasks.services.recall import Recall

ALICE, BOB = Owner("acme", "alice"), Owner("other", "alice")


class House:
    """The ingest over stand-ins."""

    def __init__(self, capacity: int = 20) -> None:
        self.stm, self.vectors, self.runs, self.locks = FakeStm(), FakeVectors(), FakeRuns(), FakeLocks()
        self.journal = FakeJournal(stm=self.stm)
        self.overflowed: list[tuple[Owner, str]] = []
        recall = Recall(self.vectors, WordEmbedder(), PlainCodec())
        self.beliefs = Beliefs(self.vectors, recall, PlainCodec())
        self.ingest = Ingest(self.journal, self.stm, recall, self.beliefs, self.locks, self.runs, capacity,
                             lambda owner, session: self.overflowed.append((owner, session)))

    def hear(self, *events: Event, inbox: str = "") -> str:
        job_id = self.journal.append(events[0].owner, events, inbox=inbox).job_id
        assert job_id is not None
        return job_id

    def turns(self, owner: Owner) -> int:
        return self.vectors.count(Where(owner, kinds=(Kind.TURN.value,)))


def test_what_was_journaled_is_indexed_and_learned_and_its_job_ends() -> None:
    # Given what a user and an assistant said
    house = House()
    said = [make_event(ALICE, "e1", "My name is Alice. 我住在上海。"),
            make_event(ALICE, "e2", "My name is Robot.", role="assistant")]
    job_id = house.hear(*said, inbox="gw")
    # When the journal is drained
    drained = house.ingest.drain()
    # Then both are turns, and only the user's words are facts
    assert (drained.applied, drained.overflowing, house.turns(ALICE)) == (2, set(), 2)
    believed = {fact.attribute: (fact.value, fact.sources) for fact in house.beliefs.believed(ALICE)}
    assert believed == {"name": ("Alice", ("e1",)), "residence": ("上海", ("e1",))}
    # And who waits hears the end, once
    assert [message.saying for message in house.runs.streams[job_id]] == [Saying.DONE]
    assert house.journal.pending(ALICE) == 0
    assert house.ingest.drain().applied == 0
    assert len(house.runs.streams[job_id]) == 1


def test_applying_twice_changes_nothing() -> None:
    house = House()
    house.hear(make_event(ALICE, "e1", "I live in Oslo."))
    entries = list(house.journal.unread)
    house.ingest.drain()
    before = dict(house.vectors.points)
    # When the same entries are delivered again
    house.journal.unread = entries
    house.ingest.drain()
    # Then nothing is doubled
    assert house.vectors.points == before
    assert house.stm.size(ALICE, "default") == 1


def test_owners_in_one_batch_keep_apart() -> None:
    house = House()
    house.hear(make_event(ALICE, "e1", "I live in Oslo."))
    house.hear(make_event(BOB, "e1", "I live in Rome."))
    house.hear(make_event(ALICE, "e2", "I work as a nurse."))
    assert house.ingest.drain().applied == 3
    assert [fact.value for fact in house.beliefs.believed(BOB)] == ["Rome"]
    assert sorted(fact.value for fact in house.beliefs.believed(ALICE)) == ["Oslo", "nurse"]


def test_a_long_journal_is_drained_batch_by_batch() -> None:
    house = House(capacity=1000)
    house.hear(*(make_event(ALICE, f"e{number}", f"word{number}") for number in range(BATCH + 10)))
    assert house.ingest.drain().applied == BATCH + 10
    assert house.turns(ALICE) == BATCH + 10


def test_a_drain_ends_at_its_bound() -> None:
    house = House(capacity=1000)
    house.hear(*(make_event(ALICE, f"e{number}", f"word{number}") for number in range(2 * BATCH + 10)))
    assert house.ingest.drain(most=BATCH).applied == BATCH
    assert len(house.journal.unread) == BATCH + 10


def test_sessions_that_hold_too_much_are_named() -> None:
    house = House(capacity=2)
    house.hear(*(make_event(ALICE, f"e{number}", "x") for number in range(3)),
               *(make_event(ALICE, f"f{number}", "x", session="short") for number in range(2)))
    assert house.ingest.drain().overflowing == {(ALICE, "default")}


def test_without_vectors_events_stay_pending_and_short_term_memory_has_them() -> None:
    # Given a store of vectors that is away
    house = House()
    house.hear(make_event(ALICE, "e1", "I live in Oslo."))
    house.vectors.down = True
    with pytest.raises(VectorsDown):
        house.ingest.drain()
    assert house.stm.size(ALICE, "default") == 1
    assert (house.journal.pending(ALICE), house.runs.streams) == (1, {})
    # When it is back
    house.vectors.down = False
    assert house.ingest.recover(idle_seconds=0).applied == 1
    # Then the event is memory
    assert (house.turns(ALICE), house.journal.pending(ALICE)) == (1, 0)


def test_facts_are_not_learned_while_another_run_holds_the_lock() -> None:
    house = House()
    house.hear(make_event(ALICE, "e1", "I live in Oslo."))
    house.locks.held = None
    with pytest.raises(Busy):
        house.ingest.drain()
    assert house.journal.pending(ALICE) == 1
    house.locks.held = FakeHeld()
    assert house.ingest.recover(idle_seconds=0).applied == 1
    assert [fact.value for fact in house.beliefs.believed(ALICE)] == ["Oslo"]


def test_words_that_state_nothing_need_no_lock() -> None:
    house = House()
    house.locks.held = None
    house.hear(make_event(ALICE, "e1", "What is the weather like?"))
    assert house.ingest.drain().applied == 1
    assert house.locks.taken == 0


def test_a_broker_that_is_away_does_not_stop_memory() -> None:
    house = House()
    house.hear(make_event(ALICE, "e1", "hello"), inbox="gw")
    house.runs.down = True
    assert house.ingest.drain().applied == 1
    assert house.journal.pending(ALICE) == 0


def test_a_reader_finds_what_its_writer_was_told_is_journaled() -> None:
    house = House()
    house.hear(make_event(ALICE, "e1", "hello"))
    house.ingest.settle(ALICE)
    assert (house.journal.pending(ALICE), house.turns(ALICE)) == (0, 1)


def test_a_reader_does_not_wait_for_others() -> None:
    house = House()
    house.hear(make_event(BOB, "e1", "hello"))
    house.ingest.settle(ALICE)
    assert house.journal.pending(BOB) == 1


@pytest.mark.parametrize("trouble", ["vectors", "lock"])
def test_a_reader_goes_on_when_memory_cannot_be_settled(trouble: str) -> None:
    house = House()
    house.hear(make_event(ALICE, "e1", "I live in Oslo."))
    if trouble == "vectors":
        house.vectors.down = True
    else:
        house.locks.held = None
    house.ingest.settle(ALICE)
    assert house.journal.pending(ALICE) == 1


def test_turns_know_their_neighbours_across_batches() -> None:
    # Given a question and an answer that arrive apart
    house = House()
    house.hear(make_event(ALICE, "e1", "Which tree stands in the courtyard?"))
    house.ingest.drain()
    house.hear(make_event(ALICE, "e2", "A ginkgo.", role="assistant"))
    house.ingest.drain()
    # Then each one's window holds the other's words
    windows = {point.payload["event_id"]: set(point.sparse["window"].indices)
               for _, point in house.vectors.points.values() if point.payload["kind"] == "turn"}
    own = {point.payload["event_id"]: set(point.sparse["turn"].indices)
           for _, point in house.vectors.points.values() if point.payload["kind"] == "turn"}
    assert own["e2"] <= windows["e1"]
    assert own["e1"] <= windows["e2"]


def ids(events: Sequence[Event]) -> list[str]:
    return [event.event_id for event in events]


def test_order_is_the_journals() -> None:
    house = House()
    house.hear(make_event(ALICE, "late", "b", timestamp=9.0), make_event(ALICE, "early", "a", timestamp=1.0))
    house.ingest.drain()
    assert ids(house.stm.newest(ALICE, "default", count=9)) == ["late", "early"]


def test_one_owners_trouble_is_not_anothers(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given two owners in one batch, and an index that fails for one of them
    house = House()
    house.hear(make_event(ALICE, "e1", "I live in Oslo."))
    house.hear(make_event(BOB, "e2", "I live in Rome."))
    reach = house.vectors.upsert

    def upsert(owner: Owner, *rest: object, **more: object) -> None:
        if owner == ALICE:
            raise VectorsDown
        reach(owner, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(house.vectors, "upsert", upsert)
    # When the batch is applied
    with pytest.raises(VectorsDown):
        house.ingest.drain()
    # Then the other owner's event is memory, and only the failing one's is pending
    assert (house.turns(BOB), house.journal.pending(BOB)) == (1, 0)
    assert house.journal.pending(ALICE) == 1


def poison(house: House, monkeypatch: pytest.MonkeyPatch, words: str, error: BaseException) -> list[str]:
    """Let the index fail with ``error`` for events that hold ``words``; the events that it was given, in a list."""
    index, seen = house.ingest._recall.index, []

    def fail(events: Sequence[Event], before: Mapping[str, Sequence[Event]]) -> None:
        seen.append(" ".join(ids(events)))
        if any(words in event.content for event in events):
            raise error
        index(events, before)

    monkeypatch.setattr(house.ingest._recall, "index", fail)
    return seen


def test_a_poison_event_is_tried_alone_and_buried_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an event that no index takes, between others of its user
    house = House()
    job_id = house.hear(*(make_event(ALICE, f"e{n}", "毒药" if n == 1 else "bread") for n in range(3)), inbox="gw")
    seen = poison(house, monkeypatch, "毒药", ValueError("毒药 4711"))
    # When the journal is drained
    assert house.ingest.drain().applied == 2
    # Then the others are memory after one common and one lone run
    assert seen == ["e0 e1 e2", "e0", "e1", "e2"]
    assert (house.turns(ALICE), house.journal.pending(ALICE), house.journal.buried) == (2, 1, [])
    # When it was tried as often as it may be
    for _ in range(2):
        assert house.ingest.recover(idle_seconds=0).applied == 0
    # Then it is buried with the reason and none of its text, and its job ends as failed
    ((entry, why, attempts),) = house.journal.buried
    assert (entry.event.event_id, attempts, why.reason, why.exception) == ("e1", 3, "unexpected_error", "ValueError")
    assert "4711" not in repr(why)
    assert [message.saying for message in house.runs.streams[job_id]] == [Saying.ERROR]
    assert house.ingest.recover(idle_seconds=0).applied == 0
    assert (len(house.journal.buried), seen.count("e1")) == (1, 3)


def test_a_poison_event_that_comes_by_itself_is_tried_no_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    house.hear(make_event(ALICE, "e1", "毒药"))
    seen = poison(house, monkeypatch, "毒药", ValueError())
    house.ingest.drain()
    while not house.journal.buried:
        house.ingest.recover(idle_seconds=0)
    assert (seen, house.journal.buried[0][2]) == (["e1"] * 3, 3)


def test_what_can_never_be_applied_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    house.hear(make_event(ALICE, "e1", "毒药"))
    poison(house, monkeypatch, "毒药", InvalidRequest("It is no event."))
    house.ingest.drain()
    ((_, why, attempts),) = house.journal.buried
    assert (why.reason, attempts) == ("invalid_request", 1)


def test_an_event_that_was_cured_meanwhile_is_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    house.hear(make_event(ALICE, "e1", "毒药"))
    with monkeypatch.context() as patched:
        poison(house, patched, "毒药", MemoryOSError())
        house.ingest.drain()
        house.ingest.recover(idle_seconds=0)
    assert house.ingest.recover(idle_seconds=0).applied == 1
    assert (house.turns(ALICE), house.journal.buried) == (1, [])


def test_waiting_for_a_part_of_ours_is_no_try(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    house.hear(make_event(ALICE, "e1", "x"))
    house.vectors.down = True
    with pytest.raises(VectorsDown):
        house.ingest.drain()
    house.journal.taken = [replace(entry, deliveries=9) for entry in house.journal.taken]
    for _ in range(5):
        with pytest.raises(VectorsDown):
            house.ingest.recover(idle_seconds=0)
    house.vectors.down = False
    assert house.ingest.recover(idle_seconds=0).applied == 1
    assert house.journal.buried == []


class Killed(BaseException):
    """The process dies here."""


def test_an_event_that_its_workers_die_of_is_found_alone_and_buried(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an event that kills whoever applies it, and a neighbour
    house = House()
    house.hear(make_event(ALICE, "e1", "毒药"), make_event(ALICE, "e2", "bread"))
    seen = poison(house, monkeypatch, "毒药", Killed())
    deaths = 0

    def deliver() -> bool:
        """One worker's life; whether it died."""
        nonlocal deaths
        house.journal.taken = [replace(entry, deliveries=deaths + 1) for entry in house.journal.taken]
        try:
            if deaths:
                house.ingest.recover(idle_seconds=0)
            else:
                house.ingest.drain()
        except Killed:
            deaths += 1
            return True
        return False

    # When workers are started again and again
    while deliver():
        assert deaths < 20
    # Then it cost a few of them, then it was applied alone, and then buried; the neighbour is memory
    assert (deaths, seen) == (6, ["e1 e2"] * 3 + ["e1"] * 3 + ["e2"])
    ((entry, why, attempts),) = house.journal.buried
    assert (entry.event.event_id, attempts, why.reason) == ("e1", 3, "worker_lost")
    assert (house.turns(ALICE), house.journal.pending(ALICE)) == (1, 0)


def test_overflow_is_made_known_by_readers_too() -> None:
    # Given a chat that finds the last exchanges unapplied before an ingest does
    house = House(capacity=1)
    house.hear(make_event(ALICE, "e1", "x"), make_event(ALICE, "e2", "y"))
    house.ingest.settle(ALICE)
    # Then its session does not grow without end
    assert house.overflowed == [(ALICE, "default")]


@pytest.mark.parametrize("how", ["drain", "recover"])
def test_overflow_is_made_known_although_another_owner_has_to_wait(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(capacity=1)
    house.hear(make_event(ALICE, "e1", "x"), make_event(ALICE, "e2", "y"))
    house.hear(make_event(BOB, "f1", "stuck"))
    poison(house, monkeypatch, "stuck", VectorsDown())
    if how == "recover":
        house.journal.read(count=9)
    apply = house.ingest.drain if how == "drain" else partial(house.ingest.recover, idle_seconds=0)
    with pytest.raises(VectorsDown):
        apply()
    assert house.overflowed == [(ALICE, "default")]


def test_a_large_backlog_is_recovered_in_one_go() -> None:
    house = House(capacity=10_000)
    house.hear(*(make_event(ALICE, f"e{number}", "x") for number in range(2 * BATCH + 10)))
    house.journal.read(count=10_000)
    assert house.ingest.recover(idle_seconds=0).applied == 2 * BATCH + 10


def test_one_thread_drains_and_takes_what_came_meanwhile() -> None:
    # Given a drain that is at work when another is rung for, for an event that came after the first's last read
    house = House()
    house.hear(make_event(ALICE, "e1", "x"))
    read = house.journal.read

    def reading(*, count: int) -> list[Entry]:
        entries = read(count=count)
        if ids([entry.event for entry in entries]) == ["e1"]:
            house.hear(make_event(ALICE, "e2", "y"))
            assert house.ingest.drain().applied == 0
        return entries

    house.journal.read = reading  # type: ignore[method-assign]
    # Then the first does both
    assert house.ingest.drain().applied == 2


def test_the_bell_is_heard_before_the_journal_is_read() -> None:
    # What is appended after the read has to ring anew
    house = House()
    assert house.journal.append(ALICE, [make_event(ALICE, "e1", "x")]).ring
    assert not house.journal.append(ALICE, [make_event(ALICE, "e2", "x")]).ring
    house.ingest.drain()
    assert house.journal.append(ALICE, [make_event(ALICE, "e3", "x")]).ring
