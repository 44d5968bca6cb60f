from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from fake_vectors import FakeVectors
from fakes import FakeCounters, FakeHeld, FakeLocks, FakeStm, WordEmbedder, make_event
from plain_codec import PlainCodec

from memoryos_tasks.core.errors import Busy, LostClaim, VectorsDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import IN_STM, Kind
from memoryos_tasks.ports.vectors import Hit, Where
from memoryos_tasks.services.analysis import Analyst
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.consolidation import Consolidation
from memoryos_tasks.services.promotion import Promotion
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

ALICE = Owner("acme", "alice")
NOW = 1_700_000_000.0
GARDEN = ["The roses in my garden need pruning", "My garden roses bloom in June", "Garden roses like clay"]
TAXES = ["我的税表还没有交", "税表要交给税务局", "税务局收到税表了吗"]


class Killed(BaseException):
    """The process ends here, as SIGKILL ends it: nobody catches it and nothing is tidied up."""


@dataclass
class Visited:
    """Visits by page or segment id; ``counts`` goes down when they are counted."""

    counts: dict[str, int] = field(default_factory=dict)

    def noted(self, owner: Owner) -> dict[str, int]:
        return dict(self.counts)

    def counted(self, owner: Owner, visits: Mapping[str, int]) -> None:
        left = {place: count - visits.get(place, 0) for place, count in self.counts.items()}
        self.counts = {place: count for place, count in left.items() if count > 0}


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
        rules = Analyst(dict, lambda: "", FakeCounters())
        self.promotion = Promotion(self.segments, self.beliefs, self.recall, self.locks, lambda: self.now, rules, 5.0)

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

    def hear_more(self, *said: tuple[str, str, str]) -> None:
        """Later events, as (id, role, words), after those that short-term memory has heard before."""
        seq = 1 + max(hit.payload["seq"] for hit in self.stored(Kind.TURN))
        events = [make_event(ALICE, id, words, role=role, seq=seq + at) for at, (id, role, words) in enumerate(said)]
        self.stm.held[ALICE, "default"] += events
        self.recall.index(events, {})

    def run(self, keep: int = 0) -> int:
        return self.consolidation.run(ALICE, "default", keep=keep)

    def stored(self, kind: Kind) -> list[Hit]:
        return self.vectors.scroll(Where(ALICE, kinds=(kind.value,)))[0]

    def hear_elsewhere(self) -> None:
        """Nearly the same words in another session, which becomes mid-term memory at once."""
        seq = 1 + max(hit.payload["seq"] for hit in self.stored(Kind.TURN))
        events = [
            make_event(ALICE, f"x{at}", f"{words}!", seq=seq + at, session="other") for at, words in enumerate(SAID)
        ]
        self.stm.held[ALICE, "other"] = events
        self.recall.index(events, {})
        self.consolidation.run(ALICE, "other", keep=0)

    def check(self) -> None:
        """Every event stands in short-term memory or in one page, and every page in the one segment that it names."""
        pages = self.stored(Kind.PAGE)
        paged = Counter(id for page in pages for id in page.payload["sources"])
        waiting = {event.event_id for event in self.stm.held[ALICE, "default"]}
        everything = {hit.payload["event_id"] for hit in self.stored(Kind.TURN)}
        assert set(paged) | waiting == everything, "an event is missing"
        assert set(paged.values()) <= {1}, "an event stands in two pages"
        listed = [(page, segment.id) for segment in self.segments.all(ALICE) for page in segment.page_ids]
        assert sorted(listed) == sorted((page.id, page.payload["segment"]) for page in pages)
        holder = {id: page.id for page in pages for id in page.payload["sources"]}
        assert self.places() == {id: holder.get(id, IN_STM) for id in everything}
        assert waiting.isdisjoint(paged), "an event stands in a page and in short-term memory"

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


#: Writes of one step that moves three pages: pages, segments, places, short-term memory.
WRITES = ("upsert", "upsert", "patch_many", "drop")
SAID = ["The roses in my garden need pruning", "我的税表还没有交", "My garden roses bloom in June"]
MEANWHILE: dict[str, Callable[[House], object]] = {
    "nothing": lambda house: None,
    "another session": House.hear_elsewhere,
    "the reply": lambda house: house.hear_more(("late", "assistant", "June is a good month for roses")),
    "more": lambda house: house.hear_more(
        ("late", "assistant", "Noted."), ("u8", "user", "税务局收到税表了吗"), ("a8", "assistant", "收到了。")
    ),
}


def each_write(house: House, watch: Callable[[int, Callable[[float], None]], None]) -> None:
    """Let ``watch`` make each write: it is given its number and how to do that share of it."""
    count = 0

    def watched(call: Callable[..., None], many: int | None) -> Callable[..., None]:
        def write(*args: Any, **options: Any) -> None:
            nonlocal count
            count += 1

            def do(share: float) -> None:
                if many is not None and share < 1:
                    some = args[many]
                    call(*args[:many], some[: int(len(some) * share)], *args[many + 1 :], **options)
                elif share == 1:
                    call(*args, **options)

            watch(count, do)

        return write

    house.vectors.upsert = watched(house.vectors.upsert, 1)  # type: ignore[method-assign]
    house.vectors.patch_many = watched(house.vectors.patch_many, 1)  # type: ignore[method-assign]
    house.stm.drop = watched(house.stm.drop, None)  # type: ignore[method-assign]


