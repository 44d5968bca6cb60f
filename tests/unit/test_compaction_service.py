from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count

import pytest
from fake_vectors import FakeVectors
from fakes import FakeCounters, FakeHeld, FakeLocks, FakeStm, FakeUpkeep, WordEmbedder, make_event
from plain_codec import PlainCodec

from memoryos_tasks.core import segmentation
from memoryos_tasks.core.errors import Busy, LostClaim
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.eviction import NEWBORN, Policy, leaving
from memoryos_tasks.core.heat import TAU
from memoryos_tasks.core.items import FORGOTTEN, Segment
from memoryos_tasks.ports.vectors import Where
from memoryos_tasks.services import compaction
from memoryos_tasks.services.analysis import Analyst
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.compaction import Compaction
from memoryos_tasks.services.consolidation import Consolidation
from memoryos_tasks.services.history import History
from memoryos_tasks.services.promotion import Promotion
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

ALICE, NOW = Owner("acme", "alice"), 1_700_000_000.0
TOPICS = [
    "The roses in my garden need pruning", "我的税表还没有交给税务局", "I am allergic to peanuts", "Jazz concerts",
]  # fmt: skip


class House:
    """Compaction over stand-ins; one message is one page."""

    def __init__(self) -> None:
        self.stm, self.vectors, self.locks, codec = FakeStm(), FakeVectors(), FakeLocks(), PlainCodec()
        self.embedder = WordEmbedder()
        self.recall = Recall(self.vectors, self.embedder, codec)
        self.segments = Segments(self.vectors, self.recall, codec)
        self.beliefs = Beliefs(self.vectors, self.recall, codec)
        self.upkeep, self.counters, self.policy = FakeUpkeep(), FakeCounters(), Policy()
        self.now, self.seq, self.ticks = NOW, 0, 0.0
        self.consolidation = Consolidation(self.stm, self.segments, self.embedder, self.locks, lambda: self.now)
        self.promotion = Promotion(
            self.segments, self.beliefs, self.recall, self.locks, lambda: self.now,
            Analyst(dict, lambda: "", self.counters),
        )  # fmt: skip
        self.timer = count(0.0, 0.0)
        self.compaction = Compaction(
            self.segments, self.promotion, self.locks, self.upkeep, self.counters, lambda: self.policy,
            lambda: self.now, lambda: next(self.timer),
        )  # fmt: skip
        self.history = History(self.stm, self.vectors, self.recall, lambda owner: None)

    def hear(self, *texts: str) -> None:
        """Messages that become pages at once."""
        events = []
        for text in texts:
            self.seq += 1
            events.append(make_event(ALICE, f"e{self.seq}", text, seq=self.seq))
        self.stm.held[ALICE, "default"] = events
        self.recall.index(events, {})
        self.consolidation.run(ALICE, "default", keep=0)

    def read(self) -> None:
        """Everything was analysed."""
        done = [replace(one, analysed=len(one.page_ids)) for one in self.segments.all(ALICE)]
        self.segments.save(ALICE, done, fence=1)

    def topics(self) -> list[str]:
        return sorted(one.summary.removeprefix("user: ") for one in self.segments.all(ALICE))

    def found(self, query: str) -> list[str]:
        return [item.content for item in self.recall.search(ALICE, query, limit=9, now=self.now)]

    def told(self) -> dict[str, str]:
        return {row["event_id"]: row["place"] for row in self.history.events(ALICE, {})["events"]}


def test_segments_cool_though_nobody_visits_them() -> None:
    house = House()
    house.hear(*TOPICS[:2])
    before = {one.id: one for one in house.segments.all(ALICE)}
    house.now += 2 * TAU
    assert house.compaction.run(ALICE).cooled == 2
    for one in house.segments.all(ALICE):
        assert one.heat < 0.5 * before[one.id].heat
        assert (one.visits, one.page_ids) == (before[one.id].visits, before[one.id].page_ids)
    # And again when there is something to cool, until there is nothing
    assert house.upkeep.noted == {ALICE: house.policy.interval}
    house.now += 9 * TAU
    house.compaction.run(ALICE)
    assert house.upkeep.noted == {}


