"""Events that cannot be applied, through the real journal: tried, buried, replayed; others are not held up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import redis
from fake_vectors import FakeVectors
from fakes import FakeRuns, WordEmbedder, make_event
from plain_codec import PlainCodec
from waiting import until

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.dead_letters import RedisDeadLetters
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.locks import RedisLocks
from memoryos_tasks.adapters.redis.stm import RedisStm
from memoryos_tasks.core.errors import VectorsDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Kind
from memoryos_tasks.core.settings import Jobs
from memoryos_tasks.ports.dead_letters import EVENTS, Letter, Replayed
from memoryos_tasks.ports.ledger import Status
from memoryos_tasks.ports.runs import Saying
from memoryos_tasks.ports.vectors import Where
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.ingest import Ingest
from memoryos_tasks.services.recall import Recall

ALICE, BOB = Owner("acme", "alice 爱"), Owner("acme", "bob")
POISON = "毒药"


class Killed(BaseException):
    """The process dies here."""


class Failing(Recall):
    """Does ``fail`` for events that hold poison; ``seen`` tells what it was given."""

    fail: Callable[[], None] | None = None

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.seen: list[str] = []

    def index(self, events: Sequence[Event], before: Mapping[str, Sequence[Event]]) -> None:
        self.seen.append(" ".join(event.event_id for event in events))
        if self.fail is not None and any(event.content == POISON for event in events):
            self.fail()
        super().index(events, before)


class House:
    """The ingest of one process over real stores of record; the index stands in."""

    def __init__(self, truth: redis.Redis) -> None:
        codec = PlainCodec()
        self.truth = truth
        self.vectors, self.runs = FakeVectors(), FakeRuns()
        self.recall = Failing(self.vectors, WordEmbedder(), codec)
        self.ledger, self.stm = RedisLedger(truth, codec, Jobs()), RedisStm(truth, codec)
        self.dlq = RedisDeadLetters(truth, codec, Jobs())
        self.beliefs = Beliefs(self.vectors, self.recall, codec)
        self.start()

    def start(self) -> None:
        """A new process."""
        self.journal = RedisJournal(self.truth, PlainCodec())
        self.ingest = Ingest(self.journal, self.stm, self.recall, self.beliefs, RedisLocks(self.truth), self.runs, 20,
                             lambda owner, session: None)

    def turns(self, owner: Owner) -> int:
        return self.vectors.count(Where(owner, kinds=(Kind.TURN.value,)))

    def letters(self) -> list[Letter]:
        return list(self.dlq.page(EVENTS, count=99)[0])

    def unapplied(self) -> tuple[int, int]:
        """Events that count as not applied, and entries that are not acknowledged."""
        summary: Any = self.truth.xpending(keyspace.JOURNAL, "memoryos")
        total: Any = self.truth.get(keyspace.PENDING)
        return int(total or 0), int(summary["pending"])


@pytest.fixture
def house(truth: redis.Redis) -> House:
    return House(truth)


def crash() -> None:
    raise ValueError("could not read 毒药 4711")


def test_a_poison_event_becomes_a_letter_and_is_applied_once_after_a_fix(house: House) -> None:
    # Given a poison event between others, of its user and of another
    house.recall.fail = crash
    said = [make_event(ALICE, "e0", "bread"), make_event(ALICE, "e1", POISON), make_event(ALICE, "e2", "wine")]
    receipt = house.journal.append(ALICE, said, inbox="gw")
    house.journal.append(BOB, [make_event(BOB, "f0", "water")])
    assert receipt.job_id is not None
    # When the journal is drained once
    assert house.ingest.drain().applied == 3
    # Then the others are memory
    assert (house.turns(ALICE), house.turns(BOB), house.unapplied()) == (2, 1, (1, 1))
    # When it was tried three times
    for _ in range(2):
        house.ingest.recover(idle_seconds=0)
    # Then it is a letter that names the reason and the place, and none of the text
    (letter,) = house.letters()
    assert (letter.subject, letter.attempts, letter.reason, letter.exception) == (
        "e1", 3, "unexpected_error", "ValueError")
    assert "in crash" in letter.traceback
    assert "4711" not in f"{letter.message} {letter.traceback}"
    assert house.recall.seen.count("e1") == 3
    # And nothing waits for it any more
    assert house.unapplied() == (0, 0)
    assert (house.truth.hlen(keyspace.TRIES), house.truth.hget(keyspace.COUNTERS, "dead unexpected_error")) == (0, "1")
    assert [event.event_id for event in house.stm.newest(ALICE, "default", count=9)] == ["e0", "e2"]
    assert house.ledger.get("acme", receipt.job_id).status is Status.DEAD
    assert [message.saying for message in house.runs.streams[receipt.job_id]] == [Saying.ERROR]
    # When it is replayed before a fix, then it is one letter again
    assert house.dlq.replay(letter.id) is Replayed.REPLAYED
    house.ingest.drain()
    for _ in range(2):
        house.ingest.recover(idle_seconds=0)
    (again,) = house.letters()
    assert (again.first_seen, again.attempts, again.replaying) == (letter.first_seen, 3, False)
    # When it is replayed after one, then it is memory, once, in its place
    house.recall.fail = None
    assert house.dlq.replay(again.id) is Replayed.REPLAYED
    assert house.ingest.drain().applied == 1
    assert (house.letters(), house.turns(ALICE), house.unapplied()) == ([], 3, (0, 0))
    assert [event.event_id for event in house.stm.newest(ALICE, "default", count=9)] == ["e0", "e1", "e2"]
    assert house.ingest.drain().applied == house.ingest.recover(idle_seconds=0).applied == 0


def test_an_event_that_its_workers_die_of_is_found_and_buried(house: House) -> None:
    # Given an event that kills whoever applies it, and another one behind it
    def die() -> None:
        raise Killed

    house.recall.fail = die
    house.journal.append(ALICE, [make_event(ALICE, "e1", POISON), make_event(ALICE, "e2", "bread")])
    # When the supervisor starts worker after worker
    deaths = 0
    while not house.letters():
        try:
            house.ingest.drain()
            house.ingest.recover(idle_seconds=0)
        except Killed:
            deaths += 1
            house.start()
        assert deaths < 20
    # Then it costs a few of them until it is a letter, and the other event is memory
    (letter,) = house.letters()
    assert (letter.subject, letter.reason, letter.attempts) == ("e1", "worker_lost", 3)
    assert deaths == 6
    assert (house.turns(ALICE), house.unapplied()) == (1, (0, 0))


def test_a_long_outage_of_the_index_buries_nothing(house: House) -> None:
    # Given an index that is away for many deliveries
    def away() -> None:
        raise VectorsDown

    house.recall.fail = away
    house.journal.append(ALICE, [make_event(ALICE, "e1", POISON), make_event(ALICE, "e2", "bread")])
    with pytest.raises(VectorsDown):
        house.ingest.drain()
    for _ in range(8):
        with pytest.raises(VectorsDown):
            house.ingest.recover(idle_seconds=0)
    # When it is back
    house.recall.fail = None
    assert house.ingest.recover(idle_seconds=0).applied == 2
    # Then everything is memory, and was not suspected: one by one a backlog would take long
    assert house.recall.seen == ["e1 e2"] * 10
    assert (house.letters(), house.turns(ALICE), house.unapplied()) == ([], 2, (0, 0))


def test_what_a_live_consumer_holds_is_not_taken_from_it(house: House) -> None:
    house.journal.append(ALICE, [make_event(ALICE, "e1", "bread")])
    house.journal.read(count=9)
    assert house.ingest.recover(idle_seconds=60).applied == 0
    until(lambda: house.ingest.recover(idle_seconds=0.05).applied == 1, seconds=5, what="it is abandoned")


def test_a_poison_entry_that_was_put_in_by_hand_holds_nobody_up(house: House) -> None:
    # Given a raw entry that cannot be applied, and waits to be tried again
    def put(event_id: str, content: str) -> None:
        body = json.dumps({"user_id": ALICE.user, "content": content})
        house.truth.xadd(keyspace.JOURNAL, {"event_id": event_id, "tenant": "acme", "payload": body})

    house.recall.fail = crash
    put("r1", POISON)
    assert house.ingest.drain().applied == 0
    # When another one comes
    put("r2", "bread")
    # Then it is applied at once
    assert house.ingest.drain().applied == 1
    assert [event.event_id for event in house.stm.newest(ALICE, "default", count=9)] == ["r1", "r2"]