def dying(house: House, step: int, share: float) -> None:
    """Let the process die at this write, after that share of it (a cluster may do a part)."""

    def watch(number: int, do: Callable[[float], None]) -> None:
        do(share if number == step else 1)
        if number == step:
            raise Killed

    each_write(house, watch)


def pausing(house: House, step: int, meanwhile: Callable[[], None]) -> None:
    """Let something happen before this write."""

    def watch(number: int, do: Callable[[float], None]) -> None:
        if number == step:
            meanwhile()
        do(1)

    each_write(house, watch)


@pytest.mark.parametrize("share", [0, 0.5, 1])
@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.parametrize("step", range(1, len(WRITES) + 1))
def test_a_run_that_dies_is_completed_by_the_next(step: int, meanwhile: str, share: float) -> None:
    # Given a session whose last message has no reply yet, and a run that dies at one of its writes
    house = House()
    house.hear(SAID, replies=False)
    writes = house.vectors.upsert, house.vectors.patch_many, house.stm.drop
    dying(house, step, share)
    with pytest.raises(Killed):
        house.run()
    house.vectors.upsert, house.vectors.patch_many, house.stm.drop = writes  # type: ignore[method-assign]
    before = {hit.id: (hit.payload["sources"], hit.payload["segment"]) for hit in house.stored(Kind.PAGE)}
    # When more is said, and another run comes, by another clock
    MEANWHILE[meanwhile](house)
    house.now += 3600
    house.run()
    # Then every event has one place, and what was written before stays as it was
    house.check()
    after = {hit.id: (hit.payload["sources"], hit.payload["segment"]) for hit in house.stored(Kind.PAGE)}
    assert after.items() >= before.items()
    assert house.stm.size(ALICE, "default") == 0
    # And one run more changes nothing
    stored = dict(house.vectors.points)
    assert house.run() == 0
    assert house.vectors.points == stored