def test_the_coldest_leave_when_there_is_no_room_and_their_messages_stay() -> None:
    # Given four topics, all analysed, of which the second was visited
    house = House()
    house.hear(*TOPICS)
    house.read()
    warm = next(one for one in house.segments.all(ALICE) if "税" in one.summary)
    house.segments.save(ALICE, [replace(warm, visits=3, warmth=4.0)], fence=1)
    house.now += NEWBORN
    house.policy = Policy(segments=1)
    # When there is room for one
    done = house.compaction.run(ALICE)
    # Then the others have gone, with their pages
    assert (done.evicted, done.pages, done.events, done.forgotten) == (3, 3, 3, 0)
    assert house.topics() == [TOPICS[1]]
    assert [hit.payload["segment"] for hit in house.vectors.scroll(Where(ALICE, kinds=("page",)))[0]] == [warm.id]
    # And their messages are told as forgotten, and found all the same
    assert house.told() == {"e1": FORGOTTEN, "e2": warm.page_ids[0], "e3": FORGOTTEN, "e4": FORGOTTEN}
    assert house.found("garden roses")[0] == TOPICS[0]
    assert house.counters.counts["compaction", "evicted"] == 3


def test_too_many_pages_push_segments_out_too() -> None:
    house = House()
    house.hear(TOPICS[0], f"{TOPICS[0]}, soon", TOPICS[1])
    house.read()
    house.now += NEWBORN
    house.policy = Policy(pages=2)
    assert house.compaction.run(ALICE).evicted == 1
    # The smaller topic was the colder one
    assert len(house.vectors.scroll(Where(ALICE, kinds=("page",)))[0]) == 2


def test_nothing_newborn_leaves() -> None:
    house = House()
    house.hear(*TOPICS)
    house.read()
    house.policy = Policy(segments=1)
    house.now += NEWBORN - 1
    assert house.compaction.run(ALICE).evicted == 0
    house.now += 1
    assert house.compaction.run(ALICE).evicted == 3


def test_what_was_not_analysed_is_read_for_facts_before_it_leaves() -> None:
    # Given topics that were never hot enough to be analysed
    house = House()
    house.hear(*TOPICS)
    house.now += NEWBORN
    house.policy = Policy(segments=1)
    # When there is no room for them, then they are read first
    first = house.compaction.run(ALICE)
    assert (first.evicted, first.learned, first.unfinished) == (0, 1, 1)
    assert house.upkeep.noted == {ALICE: compaction.SOON}
    # And leave the next time; what they said stays, and so does what it was said with
    assert house.compaction.run(ALICE).evicted == 3
    (fact,) = house.beliefs.believed(ALICE)
    assert (fact.value, fact.sources) == ("peanuts", ("e3",))
    assert [event.content for event in house.recall.events(ALICE, fact.sources)] == [TOPICS[2]]


def test_an_untouched_topic_is_forgotten_by_the_age_policy() -> None:
    # Given two topics of which one grew lately
    house = House()
    house.hear(*TOPICS[:2])
    house.read()
    house.now += 29 * 86_400
    house.hear("The roses in my garden need pruning again")
    house.read()
    house.policy = Policy(forget_after=30 * 86_400)
    assert house.compaction.run(ALICE).forgotten == 0
    # When the other has not been touched for thirty days
    house.now += 2 * 86_400
    done = house.compaction.run(ALICE)
    # Then no search finds its message any more, which is still on record
    assert (done.forgotten, done.evicted) == (1, 0)
    assert not [text for text in house.found("税表还没有交给税务局") if "税" in text]
    assert "The roses in my garden need pruning" in house.found("garden roses")
    assert house.told()["e2"] == FORGOTTEN
    assert [event.content for event in house.recall.events(ALICE, ["e2"])] == [TOPICS[1]]
    # And it is looked at again, since time alone makes things old
    assert house.upkeep.noted == {ALICE: house.policy.interval}


def test_segments_about_the_same_become_one() -> None:
    # Given two segments about one topic, the newer one analysed and visited
    house = House()
    house.hear(TOPICS[0])
    (old,) = house.segments.all(ALICE)
    house.now += 60
    page = replace(
        segmentation.page([make_event(ALICE, "x", TOPICS[0], seq=99)]), segment_id=ALICE.derive("segment", "x")
    )
    house.recall.index([make_event(ALICE, "x", TOPICS[0], seq=99)], {})
    twin = segmentation.found(ALICE, page, old.vector, old.keywords, house.now)
    twin = replace(twin, id=page.segment_id, analysed=1, visits=2, warmth=3.0)
    house.segments.save_pages(ALICE, [(page, old.vector)], fence=1)
    house.segments.save(ALICE, [twin], fence=1)
    # When it is compacted
    assert house.compaction.run(ALICE).merged == 1
    # Then the older one has both pages, the analysed one first, their visits and their warmth
    (one,) = house.segments.all(ALICE)
    assert (one.id, one.page_ids, one.analysed, one.visits) == (old.id, (page.id, *old.page_ids), 1, 2)
    assert one.warmth == pytest.approx(4.0, abs=0.01)
    assert {hit.payload["segment"] for hit in house.vectors.scroll(Where(ALICE, kinds=("page",)))[0]} == {old.id}
    # And once more changes nothing
    house.compaction.run(ALICE)
    stored = dict(house.vectors.points)
    house.compaction.run(ALICE)
    assert house.vectors.points == stored


