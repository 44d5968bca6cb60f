from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from fake_vectors import FakeVectors
from fakes import FakeHeld, FakeLocks, FakeStm, WordEmbedder, make_event

from memoryos_tasks.adapters.codec.plain import PlainCodec
from memoryos_tasks.core.errors import LostClaim, VectorsDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Kind
from memoryos_tasks.ports.vectors import Hit, Where
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.consolidation import Consolidation
from memoryos_tasks.services.promotion import Promotion
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

ALICE = Owner("acme", "alice")
NOW = 1_700_000_000.0
GARDEN = ["The roses in my garden need pruning", "My garden roses bloom in June", "Garden roses like clay"]
TAXES = ["我的税表还没有交", "税表要交给税务局", "税务局收到税表了吗"]


class House:
    """Consolidation and promotion over stand-ins."""

    def __init__(self) -> None:
        self.stm, self.vectors, self.locks = FakeStm(), FakeVectors(), FakeLocks()
        embedder, codec = WordEmbedder(), PlainCodec()
        self.recall = Recall(self.vectors, embedder, codec)
        self.segments = Segments(self.vectors, self.recall, codec)
        self.beliefs = Beliefs(self.vectors, self.recall, codec)
        self.now = NOW
        self.consolidation = Consolidation(self.stm, self.segments, embedder, self.locks, lambda: self.now)
        self.promotion = Promotion(self.segments, self.beliefs, self.recall, self.locks, lambda: self.now, 5.0)

    def hear(self, texts: Sequence[str], *, replies: bool = True) -> list[Event]:
        """Exchanges in short-term memory and in the index; messages alone without ``replies``."""
        events: list[Event] = []
        for number, text in enumerate(texts):
            said = [("user", text), ("assistant", "Noted.")] if replies else [("user", text)]
            for role, words in said:
                events.append(make_event(ALICE, f"{role[0]}{number}", words, role=role, seq=len(events) + 1))
        self.stm.held[ALICE, "default"] = list(events)
        self.recall.index(events, {})
        return events

    def run(self, keep: int = 0) -> int:
        return self.consolidation.run(ALICE, "default", keep=keep)

    def stored(self, kind: Kind) -> list[Hit]:
        return self.vectors.scroll(Where(ALICE, kinds=(kind.value,)))[0]

    def places(self) -> dict[str, str]:
        return {hit.payload["event_id"]: hit.payload["place"] for hit in self.stored(Kind.TURN)}


def test_the_oldest_exchanges_become_pages_and_the_newest_stay() -> None:
    house = House()
    events = house.hear(GARDEN + TAXES)
    # When all but the newest four events are consolidated
    assert house.run(keep=4) == 4
    # Then short-term memory holds those
    assert house.stm.newest(ALICE, "default", count=99) == events[-4:]
    # And each older exchange is one page with both its events, which know where they are
    pages = {tuple(hit.payload["sources"]): hit.id for hit in house.stored(Kind.PAGE)}
    assert set(pages) == {(f"u{number}", f"a{number}") for number in range(4)}
    expected = {id: page for sources, page in pages.items() for id in sources}
    assert house.places() == expected | dict.fromkeys(("u4", "a4", "u5", "a5"), "stm")


def test_an_exchange_is_not_cut_in_two() -> None:
    house = House()
    house.hear(GARDEN)
    # One event too many takes its whole exchange along
    assert house.run(keep=5) == 1
    assert house.stm.size(ALICE, "default") == 4


def test_pages_of_one_topic_share_a_segment_and_others_do_not() -> None:
    house = House()
    house.hear(GARDEN + TAXES, replies=False)
    house.run()
    segments = house.segments.all(ALICE)
    texts = {hit.id: hit.payload["text"] for hit in house.stored(Kind.PAGE)}
    topics = [{"garden" in texts[page].casefold() for page in segment.page_ids} for segment in segments]
    assert len(segments) < 6
    assert all(len(topic) == 1 for topic in topics)
    # Every page belongs to one segment, and both know it
    held = [page for segment in segments for page in segment.page_ids]
    assert sorted(held) == sorted(texts)
    owners = {page: segment.id for segment in segments for page in segment.page_ids}
    assert {hit.id: hit.payload["segment"] for hit in house.stored(Kind.PAGE)} == owners


