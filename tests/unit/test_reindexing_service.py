from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from zlib import crc32

import pytest
from fake_vectors import FakeVectors
from fakes import FakeCounters, FakeLocks
from plain_codec import PlainCodec

from memoryos_tasks.core.embedding import STATIC_SPACE, Space
from memoryos_tasks.core.errors import EmbedderDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Kind
from memoryos_tasks.ports.embedder import Embedder
from memoryos_tasks.ports.embedders import Course
from memoryos_tasks.ports.vectors import Point, Search, Where
from memoryos_tasks.services import reindexing as module
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.reindexing import Filled, Reindexing

ALICE, BOB = Owner("acme", "alice"), Owner("other", "bob")
OLD, NEW = Space("fake:old", 6), Space("fake:new", 9)
NOW = 1_700_000_000.0


class Model:
    """A bag of words in as many dimensions as its space has; ``after`` says how many texts it embeds until it is
    away."""

    def __init__(self, space: Space) -> None:
        self.name, self.dimensions = space.embedder, space.dimensions
        self.after = 10**9
        self.asked = 0

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked += len(texts)
        if self.asked > self.after:
            raise EmbedderDown
        vectors = []
        for text in texts:
            numbers = [0.0] * self.dimensions
            for word in (self.name, *text.lower().split()):
                numbers[crc32(word.encode()) % self.dimensions] += 1.0
            norm = math.hypot(*numbers)
            vectors.append([number / norm for number in numbers])
        return vectors


@dataclass
class FakeEmbedders:
    """See :class:`memoryos_tasks.ports.embedders.Embedders`."""

    active: Space = OLD
    wanted: Space = NEW
    left: int | None = None
    switches: list[Space] = field(default_factory=list)

    def course(self) -> Course:
        return Course(self.active, self.wanted, self.left)

    def want(self, space: Space) -> None:
        self.wanted, self.left = space, None

    def switch(self, space: Space) -> bool:
        if space == self.wanted:
            self.active = space
            self.switches.append(space)
        return space == self.wanted

    def settle(self, space: Space, left: int) -> None:
        if space == self.wanted:
            self.left = left


class World:
    """A store with memory of two owners, embedded by the old model; the new one is wanted."""

    def __init__(self) -> None:
        self.store, self.choice, self.locks = FakeVectors(), FakeEmbedders(), FakeLocks()
        self.counters = FakeCounters()
        self.models = {space: Model(space) for space in (OLD, NEW, STATIC_SPACE)}
        self.now = 0.0
        self.progress: list[tuple[int, int]] = []

    def recall(self, space: Space) -> Recall:
        return Recall(self.store.within(space), self.models[space], PlainCodec())

    def service(self) -> Reindexing:
        def embedder_of(space: Space) -> Embedder:
            return self.models[space]

        return Reindexing(
            self.store, self.choice, embedder_of, PlainCodec(), self.locks, self.counters, lambda: self.now
        )

    def run(self) -> Filled:
        return self.service().run(lambda done, total: self.progress.append((done, total)))

    def dense(self, owner: Owner, ids: Sequence[str], space: Space = NEW) -> list[tuple[float, ...] | None]:
        return [hit.dense for hit in self.store.within(space).get(owner, ids, vectors=True)]


def talk(owner: Owner, count: int, session: str = "s") -> list[Event]:
    said = ("I moved to Berlin", "我在上海工作", "my cat is called Pixel", "what a loud concert")
    return [
        Event(owner, f"{session}{seq}", "user", f"{said[seq % 4]} {seq}", NOW + seq, session=session, seq=seq)
        for seq in range(1, count + 1)
    ]


@pytest.fixture
def world() -> World:
    made = World()
    for owner in (ALICE, BOB):
        made.recall(OLD).index(talk(owner, 20), {})
    return made