def test_segments_about_other_things_stay_apart() -> None:
    house = House()
    house.hear(*TOPICS)
    done = house.compaction.run(ALICE)
    assert (done.merged, len(house.topics())) == (0, 4)


def test_a_summary_is_chosen_anew_from_all_pages() -> None:
    # Given a segment whose summary has lost what most of its pages say
    house = House()
    house.hear("Garden roses need pruning", "Garden roses like clay", "Garden roses bloom in June")
    (one,) = house.segments.all(ALICE)
    house.segments.save(ALICE, [replace(one, summary="user: so", tidied=0)], fence=1)
    assert house.compaction.run(ALICE).summarised == 1
    assert all(word in house.topics()[0] for word in ("pruning", "clay", "June"))
    # And one that a model wrote stays
    (one,) = house.segments.all(ALICE)
    house.segments.save(ALICE, [replace(one, summary="About roses.", written=True, tidied=0)], fence=1)
    assert house.compaction.run(ALICE).summarised == 0
    assert house.topics() == ["About roses."]


def test_a_run_ends_in_time_and_the_next_goes_on() -> None:
    # Given more to do than time allows
    house = House()
    house.hear(*TOPICS)
    house.read()
    house.now += NEWBORN
    house.policy = Policy(segments=1)
    evicted = []
    for _ in range(20):
        # Each look at the clock takes a third of the time
        house.timer = count(0.0, compaction.BUDGET_SECONDS / 3)
        done = house.compaction.run(ALICE)
        evicted.append(done.evicted)
        if not done.unfinished:
            break
        assert house.upkeep.noted == {ALICE: compaction.SOON}
    assert sum(evicted) == 3
    assert len(evicted) > 2


def test_a_run_that_finds_the_lock_held_or_lost_says_so() -> None:
    house = House()
    house.hear(*TOPICS)
    house.now += TAU
    stored = dict(house.vectors.points)
    house.locks.held = None
    with pytest.raises(Busy):
        house.compaction.run(ALICE)
    house.locks.held = FakeHeld(lost=True)
    with pytest.raises(LostClaim):
        house.compaction.run(ALICE)
    assert house.vectors.points == stored


def test_a_segment_whose_taker_has_gone_stays_what_it_was() -> None:
    # Given a segment marked for another that does not exist, and its page handed over already
    house = House()
    house.hear(TOPICS[0])
    (one,) = house.segments.all(ALICE)
    gone = ALICE.derive("segment", "gone")
    house.segments.mark(ALICE, [replace(one, into=gone)], fence=1)
    house.segments.hand_over(ALICE, one.page_ids, gone, fence=1)
    house.compaction.run(ALICE)
    (after,) = house.segments.all(ALICE)
    assert (after.id, after.page_ids, after.into) == (one.id, one.page_ids, "")
    assert house.vectors.get(ALICE, one.page_ids)[0].payload["segment"] == one.id


def test_another_owners_memory_is_left_alone() -> None:
    house = House()
    house.hear(*TOPICS)
    house.now += TAU
    house.policy = Policy(segments=1)
    stored = dict(house.vectors.points)
    house.compaction.run(Owner("other", "alice"))
    assert house.vectors.points == stored


class Killed(BaseException):
    """The process ends here."""


WRITES = ("upsert", "patch", "patch_many", "delete")


def dying(house: House, step: int, share: float) -> None:
    """Let the process die at this write, after that share of it."""
    left = count(1)

    def watched(call: Callable[..., None]) -> Callable[..., None]:
        def write(owner: Owner, many: Sequence[object], *args: object, **options: object) -> None:
            last = next(left) == step
            call(owner, [*many][: int(len(many) * share)] if last else many, *args, **options)
            if last:
                raise Killed

        return write

    for name in WRITES:
        setattr(house.vectors, name, watched(getattr(house.vectors, name)))