@pytest.mark.parametrize("keep", [5, 4, 2, 1])
@pytest.mark.parametrize("step", range(1, 6))
def test_a_run_that_dies_is_completed_by_one_that_looks_at_less(
    step: int, keep: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a run over a whole session that died
    house = House()
    house.hear(SAID)
    writes = house.vectors.upsert, house.vectors.patch_many, house.stm.drop
    dying(house, min(step, len(WRITES)), 1 if step == 5 else 0.5)
    with pytest.raises(Killed):
        house.run()
    house.vectors.upsert, house.vectors.patch_many, house.stm.drop = writes  # type: ignore[method-assign]
    # When the next one keeps some events, and looks at no more than it must, at times into the middle of a page
    monkeypatch.setattr("memoryos_tasks.services.consolidation.LOOKAHEAD", 0)
    house.run(keep=keep)
    paged = [id for page in house.stored(Kind.PAGE) for id in page.payload["sources"]]
    assert len(paged) == len(set(paged))
    # Then the last one finds everything in order
    house.run()
    house.check()


def test_what_is_not_indexed_yet_waits_and_so_does_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a session of which the third event is still being indexed
    house = House()
    events = house.hear(GARDEN, replies=False)
    late = make_event(ALICE, "u1", GARDEN[1], seq=2)
    house.vectors.delete(ALICE, [late.turn_id])
    monkeypatch.setattr(house.stm, "unapplied", lambda owner, session: 1)
    # When it is consolidated, then what came before it moves
    assert house.run() == 1
    assert house.stm.newest(ALICE, "default", count=9) == events[1:]
    assert house.run() == 0
    # And when it is indexed, then the rest does
    house.recall.index([late], {})
    assert house.run() == 2
    house.check()


def test_an_event_whose_turn_was_lost_stays_and_holds_nothing_up() -> None:
    house = House()
    events = house.hear(GARDEN, replies=False)
    house.vectors.delete(ALICE, [events[1].turn_id])
    assert house.run() == 2
    assert house.stm.newest(ALICE, "default", count=9) == [events[1]]
    assert house.run() == 0


@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.parametrize("step", range(1, len(WRITES) + 1))
def test_a_run_that_was_overtaken_changes_nothing_any_more(step: int, meanwhile: str) -> None:
    # Given a run that stands still before one of its writes for so long that its lock is another's
    house = House()
    house.hear(SAID, replies=False)
    stored: dict[str, Any] = {}

    def overtake() -> None:
        house.vectors.upsert, house.vectors.patch_many, house.stm.drop = writes  # type: ignore[method-assign]
        house.stm.token = 2
        house.locks.held = FakeHeld(token=2)
        MEANWHILE[meanwhile](house)
        house.run()
        stored.update(house.vectors.points)

    writes = house.vectors.upsert, house.vectors.patch_many, house.stm.drop
    pausing(house, step, overtake)
    # When it goes on, and has not noticed
    with pytest.raises(LostClaim):
        house.run()
    # Then memory is as the newer run left it
    assert house.vectors.points == stored
    house.check()


def test_a_run_that_finds_the_lock_held_says_so() -> None:
    house = House()
    house.hear(GARDEN)
    house.locks.held = None
    visits = Visited({"p": 3})
    with pytest.raises(Busy):
        house.run()
    with pytest.raises(Busy):
        house.promotion.run(ALICE, visits)
    assert (house.stm.size(ALICE, "default"), house.stored(Kind.PAGE), visits.counts) == (6, [], {"p": 3})


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


def test_one_search_that_finds_many_pages_of_a_topic_is_one_visit() -> None:
    # Given a topic with several pages
    house = House()
    house.hear(GARDEN)
    house.run()
    segment = max(house.segments.all(ALICE), key=lambda one: len(one.page_ids))
    assert len(segment.page_ids) > 1
    # When one search has found all of them, and another one of them
    house.promotion.run(ALICE, Visited({**dict.fromkeys(segment.page_ids, 1), segment.page_ids[0]: 2}))
    # Then it was visited twice
    (after,) = house.segments.get(ALICE, [segment.id])
    assert after.visits == segment.visits + 2


def test_a_cold_segment_is_not_promoted_and_a_visited_one_is_once() -> None:
    # Given one page of mid-term memory
    house = House()
    house.hear(["I am allergic to peanuts."])
    house.run()
    (page,) = house.stored(Kind.PAGE)
    assert house.promotion.run(ALICE) == 0
    assert house.beliefs.believed(ALICE) == []
    # When it is visited often
    assert house.promotion.run(ALICE, Visited({page.id: 5})) == 1
    # Then what it says is known, with its source, and not learned again
    (fact,) = house.beliefs.believed(ALICE)
    assert (fact.value, fact.sources) == ("peanuts", ("u0",))
    (segment,) = house.segments.all(ALICE)
    assert (segment.visits, segment.analysed) == (5, 1)
    assert house.promotion.run(ALICE, Visited({page.id: 5})) == 0


def test_only_new_pages_of_a_hot_segment_are_analysed() -> None:
    # Given a promoted segment, whose fact was then forgotten by hand
    house = House()
    house.hear(["I am allergic to peanuts."], replies=False)
    house.run()
    (page,) = house.stored(Kind.PAGE)
    house.promotion.run(ALICE, Visited({page.id: 6}))
    house.vectors.delete(ALICE, [fact.id for fact in house.beliefs.believed(ALICE)])
    # When another page joins it
    later = make_event(ALICE, "u9", "I am allergic to pollen.", seq=9)
    house.stm.held[ALICE, "default"] = [later]
    house.recall.index([later], {})
    house.run()
    (segment,) = house.segments.all(ALICE)
    assert (len(segment.page_ids), segment.analysed) == (2, 1)
    # Then only that page is read for facts
    assert house.promotion.run(ALICE, Visited({page.id: 1})) == 1
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


@pytest.mark.parametrize("step", [1, 2])
def test_visits_are_taken_off_when_they_are_saved(step: int) -> None:
    # Given visits, and a run that dies before they are saved
    house = House()
    house.hear(["The roses need pruning."])
    house.run()
    (page,) = house.stored(Kind.PAGE)
    visits = Visited({page.id: 2, "unknown": 1})
    write = house.vectors.patch_many
    dying(house, 1, step - 1)
    with pytest.raises(Killed):
        house.promotion.run(ALICE, visits)
    house.vectors.patch_many = write  # type: ignore[method-assign]
    assert visits.counts[page.id] == 2
    # When the next one comes, then they are counted, at least once
    house.promotion.run(ALICE, visits)
    (segment,) = house.segments.all(ALICE)
    assert segment.visits == 2 * step
    assert visits.counts == {}


def test_a_page_that_a_stale_writer_listed_elsewhere_is_not_analysed_there() -> None:
    # Given a page, and a segment that lists it though the page names another
    house = House()
    house.hear(["I am allergic to peanuts."], replies=False)
    house.run()
    (segment,) = house.segments.all(ALICE)
    (page,) = house.stored(Kind.PAGE)
    stray = replace(segment, id=ALICE.derive("segment", "stray"), visits=9)
    house.segments.save(ALICE, [stray], fence=1)
    # When both are hot
    house.promotion.run(ALICE, Visited({page.id: 9}))
    # Then the fact was learned once, and the page is listed where it belongs
    listed = {one.id: one.page_ids for one in house.segments.all(ALICE)}
    assert listed == {segment.id: (page.id,), stray.id: ()}


def test_a_segment_that_is_found_names_the_messages_of_its_pages() -> None:
    house = House()
    house.hear(GARDEN)
    house.run()
    found = house.recall.search(ALICE, "roses garden", limit=20, now=NOW, kinds=[Kind.SEGMENT])
    pages = {hit.id: hit.payload["sources"] for hit in house.stored(Kind.PAGE)}
    for segment in house.segments.get(ALICE, [item.id for item in found]):
        (item,) = [item for item in found if item.id == segment.id]
        assert list(item.sources) == [id for page in segment.page_ids for id in pages[page]] != []
    assert found