def test_what_is_filled_is_what_the_new_embedder_would_have_made(world: World) -> None:
    # Given also a fact, a page and a segment of Alice
    recall = world.recall(OLD)
    texts = {Kind.TRAIT: "likes cats", Kind.PAGE: "user: 我喜欢猫", Kind.SEGMENT: "cats"}
    ids = {kind: ALICE.derive(kind, "x") for kind in texts}
    for kind, text in texts.items():
        payload = {"pages": [ids[Kind.PAGE]]} if kind is Kind.SEGMENT else {}
        point = recall.point(ALICE, ids[kind], kind, text, sources=(), created_at=NOW, payload=payload)
        world.store.within(OLD).upsert(ALICE, [point])
    # When memory is embedded anew
    filled = world.run()
    # Then all of it has the vectors that the new one alone would have given it
    assert filled == Filled(filled=43, left=0, complete=True, switched=True)
    assert world.counters.counts["reindexing", "filled"] == 43
    fresh = World()
    for owner in (ALICE, BOB):
        fresh.recall(NEW).index(talk(owner, 20), {})
        turns = [event.turn_id for event in talk(owner, 20)]
        for again, first in zip(world.dense(owner, turns), fresh.dense(owner, turns), strict=True):
            assert again == pytest.approx(first)
    fact, page, segment = world.dense(ALICE, [ids[kind] for kind in texts])
    assert fact == pytest.approx(world.models[NEW].embed(["likes cats"])[0])
    assert page == segment == pytest.approx(world.models[NEW].embed(["user: 我喜欢猫"])[0])
    assert world.progress[-1] == (43, 43)
    # And payloads and words are untouched
    assert world.store.count(Where(ALICE)) == 23
    assert world.recall(NEW).events(ALICE, ["s3"]) == [talk(ALICE, 20)[2]]


def test_the_old_vectors_answer_until_the_new_ones_are_complete_and_go_afterwards(world: World) -> None:
    # Given a run that has no time to finish
    ask = [Search(Where(ALICE), 5, dense=world.models[OLD].embed(["my cat"])[0])]
    before = world.store.within(OLD).search(ask)
    world.models[NEW].after = 25
    with pytest.raises(EmbedderDown):
        world.run()
    # Then the old embedder is still active, and its answers are as before
    assert world.choice.active == OLD
    assert world.store.within(OLD).search(ask) == before
    assert world.service().due()
    # When the new one is back, what was done is not done again
    world.models[NEW].after = 10**9
    done = 40 - world.store.lacks(NEW)
    assert world.run().filled == 40 - done
    assert done == 20
    assert world.choice.active == NEW
    # And the old vectors go with the next run, not with the one that switched
    assert OLD.vector in world.store.names()
    assert world.service().due()
    assert world.run() == Filled(0, 0, True)
    assert world.store.names() == [NEW.vector]
    assert not world.service().due()


def test_a_run_ends_in_time_and_the_next_one_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given steps of one owner's points that take ten seconds each
    monkeypatch.setattr(module, "STEP", 5)
    embed = world.models[NEW].embed

    def slow(texts: Sequence[str]) -> list[list[float]]:
        world.now += 10.0
        return embed(texts)

    world.models[NEW].embed = slow  # type: ignore[method-assign]
    runs = [world.run()]
    while not runs[-1].complete:
        runs.append(world.run())
        assert len(runs) < 20
    # Then no run takes much longer than it may, and only the last switches
    assert len(runs) > 1
    assert [run.switched for run in runs] == [False] * (len(runs) - 1) + [True]
    assert sum(run.filled for run in runs) == 40


def test_what_is_written_meanwhile_by_the_old_embedder_is_filled_before_the_switch(world: World) -> None:
    # Given a fill during which another worker writes with the old embedder
    late = talk(ALICE, 24)[20:]
    embed = world.models[NEW].embed
    written: list[bool] = []

    def meanwhile(texts: Sequence[str]) -> list[list[float]]:
        if not written:
            written.append(True)
            world.recall(OLD).index(late, {"s": talk(ALICE, 20)[-4:]})
        return embed(texts)

    world.models[NEW].embed = meanwhile  # type: ignore[method-assign]
    assert world.run().switched
    assert None not in world.dense(ALICE, [event.turn_id for event in late])