def visited(house: House) -> None:
    """Everything that is left is visited, so that nothing of it is the coldest any more."""
    seen = {one.id: number for number, one in enumerate(house.segments.all(ALICE), 5)}
    house.promotion.run(ALICE, Visited(seen))


class Visited:
    """Visits that are counted once."""

    def __init__(self, counts: dict[str, int]) -> None:
        self.counts = counts

    def noted(self, owner: Owner) -> dict[str, int]:
        return dict(self.counts)

    def counted(self, owner: Owner, visits: Mapping[str, int]) -> None:
        self.counts = {}


MEANWHILE: dict[str, Callable[[House], object]] = {
    "nothing": lambda house: None,
    "visits": visited,
    "more of it": lambda house: house.hear(*TOPICS),
    "room": lambda house: setattr(house, "policy", Policy()),
    "other words": lambda house: house.segments.save(
        ALICE, [replace(one, keywords=(one.id,)) for one in house.segments.all(ALICE)], fence=1
    ),
}


@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.parametrize("share", [0, 0.5, 1])
@pytest.mark.parametrize("step", range(1, 24))
def test_a_run_that_dies_is_completed_by_the_next(step: int, share: float, meanwhile: str) -> None:
    # Given topics that leave, two that are one, and a run that dies at one of its writes
    house = House()
    house.hear(*TOPICS[1:], TOPICS[0])
    (old,) = [one for one in house.segments.all(ALICE) if "roses" in one.summary]
    house.hear("完全不同的事情")
    (new,) = [one for one in house.segments.all(ALICE) if "完全" in one.summary]
    alike = replace(new, keywords=old.keywords, vector=old.vector, created_at=NOW + 1, warmth=5.0)
    house.segments.save(ALICE, [alike, replace(old, warmth=5.0)], fence=1)
    house.read()
    house.now += NEWBORN + 1
    house.policy = Policy(segments=2)
    writes = {name: getattr(house.vectors, name) for name in WRITES}
    dying(house, step, share)
    with suppress(Killed):
        house.compaction.run(ALICE)
    for name, write in writes.items():
        setattr(house.vectors, name, write)
    # When something happens, and another run comes
    before = house.told()
    MEANWHILE[meanwhile](house)
    house.compaction.run(ALICE)
    # Then nothing leaves that nobody has analysed
    assert FORGOTTEN not in [place for id, place in house.told().items() if id not in before]
    house.compaction.run(ALICE)
    # And each page is listed by the one segment that it names, and each turn knows where it is
    segments = house.segments.all(ALICE)
    pages = house.vectors.scroll(Where(ALICE, kinds=("page",)))[0]
    listed = Counter((page, one.id) for one in segments for page in one.page_ids)
    assert listed == Counter((page.id, page.payload["segment"]) for page in pages)
    assert not any(one.into for one in segments)
    holder = {id: page.id for page in pages for id in page.payload["sources"]}
    assert house.told() == {id: holder.get(id, FORGOTTEN) for id in house.told()}
    assert len(house.told()) == house.seq


def segment(number: int, *, pages: int = 1, warmth: float = 1.0, born: float = 0.0, analysed: bool = True) -> Segment:
    ids = tuple(f"{number}-{page}" for page in range(pages))
    return Segment(
        str(number), "", (), (), ids, pages if analysed else 0, 0, 0.0, born, 0.0, warmth=warmth, warmed_at=0.0
    )


def ids(segments: Sequence[Segment]) -> list[str]:
    return [one.id for one in segments]


def test_who_leaves_is_decided_by_heat_room_and_age() -> None:
    rows = [segment(1, warmth=3.0), segment(2, warmth=1.0, pages=3), segment(3, warmth=2.0, analysed=False)]
    assert leaving(rows, Policy(segments=3), NEWBORN) == leaving([], Policy(), NEWBORN)
    full = leaving(rows, Policy(segments=1), NEWBORN)
    assert (ids(full.cold), ids(full.unread), ids(full.old)) == (["2", "1"], ["3"], [])
    assert ids(leaving(rows, Policy(pages=2), NEWBORN).cold) == ["2"]
    old = leaving(rows, Policy(forget_after=100.0), NEWBORN)
    assert (ids(old.old), ids(old.unread), ids(old.cold)) == (["2", "1"], ["3"], [])
    # An empty one leaves in any case, though not at once
    empty = [segment(4, pages=0)]
    assert ids(leaving(empty, Policy(), NEWBORN).cold) == ["4"]
    assert ids(leaving(empty, Policy(), 1.0).cold) == []
