from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from memoryos_tasks.adapters.embedding.static import StaticEmbedder
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.core.errors import VectorsDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Kind, Recalled, Tier
from memoryos_tasks.core.retrieval import BEFORE
from memoryos_tasks.core.selection import Reason
from memoryos_tasks.ports.vectors import Where
from memoryos_tasks.services.recall import Recall

ALICE = Owner("acme", "alice")
BOB = Owner("acme", "bob")
NOW = 1_700_000_000.0
TALK = [
    "I moved to Berlin last spring.",
    "How do you like it there?",
    "The summers are lovely, and I bought a red bicycle.",
    "My sister Joanna adopted a cat called Pixel.",
    "我在上海工作，是一名数据科学家。",
    "我的猫叫咪咪，它喜欢睡觉。",
    "We watched a film about volcanoes yesterday.",
    "I am allergic to peanuts.",
    "The concert on Friday was far too loud.",
]


class ReversingCodec:
    """Text at rest is not the text, so that what is not sealed shows."""

    def seal(self, owner: Owner, text: str) -> str:
        return f"{owner.user}:{text[::-1]}"

    def open(self, owner: Owner, sealed: str) -> str:
        assert sealed.startswith(f"{owner.user}:")
        return sealed[len(owner.user) + 1 :][::-1]


@pytest.fixture(scope="module")
def embedder() -> StaticEmbedder:
    return StaticEmbedder()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EdgeStore]:
    opened = EdgeStore(tmp_path / "vectors", StaticEmbedder.dimensions)
    yield opened
    opened.close()


@pytest.fixture
def recall(store: EdgeStore, embedder: StaticEmbedder) -> Recall:
    return Recall(store, embedder, ReversingCodec(), lambda tenant: f"key of {tenant}".encode())


def talk(owner: Owner, texts: Sequence[str] = TALK, *, session: str = "default", first: int = 1) -> list[Event]:
    return [
        Event(owner, f"{session}-{seq}", "user", text, NOW - 1000 + seq, session=session, seq=seq)
        for seq, text in enumerate(texts, first)
    ]


def contents(found: Sequence[Recalled]) -> list[str]:
    return [item.content for item in found]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Where did I move?", 0),
        ("What pet did Joanna adopt?", 3),
        ("What am I allergic to?", 7),
        ("我在哪里工作？", 4),
        ("猫叫什么名字？", 5),
        ("Which films about a volcano did we see?", 6),
    ],
)
def test_a_question_finds_its_turn_first(recall: Recall, question: str, answer: int) -> None:
    recall.index(talk(ALICE), {})
    best = recall.search(ALICE, question, limit=3, now=NOW)[0]
    assert best.content == TALK[answer]
    assert best.sources == (f"default-{answer + 1}",)
    assert (best.kind, best.tier, best.role, best.session) == (Kind.TURN, Tier.SHORT, "user", "default")
    assert best.created_at == NOW - 999 + answer
    assert math.isclose(best.score, sum(best.parts.values()))


def test_nobody_elses_turns_are_found_and_none_weighs_in_a_score(recall: Recall) -> None:
    recall.index(talk(ALICE), {})
    alone = recall.search(ALICE, "peanuts and the concert", limit=5, now=NOW)
    recall.index(talk(BOB, ["Peanuts at the concert"] * 30), {})
    assert recall.search(ALICE, "peanuts and the concert", limit=5, now=NOW) == alone
    assert recall.search(Owner("other", "alice"), "peanuts", limit=5, now=NOW) == []


def test_one_by_one_ranks_as_in_bulk(recall: Recall) -> None:
    # Given the same two sessions, in bulk for Alice and event by event for Bob
    def sessions(owner: Owner) -> list[Event]:
        return [*talk(owner, session="a"), *talk(owner, TALK[::-1], session="b", first=20)]

    recall.index(sessions(ALICE), {})
    before: dict[str, list[Event]] = {"a": [], "b": []}
    for event in sessions(BOB):
        recall.index([event], {event.session: before[event.session][-BEFORE:]})
        before[event.session].append(event)
    # Then every question gets the same answer
    for question in ("What pet did Joanna adopt?", "Berlin in summer", "我的猫", "loud films"):
        bulk, single = (recall.search(owner, question, limit=9, now=NOW) for owner in (ALICE, BOB))
        assert [item.sources for item in bulk] == [item.sources for item in single]
        assert [item.score for item in bulk] == pytest.approx([item.score for item in single], abs=1e-5)