def test_a_text_that_changed_while_it_was_embedded_keeps_no_old_meaning(world: World) -> None:
    id = ALICE.derive("trait", "x")
    old = world.recall(OLD)

    def write(text: str) -> None:
        point = old.point(ALICE, id, Kind.TRAIT, text, sources=(), created_at=NOW)
        world.store.within(OLD).upsert(ALICE, [point])

    write("lives in Berlin")
    embed = world.models[NEW].embed

    def meanwhile(texts: Sequence[str]) -> list[list[float]]:
        if "lives in Berlin" in texts:
            write("lives in Hamburg")
        return embed(texts)

    world.models[NEW].embed = meanwhile  # type: ignore[method-assign]
    world.run()
    assert world.dense(ALICE, [id]) == [pytest.approx(embed(["lives in Hamburg"])[0])]


def test_what_was_indexed_while_the_embedder_was_away_gets_its_vectors_later(world: World) -> None:
    # Given an embedder in use that goes away while events are indexed
    world.run()
    world.run()
    world.models[NEW].after = 0
    late = talk(ALICE, 24)[20:]
    recall = world.recall(NEW)
    recall.index(late, {"s": talk(ALICE, 20)[-4:]})
    # Then they are found by their words, and the question says what was missing
    assert recall.search(ALICE, "Pixel 22", limit=1, now=NOW)[0].sources == ("s22",)
    assert recall.meaning.away
    assert world.service().due()
    # When it is back, they get the vectors that they would have had
    world.models[NEW].after = 10**9
    assert world.run() == Filled(4, 0, True)
    assert not world.service().due()
    fresh = World()
    fresh.recall(NEW).index(talk(ALICE, 24), {})
    ids = [event.turn_id for event in late]
    assert world.dense(ALICE, ids) == [pytest.approx(one) for one in fresh.dense(ALICE, ids)]
    recall.search(ALICE, "Pixel 22", limit=1, now=NOW)
    assert not recall.meaning.away


def test_what_can_have_no_vector_is_left_and_not_looked_for_again(world: World) -> None:
    # Given a tombstone, a turn without text, and a log entry
    points = [
        Point(ALICE.derive("a"), {"kind": "removed", "text": ""}),
        Point(ALICE.derive("b"), {"kind": "turn", "text": "", "session": "s", "seq": 99, "timestamp": NOW}),
        Point(ALICE.derive("c"), {"kind": "edit", "before": "words"}),
    ]
    world.store.upsert(ALICE, points)
    # When memory is embedded anew, then it ends, and is done
    assert world.run() == Filled(filled=40, left=3, complete=True, switched=True)
    world.run()
    assert not world.service().due()
    assert world.dense(ALICE, [point.id for point in points]) == [None] * 3


def test_an_owner_whose_lock_is_held_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    held, world.locks.held = world.locks.held, None
    world_now = iter(range(0, 10_000, 10))
    service = Reindexing(world.store, world.choice, lambda space: world.models[space], PlainCodec(), world.locks,
                         world.counters, lambda: float(next(world_now)))
    assert service.run(lambda done, total: None) == Filled(0, 40, False)
    assert world.choice.active == OLD
    world.locks.held = held
    assert world.run().switched


def test_another_choice_meanwhile_wins(world: World) -> None:
    embed = world.models[NEW].embed

    def meanwhile(texts: Sequence[str]) -> list[list[float]]:
        world.choice.want(STATIC_SPACE)
        return embed(texts)

    world.models[NEW].embed = meanwhile  # type: ignore[method-assign]
    assert not world.run().switched
    assert world.choice.active == OLD
    assert world.run().switched
    assert world.choice.active == STATIC_SPACE
