"""Compaction over the real embedded store, by a simulated clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from fakes import FakeCounters, FakeLocks, FakeStm, FakeUpkeep, make_event
from plain_codec import PlainCodec

from memoryos_tasks.adapters.embedding.static import StaticEmbedder
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.eviction import NEWBORN, Policy
from memoryos_tasks.core.heat import TAU
from memoryos_tasks.core.items import FORGOTTEN
from memoryos_tasks.services.analysis import Analyst
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.compaction import Compaction
from memoryos_tasks.services.consolidation import Consolidation
from memoryos_tasks.services.history import History
from memoryos_tasks.services.promotion import Promotion
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

ALICE = Owner("acme", "alice: 李")
SAID = ("My roses need pruning before the frost", "我的税表还没有交给税务局", "We saw three jazz concerts in Lisbon")


class House:
    """Consolidation, promotion and compaction over one store; each message is one page."""

    def __init__(self, folder: Path) -> None:
        codec, locks, embedder = PlainCodec(), FakeLocks(), StaticEmbedder()
        self.store, self.stm = EdgeStore(folder, embedder.dimensions), FakeStm()
        self.now, self.policy, self.counts = 1_700_000_000.0, Policy(), dict[str, int]()
        self.recall = Recall(self.store, embedder, codec)
        self.segments = Segments(self.store, self.recall, codec)
        beliefs = Beliefs(self.store, self.recall, codec)
        clock = lambda: self.now  # noqa: E731
        analyst = Analyst(dict, lambda: "", FakeCounters())
        self.consolidation = Consolidation(self.stm, self.segments, embedder, locks, clock)
        self.promotion = Promotion(self.segments, beliefs, self.recall, locks, clock, analyst)
        self.compaction = Compaction(
            self.segments, self.promotion, locks, FakeUpkeep(), FakeCounters(), lambda: self.policy, clock
        )
        self.history = History(self.stm, self.store, self.recall, lambda owner: None)
        events = [make_event(ALICE, f"e{at}", text, seq=at) for at, text in enumerate(SAID, 1)]
        self.stm.held[ALICE, "s"] = events
        self.recall.index(events, {})
        self.consolidation.run(ALICE, "s", keep=0)

    def noted(self, owner: Owner) -> dict[str, int]:
        """The visits that promotion counts."""
        return dict(self.counts)

    def counted(self, owner: Owner, visits: Mapping[str, int]) -> None:
        """They are counted."""
        self.counts = {}

    def heats(self) -> dict[str, float]:
        return {one.id: one.heat for one in self.segments.all(ALICE)}

    def found(self, query: str) -> list[str]:
        return [item.content for item in self.recall.search(ALICE, query, limit=9, now=self.now)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.store.close()


def test_a_segment_heats_with_visits_and_cools_to_under_half_in_two_tau(house: House) -> None:
    # Given segments that are visited every hour
    heats = [house.heats()]
    for _ in range(4):
        house.now += 3600
        house.counts = dict.fromkeys(heats[0], 1)
        house.promotion.run(ALICE, house)
        heats.append(house.heats())
    assert all(heats[4][id] > heats[1][id] > heats[0][id] for id in heats[0])
    # When nobody comes any more, then beat's runs find each colder, and under half as hot after 2τ
    for _ in range(4):
        house.now += TAU / 2
        house.compaction.run(ALICE)
        heats.append(house.heats())
        assert all(heats[-1][id] < heats[-2][id] for id in heats[0])
    assert all(heats[-1][id] < 0.5 * heats[4][id] for id in heats[0])


@pytest.mark.parametrize("by_age", [False, True])
def test_what_leaves_is_told_as_forgotten_and_by_age_found_no_more(house: House, by_age: bool) -> None:
    # Given segments that nobody wants any more
    house.now += 40 * 86_400 if by_age else NEWBORN
    house.policy = Policy(forget_after=30 * 86_400.0) if by_age else Policy(segments=1)
    for _ in range(3):
        house.compaction.run(ALICE)
    # Then they have left with their pages, and every event is on record
    assert len(house.segments.all(ALICE)) == (0 if by_age else 1)
    rows = house.history.events(ALICE, {})["events"]
    assert [row["content"] for row in rows] == list(SAID)
    gone = [row["content"] for row in rows if row["place"] == FORGOTTEN]
    assert len(gone) == (3 if by_age else 2)
    # And found, unless by age
    for text in gone:
        assert (text in house.found(text)) is not by_age