def test_a_session_within_its_bound_is_left_alone() -> None:
    house = House()
    house.hear(GARDEN)
    before = dict(house.vectors.points)
    assert house.run(keep=6) == 0
    assert house.vectors.points == before
    assert house.consolidation.run(ALICE, "unknown", keep=0) == 0


def test_consolidating_the_same_events_again_changes_nothing() -> None:
    # Given a run that died before it dropped the events
    house = House()
    events = house.hear(GARDEN)
    house.run()
    before = {segment.id: segment for segment in house.segments.all(ALICE)}
    house.stm.held[ALICE, "default"] = events
    # When another one does it again
    house.run()
    # Then there are no more pages nor segments
    after = {segment.id: segment for segment in house.segments.all(ALICE)}
    assert {id: segment.page_ids for id, segment in after.items()} == {id: one.page_ids for id, one in before.items()}
    assert len(house.stored(Kind.PAGE)) == 3


def test_nothing_happens_while_another_run_holds_the_lock() -> None:
    house = House()
    house.hear(GARDEN)
    house.locks.held = None
    assert house.run() == 0
    assert house.promotion.run(ALICE) == 0
    assert (house.stm.size(ALICE, "default"), house.stored(Kind.PAGE)) == (6, [])


@pytest.mark.parametrize("trouble", ["lock", "vectors"])
def test_events_stay_until_their_pages_are_written(trouble: str) -> None:
    house = House()
    house.hear(GARDEN)
    if trouble == "lock":
        house.locks.held = FakeHeld(lost=True)
    house.vectors.down = trouble == "vectors"
    with pytest.raises(LostClaim if trouble == "lock" else VectorsDown):
        house.run()
    house.vectors.down = False
    assert house.stm.size(ALICE, "default") == 6
    assert house.stored(Kind.PAGE) == []


def test_a_very_long_session_is_consolidated_to_its_end() -> None:
    house = House()
    house.hear([f"Note {number} about roses" for number in range(200)])
    assert house.run(keep=20) == 190
    assert house.stm.size(ALICE, "default") == 20


def test_a_cold_segment_is_not_promoted_and_a_visited_one_is_once() -> None:
    # Given one page of mid-term memory
    house = House()
    house.hear(["I am allergic to peanuts."])
    house.run()
    (page,) = house.stored(Kind.PAGE)
    assert house.promotion.run(ALICE) == 0
    assert house.beliefs.believed(ALICE) == []
    # When it is visited often
    assert house.promotion.run(ALICE, {page.id: 5}) == 1
    # Then what it says is known, with its source, and not learned again
    (fact,) = house.beliefs.believed(ALICE)
    assert (fact.value, fact.sources) == ("peanuts", ("u0",))
    (segment,) = house.segments.all(ALICE)
    assert (segment.visits, segment.analysed) == (5, 1)
    assert house.promotion.run(ALICE, {page.id: 5}) == 0


def test_only_new_pages_of_a_hot_segment_are_analysed() -> None:
    # Given a promoted segment, whose fact was then forgotten by hand
    house = House()
    house.hear(["I am allergic to peanuts."], replies=False)
    house.run()
    (page,) = house.stored(Kind.PAGE)
    house.promotion.run(ALICE, {page.id: 6})
    house.vectors.delete(ALICE, [fact.id for fact in house.beliefs.believed(ALICE)])
    # When another page joins it
    later = make_event(ALICE, "u9", "I am allergic to pollen.", seq=9)
    house.stm.held[ALICE, "default"] = [later]
    house.recall.index([later], {})
    house.run()
    (segment,) = house.segments.all(ALICE)
    assert (len(segment.page_ids), segment.analysed) == (2, 1)
    # Then only that page is read for facts
    assert house.promotion.run(ALICE, {page.id: 1}) == 1
    assert [fact.value for fact in house.beliefs.believed(ALICE)] == ["pollen"]


def test_a_segment_cools() -> None:
    house = House()
    house.hear(["The roses need pruning."])
    house.run()
    (before,) = house.segments.all(ALICE)
    house.now += 3 * 24 * 3600
    house.promotion.run(ALICE)
    (after,) = house.segments.all(ALICE)
    assert after.heat < before.heat - 0.5
    assert replace(after, heat=0.0) == replace(before, heat=0.0)