def test_a_neighbour_leads_to_a_turn_that_shares_no_word_with_the_question(recall: Recall) -> None:
    recall.index(talk(ALICE, ["Noise.", "What is your favourite dish?", "Lasagne!", "Sure.", "Okay.", "Bye."]), {})
    found = recall.search(ALICE, "What is my favourite dish?", limit=2, now=NOW)
    assert "Lasagne!" in contents(found)


def test_indexing_again_changes_nothing(recall: Recall, store: EdgeStore) -> None:
    # Given a turn that was moved to mid-term memory
    events = talk(ALICE)
    recall.index(events, {})
    store.patch(ALICE, [events[3].turn_id], {"place": "some page"})
    found = recall.search(ALICE, "Joanna's cat", limit=9, now=NOW)
    # When some events are delivered again, with less around them than there was
    recall.index([events[3]], {"default": [events[2]]})
    # Then its place and every score are as before
    assert recall.search(ALICE, "Joanna's cat", limit=9, now=NOW) == found
    assert found[0].tier is Tier.MID
    assert store.count(Where(ALICE)) == len(events)


def test_a_late_index_call_leaves_the_place_that_consolidation_gave(
    recall: Recall, store: EdgeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an index call that has found a turn to be new, while another indexed it and consolidation filed it
    events = talk(ALICE)
    recall.index(events, {})
    store.patch(ALICE, [events[3].turn_id], {"place": "some page"}, fence=7)
    # When it writes what it knows
    with monkeypatch.context() as late:
        late.setattr(store, "get", lambda *_: [])
        recall.index([events[3]], {"default": [events[2]]})
    # Then the turn is where consolidation put it
    (hit,) = store.get(ALICE, [events[3].turn_id])
    assert hit.payload["place"] == "some page"


@pytest.mark.parametrize("write", ["revector", "upsert"])
def test_a_crash_at_either_write_is_healed_by_the_redelivery(
    recall: Recall, store: EdgeStore, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    # Given an index call that dies at one of its writes
    events = talk(ALICE)
    recall.index(events[:-1], {})
    before: Mapping[str, Sequence[Event]] = {"default": events[-1 - BEFORE : -1]}

    def dies(*_: object, **__: object) -> None:
        raise VectorsDown()

    with monkeypatch.context() as patched:
        patched.setattr(store, write, dies)
        with pytest.raises(VectorsDown):
            recall.index(events[-1:], before)
    # When it is delivered again
    recall.index(events[-1:], before)
    # Then all is as if it had never died
    recall.index(talk(BOB), {})
    answers = [recall.search(owner, "a loud concert", limit=9, now=NOW) for owner in (ALICE, BOB)]
    assert contents(answers[0]) == contents(answers[1])
    assert [item.score for item in answers[0]] == pytest.approx([item.score for item in answers[1]])


def test_events_come_back_whole(recall: Recall) -> None:
    event = replace(
        talk(ALICE)[0], event_id="我/1", name="Alice B", assistant="helper", metadata={"n": 2**70, "深": [None, 1.5]}
    )
    recall.index([event, *talk(ALICE)[1:3]], {})
    assert recall.events(ALICE, ["default-3", "nothing", "我/1"]) == [talk(ALICE)[2], event]
    assert recall.events(BOB, ["我/1"]) == []


def test_text_at_rest_is_sealed(recall: Recall, store: EdgeStore) -> None:
    recall.index([replace(event, name="Zaphod", metadata={"note": "secretly"}) for event in talk(ALICE)], {})
    store.upsert(ALICE, [recall.point(ALICE, ALICE.derive("x"), Kind.PAGE, "volcanoes", sources=(), created_at=NOW)])
    stored = json.dumps([dict(hit.payload) for hit in store.scroll(Where(ALICE))[0]], ensure_ascii=False)
    assert not [word for word in ("Berlin", "volcanoes", "secretly", "上海", "Zaphod") if word in stored]


def test_facts_pages_and_segments_are_in_the_union(recall: Recall, store: EdgeStore) -> None:
    # Given turns, a fact that holds, one that ended, a page of two turns and a segment
    events = talk(ALICE)
    recall.index(events, {})

    def add(kind: Kind, text: str, *sources: str, **payload: object) -> str:
        id = ALICE.derive(kind, text)
        store.upsert(ALICE, [recall.point(ALICE, id, kind, text, sources=sources, created_at=NOW, payload=payload)])
        return id

    fact = add(Kind.TRAIT, "Alice is allergic to peanuts", "default-8", valid_to=None)
    add(Kind.TRAIT, "Alice is allergic to nothing", "default-1", valid_to=NOW - 5)
    page = add(Kind.PAGE, "allergic to peanuts; the concert", "default-8", "gone")
    segment = add(Kind.SEGMENT, "allergies")
    # When she asks, with few places and with many
    few = recall.search(ALICE, "What is Alice allergic to?", limit=4, now=NOW)
    many = recall.search(ALICE, "What is Alice allergic to?", limit=20, now=NOW)
    # Then the valid fact leads, the turns follow, and pages and segments take what is left
    assert (few[0].id, few[0].tier, few[0].sources) == (fact, Tier.LONG, ("default-8",))
    assert few[1].sources == ("default-8",)
    assert {item.kind for item in few[1:]} == {Kind.TURN}
    assert [item.id for item in many[-2:]] == [page, segment]
    assert "Alice is allergic to nothing" not in contents(many)
    assert [item.score for item in many] == sorted((item.score for item in many), reverse=True)
    # And kinds can be chosen
    only = recall.search(ALICE, "allergic", limit=9, now=NOW, kinds=[Kind.PAGE])
    assert [(item.id, item.tier) for item in only] == [(page, Tier.MID)]


def test_excluded_events_leave_room_for_others(recall: Recall) -> None:
    recall.index(talk(ALICE), {})
    everything = [f"default-{seq}" for seq in range(1, 10)]
    found = recall.search(ALICE, "peanuts", limit=2, now=NOW, exclude_event_ids=["default-8"])
    assert "default-8" not in {source for item in found for source in item.sources}
    assert len(found) == 2
    assert recall.search(ALICE, "peanuts", limit=2, now=NOW, exclude_event_ids=everything) == []


def test_a_named_speaker_and_a_time_lift_turns(recall: Recall) -> None:
    first, second = "I had noodles for dinner.", "I had dumplings for dinner."
    may, june = 1_683_540_000.0, 1_686_300_000.0  # 8 May and 9 June 2023
    events = [
        replace(talk(ALICE, [first])[0], event_id="n", name="Ming", timestamp=may, session="may"),
        replace(talk(ALICE, [second])[0], event_id="d", name="Lena", timestamp=june, session="june", seq=2),
    ]
    recall.index(events, {})
    for question, answer in [
        ("What did Ming have for dinner?", first),
        ("What did Lena have for dinner?", second),
        ("What was for dinner on 8 May 2023?", first),
        ("What was for dinner in June 2023?", second),
    ]:
        assert recall.search(ALICE, question, limit=1, now=NOW)[0].content == answer


@pytest.mark.parametrize("question", ["", "   ", "the of", "🙂", "x" * 100_000, "的了吗", "\x00\ud800"[:1]])
def test_questions_without_content_are_no_error(recall: Recall, question: str) -> None:
    assert recall.search(ALICE, question, limit=5, now=NOW) == []
    recall.index(talk(ALICE), {})
    assert len(recall.search(ALICE, question, limit=5, now=NOW)) <= 5


@pytest.mark.parametrize("content", ["", "🙂", "long " * 60_000, "的"])
def test_odd_contents_can_be_indexed(recall: Recall, content: str) -> None:
    recall.index(talk(ALICE, ["The weather was fine.", content, "We went sailing."]), {})
    assert contents(recall.search(ALICE, "sailing", limit=1, now=NOW)) == ["We went sailing."]


def test_embeddings_are_unit_vectors_and_empty_text_is_zero(embedder: StaticEmbedder) -> None:
    vectors = embedder.embed(["a cat", "", "   ", "你好", "a cat"])
    norms = [math.sqrt(sum(value * value for value in vector)) for vector in vectors]
    assert norms == pytest.approx([1, 0, 0, 1, 1])
    assert vectors[0] == vectors[4]
    assert {len(vector) for vector in vectors} == {embedder.dimensions}
    assert embedder.embed([]) == []


def test_two_thousand_strange_points_do_not_move_a_score(recall: Recall, embedder: StaticEmbedder) -> None:
    # Given Alice's turns, where a word is rare
    recall.index(talk(ALICE), {})
    before = recall.search(ALICE, "Where is the red bicycle?", limit=9, now=NOW)
    # When others say it 2,000 times, in her tenant and under her name in another
    for owner in (BOB, Owner("other", "alice")):
        recall.index(talk(owner, [f"Another red bicycle, number {number}." for number in range(1000)]), {})
    # Then nothing changes for her
    assert recall.search(ALICE, "Where is the red bicycle?", limit=9, now=NOW) == before


def test_a_tier_is_asked_of_the_store(recall: Recall, store: EdgeStore) -> None:
    # Given sixty turns, the last forty in short-term memory, the best matches among the first; a fact and a page
    texts = [f"Volcano number {number}." for number in range(20)] + [f"Something about {n}." for n in range(40)]
    events = talk(ALICE, texts)
    recall.index(events, {})
    store.patch(ALICE, [event.turn_id for event in events[:20]], {"place": "a page"})
    for kind in (Kind.KNOWLEDGE, Kind.PAGE):
        point = recall.point(ALICE, ALICE.derive(kind), kind, "volcano", sources=("gone",), created_at=NOW)
        store.upsert(ALICE, [point])

    def tiers(*wanted: Tier) -> set[tuple[Kind, Tier]]:
        return {(item.kind, item.tier) for item in recall.search(ALICE, "volcano", limit=30, now=NOW, tiers=wanted)}

    # Then each tier is found, though the others match better
    short, mid = (Kind.TURN, Tier.SHORT), (Kind.TURN, Tier.MID)
    page, fact = (Kind.PAGE, Tier.MID), (Kind.KNOWLEDGE, Tier.LONG)
    assert len(recall.search(ALICE, "volcano", limit=10, now=NOW, tiers=[Tier.SHORT])) == 10
    assert tiers(Tier.SHORT) == {short}
    assert tiers(Tier.MID) == {mid, page}
    assert tiers(Tier.LONG) == {fact}
    assert tiers(Tier.SHORT, Tier.LONG) == {short, fact}
    assert tiers(*Tier) == {short, mid, fact}  # a page takes only a place that turns leave free


@pytest.mark.parametrize(
    ("other", "told", "question", "days"),
    [
        ("Dinner was soup, number {}.", "We sat at the house by the lake until midnight, and noodles were our dinner.",
         "What was for dinner last May?", 330),
        ("晚饭吃了第{}碗汤。", "最后我们在湖边的房子里一起等到半夜，晚饭是面条。", "去年五月的晚饭吃了什么？", 330),
    ],
)
def test_the_time_asked_about_finds_what_a_hundred_better_matches_hide(
    recall: Recall, other: str, told: str, question: str, days: int
) -> None:
    # Given a hundred turns that match the question better, and one of May
    may = 1_683_540_000.0  # 8 May 2023
    dinners = [
        replace(event, timestamp=may + (days - 2) * 86400 + event.seq)
        for event in talk(ALICE, [other.format(number) for number in range(100)])
    ]
    recall.index([*dinners, replace(talk(ALICE, [told], session="may")[0], timestamp=may)], {})
    # Then the question finds it first, and asked of another time it does not
    now = may + days * 86400
    assert contents(recall.search(ALICE, question, limit=3, now=now))[0] == told
    later = question.replace("May", "March").replace("去年五月", "上个月")
    assert told not in contents(recall.search(ALICE, later, limit=3, now=now))


def test_an_explanation_tells_what_was_left_out_and_why(recall: Recall, store: EdgeStore) -> None:
    # Given a repeated turn, a turn of mid-term memory, one that is excluded, a fact that holds and one that ended
    texts = ["I am allergic to peanuts.", "I am allergic to peanuts!", "Allergic reactions scare me.",
             "My brother is allergic to cats."]
    events = talk(ALICE, texts)
    recall.index(events, {})
    store.patch(ALICE, [events[2].turn_id], {"place": "a page"})
    for name, ended in (("now", None), ("then", NOW - 50)):
        point = recall.point(ALICE, ALICE.derive(name), Kind.TRAIT, f"allergic {name}", sources=("gone",),
                             created_at=NOW - 900, payload={"valid_to": ended})
        store.upsert(ALICE, [point])
    # When she asks for the other tiers, with one place and an explanation
    found = recall.found(
        ALICE, "What am I allergic to?", limit=2, now=NOW, tiers=[Tier.SHORT, Tier.LONG],
        exclude_event_ids=["default-4"], explain=True, budget=6,
    )
    # Then each candidate that is not shown has its reason
    reasons = {each.id: each.reason for each in found.left_out}
    assert len(found.items) == 1
    assert reasons[events[2].turn_id] == Reason.TIER
    assert reasons[events[3].turn_id] == Reason.EXCLUDED
    assert reasons[ALICE.derive("then")] == Reason.SUPERSEDED
    assert Reason.DUPLICATE in {reasons.get(event.turn_id) for event in events[:2]}
    assert Reason.BUDGET in set(reasons.values())
    # And without an explanation nothing is told
    assert not recall.found(ALICE, "What am I allergic to?", limit=2, now=NOW).left_out


def test_a_budget_bounds_what_the_texts_cost(recall: Recall) -> None:
    recall.index(talk(ALICE), {})
    found = recall.search(ALICE, "Berlin, the cat and the concert", limit=9, now=NOW, budget=20)
    assert found
    assert sum(len(item.content) for item in found) <= 80
