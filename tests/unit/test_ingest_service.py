from __future__ import annotations

from collections.abc import Sequence

import pytest
from fake_vectors import FakeVectors
from fakes import FakeHeld, FakeJournal, FakeLocks, FakeRuns, FakeStm, WordEmbedder, make_event

from memoryos_tasks.adapters.codec.plain import PlainCodec
from memoryos_tasks.core.errors import LostClaim, VectorsDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Kind
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
        recall = Recall(self.vectors, WordEmbedder(), PlainCodec())
        self.beliefs = Beliefs(self.vectors, recall, PlainCodec())
        self.ingest = Ingest(self.journal, self.stm, recall, self.beliefs, self.locks, self.runs, capacity)

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
    with pytest.raises(LostClaim):
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
