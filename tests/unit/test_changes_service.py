"""Correct, delete, like, undo: one change a job, whatever happens to the job."""

from __future__ import annotations

from typing import Any

import pytest
from rights_house import ALICE, BOB, STRANGER, RightsHouse

from memoryos_tasks.core.errors import Busy, InvalidRequest, NotFound, VectorsDown
from memoryos_tasks.core.extraction import extract


@pytest.fixture
def house() -> RightsHouse:
    return RightsHouse()


def segment_of(house: RightsHouse) -> dict[str, Any]:
    (found,) = house.list(kind="segment")
    return found


def test_a_corrected_fact_gets_a_new_version(house: RightsHouse) -> None:
    house.say("I live in Hamburg.")
    old = house.fact("Hamburg")
    row = house.change("patch", old.id, value="Bremen")
    # The new version is believed, and the old one ended with it
    assert (row["value"], row["valid_to"], row["sources"]) == ("Bremen", None, ["e1"])
    assert house.values() == {"residence=Bremen"}
    told = house.items.versions(ALICE, {"id": row["id"]})
    versions = [(one["value"], one["superseded_by"]) for one in told["versions"]]
    assert versions == [("Hamburg", row["id"]), ("Bremen", None)]
    assert [(one["action"], one["before"]["value"]) for one in told["changes"]] == [("patch", "Hamburg")]
    # A version that has ended is not corrected any more
    with pytest.raises(InvalidRequest):
        house.change("patch", old.id, value="Kiel")


def test_the_sentence_of_a_fact_can_be_corrected_alone(house: RightsHouse) -> None:
    house.say("我喜欢爬山。")
    row = house.change("patch", house.fact("爬山").id, content="用户周末常去爬山")
    assert (row["value"], row["content"]) == ("爬山", "用户周末常去爬山")
    assert house.values() == {"likes=爬山"}
    assert "用户周末常去爬山" in house.found("周末爬山")


def test_a_change_that_is_run_again_is_made_once(house: RightsHouse) -> None:
    house.say("I live in Hamburg.", "I like tea.")
    correct = house.job("patch", house.fact("Hamburg").id, value="Bremen")
    assert house.changes.make(correct) == house.changes.make(correct)
    like = house.job("feedback", house.fact("tea").id, value="dislike")
    first = house.changes.make(like)
    assert house.changes.make(like)["confidence"] == first["confidence"]
    assert len(house.items.versions(ALICE, {"id": house.fact("Bremen").id})["versions"]) == 2


@pytest.mark.parametrize("cut", range(1, 9))
@pytest.mark.parametrize("action", ["patch", "feedback", "undo", "delete"])
def test_a_run_that_was_cut_off_is_completed_by_the_next(action: str, cut: int) -> None:
    def prepared() -> tuple[RightsHouse, Any]:
        made = RightsHouse()
        made.say("I live in Hamburg.")
        made.say("I moved to Berlin.", start=1_710_000_000.0)
        value = {"patch": {"value": "Bremen"}, "feedback": {"value": "dislike"}}.get(action, {})
        return made, made.job(action, made.fact("Berlin").id, **value)

    whole, job = prepared()
    whole.changes.make(job)
    # Given a store that goes away at the cut-th write
    house, job = prepared()
    writes = 0

    def reach(name: str) -> None:
        real = getattr(house.vectors, name)

        def write(*args: Any, **kwargs: Any) -> None:
            nonlocal writes
            writes += 1
            if writes == cut:
                raise VectorsDown
            real(*args, **kwargs)

        setattr(house.vectors, name, write)

    for name in ("upsert", "patch", "delete"):
        reach(name)
    try:
        house.changes.make(job)
    except VectorsDown:
        house.changes.make(job)
    # Then all is as if nothing had happened
    state = [[(fact.value, fact.confidence, fact.superseded_by) for fact in made.beliefs.all(ALICE)]
             for made in (whole, house)]
    assert sorted(state[0], key=str) == sorted(state[1], key=str)


@pytest.mark.parametrize("cut", range(1, 16))
@pytest.mark.parametrize("kind", ["turn", "page", "segment"])
def test_a_deletion_that_was_cut_off_leaves_no_word(kind: str, cut: int) -> None:
    house = RightsHouse()
    house.say("I live in Hamburg.", "I live in a house.")
    house.consolidate()
    assert len(segment_of(house)["pages"]) == 2
    house.change("patch", segment_of(house)["id"], content="A house in Hamburg")
    house.change("patch", house.fact("Hamburg").id, value="Hamburg-Altona")
    row = next(row for row in house.list(kind=kind) if "Hamburg" in row["content"])
    job, writes = house.job("delete", row["id"]), 0

    def failing(real: Any) -> Any:
        def write(*args: Any, **kwargs: Any) -> None:
            nonlocal writes
            writes += 1
            if writes == cut:
                raise VectorsDown
            real(*args, **kwargs)

        return write

    for name in ("upsert", "patch", "delete"):
        setattr(house.vectors, name, failing(getattr(house.vectors, name)))
    # Given a run that ends at the cut-th write, and the next one
    try:
        house.changes.make(job)
    except VectorsDown:
        house.changes.make(job)
    # Then no word is left, and what is left is whole
    assert "Hamburg" not in house.stored()
    assert "Hamburg" not in str(house.list(ended=True))
    pages, segments = house.list(kind="page"), {row["id"]: row for row in house.list(kind="segment")}
    assert all(page["id"] in segments[page["segment"]]["pages"] for page in pages)
    assert {id for row in segments.values() for id in row["pages"]} == {page["id"] for page in pages}


def test_a_deleted_fact_is_gone_and_is_not_learned_again(house: RightsHouse) -> None:
    events = house.say("I am allergic to peanuts.", "我住在上海。", "I am allergic to peanuts, remember.")
    fact = house.fact("peanuts")
    assert house.change("delete", fact.id) == {"id": fact.id, "deleted": True}
    assert house.values() == {"residence=上海"}
    with pytest.raises(NotFound):
        house.items.one(ALICE, {"id": fact.id})
    # Promotion reads the same messages again
    house.beliefs.learn(ALICE, [one for event in events for one in extract(event)], fence=8)
    assert house.values() == {"residence=上海"}


def test_a_deleted_message_takes_with_it_what_only_it_said(house: RightsHouse) -> None:
    house.say("I live in Hamburg.", "The zither has many strings.")
    house.consolidate()
    turn = next(row for row in house.list(kind="turn") if "Hamburg" in row["content"])
    # When the message is deleted
    house.change("delete", turn["id"])
    # Then nothing of its words is left
    assert house.values() == set()
    assert [text for text in house.found("Hamburg") if "Hamburg" in text] == []
    assert "Hamburg" not in house.stored()
    # And what is left is whole: pages name segments that hold them, and events that exist
    pages = house.list(kind="page")
    segments = {row["id"]: row for row in house.list(kind="segment")}
    assert [page["sources"] for page in pages] == [["e2"]]
    assert all(page["id"] in segments[page["segment"]]["pages"] for page in pages)
    assert {id for row in segments.values() for id in row["pages"]} == {page["id"] for page in pages}
    assert all(row["content"] for row in segments.values())


def test_a_page_loses_one_of_its_messages(house: RightsHouse) -> None:
    house.say("What is the capital of Peru?")
    house.say("It is Lima.", role="assistant")
    house.consolidate()
    (page,) = house.list(kind="page")
    answer = next(row for row in house.list(kind="turn") if row["role"] == "assistant")
    house.change("delete", answer["id"])
    (shorter,) = house.list(kind="page")
    assert (shorter["id"], shorter["sources"], "Lima" in shorter["content"]) == (page["id"], ["e1"], False)
    assert "Lima" not in segment_of(house)["content"]


def test_a_fact_with_another_source_outlives_one_of_them(house: RightsHouse) -> None:
    house.say("I like tea.", "I like tea!")
    assert house.fact("tea").sources == ("e1", "e2")
    turn = next(row for row in house.list(kind="turn") if row["sources"] == ["e1"])
    house.change("delete", turn["id"])
    assert house.fact("tea").sources == ("e2",)


def test_a_page_goes_with_its_messages_and_a_segment_with_its_pages(house: RightsHouse) -> None:
    house.say("I live in Hamburg.", "我养了一只猫，叫咪咪。")
    house.consolidate()
    page = next(row for row in house.list(kind="page") if "Hamburg" in row["content"])
    house.change("delete", page["id"])
    assert [row["sources"] for row in house.list(kind="turn")] == [["e2"]]
    house.change("delete", segment_of(house)["id"])
    assert house.list(kind="turn") + house.list(ended=True) == []
    assert house.found("Hamburg 咪咪") == []
    assert "Hamburg" not in house.stored()
    assert "咪咪" not in house.stored()


def test_a_message_that_is_still_in_short_term_memory_leaves_it(house: RightsHouse) -> None:
    house.say("My locker is number 5521.", "Thanks!")
    turn = next(row for row in house.list(tier="short_term") if "5521" in row["content"])
    house.change("delete", turn["id"])
    assert [event.content for event in house.stm.newest(ALICE, "default", count=9)] == ["Thanks!"]
    house.consolidate()
    assert [row["sources"] for row in house.list(kind="page")] == [["e2"]]


def test_a_message_that_searches_do_not_find_any_more_can_be_deleted(house: RightsHouse) -> None:
    house.say("I live in Hamburg.")
    house.consolidate()
    # Given that the age policy has hidden it
    house.segments.forget(ALICE, house.segments.pages(ALICE, segment_of(house)["pages"]), hide=True, fence=7)
    (turn,) = house.list(kind="turn")
    assert (turn["kind"], turn["place"]) == ("turn", "forgotten")
    house.change("delete", turn["id"])
    assert house.list(kind="turn") == []
    assert house.values() == set()
    with pytest.raises(NotFound):
        house.items.one(ALICE, {"id": turn["id"]})


def test_the_summary_of_a_segment_can_be_corrected_and_the_change_undone(house: RightsHouse) -> None:
    house.say("I live in Hamburg.")
    house.consolidate()
    before = segment_of(house)
    row = house.change("patch", before["id"], content="住处：汉堡")
    assert (row["content"], segment_of(house)["content"]) == ("住处：汉堡", "住处：汉堡")
    assert house.change("undo", before["id"])["content"] == before["content"]
    told = house.items.versions(ALICE, {"id": before["id"]})["changes"]
    assert [(one["action"], one["undone"]) for one in told if one["action"] == "patch"] == [("patch", True)]
    # There is nothing more to undo
    with pytest.raises(InvalidRequest):
        house.change("undo", before["id"])


def test_no_change_keeps_words_of_what_was_deleted(house: RightsHouse) -> None:
    house.say("I live in Hamburg.")
    house.consolidate()
    house.change("patch", segment_of(house)["id"], content="Hamburg, a home")
    new = house.change("patch", house.fact("Hamburg").id, value="Hamburg-Altona")
    house.change("feedback", new["id"], value="like")
    house.change("delete", house.list(kind="turn")[0]["id"])
    assert house.list(ended=True) == []
    assert "Hamburg" not in house.stored()
    # And where the segment lives on, an undo brings nothing back
    house.say("I was born in Lima.", "I was born in Peru.")
    house.consolidate()
    (segment,) = house.list(kind="segment")
    house.change("patch", segment["id"], content="Lima and Peru")
    house.change("delete", next(row["id"] for row in house.list(kind="turn") if "Lima" in row["content"]))
    with pytest.raises(InvalidRequest):
        house.change("undo", segment["id"])
    assert "Lima" not in house.stored()


def test_what_was_said_is_not_rewritten(house: RightsHouse) -> None:
    house.say("I live in Hamburg.")
    house.consolidate()
    for kind in ("page", "turn"):
        with pytest.raises(InvalidRequest):
            house.change("patch", house.list(kind=kind)[0]["id"], content="Other words")
    with pytest.raises(InvalidRequest):
        house.change("patch", segment_of(house)["id"], value="x")


def test_likes_move_confidence_and_heat(house: RightsHouse) -> None:
    house.say("I like tea.")
    house.consolidate()
    fact, segment, page = house.fact("tea"), segment_of(house), house.list(kind="page")[0]
    assert house.change("feedback", fact.id, value="dislike")["confidence"] == pytest.approx(fact.confidence - 0.2)
    for _ in range(9):
        low = house.change("feedback", fact.id, value="dislike")
    assert low["confidence"] == 0.0
    # A page's like warms its segment
    house.change("feedback", page["id"], value="like")
    warm = segment_of(house)["heat"]
    assert warm > segment["heat"]
    assert house.change("feedback", segment["id"], value="dislike")["heat"] < warm
    with pytest.raises(InvalidRequest):
        house.change("feedback", house.say("Hi!") and house.list(tier="short_term")[0]["id"], value="like")


def test_undo_takes_back_the_last_change_only(house: RightsHouse) -> None:
    house.say("I live in Hamburg.")
    house.say("I moved to Berlin.", start=1_710_000_000.0)
    sure = house.fact("Berlin").confidence
    house.change("feedback", house.fact("Berlin").id, value="dislike")
    # First the dislike, then the move
    assert house.change("undo", house.fact("Berlin").id)["confidence"] == pytest.approx(sure)
    assert house.values() == {"residence=Berlin"}
    assert house.change("undo", house.fact("Berlin").id)["value"] == "Hamburg"
    assert house.values() == {"residence=Hamburg"}


def test_an_undo_that_is_sent_again_leaves_what_it_has_revived(house: RightsHouse) -> None:
    # Given a move that is undone
    house.say("I live in Hamburg.")
    house.say("I moved to Berlin.", start=1_710_000_000.0)
    first = house.job("undo", house.fact("Berlin").id)
    said = house.changes.make(first)
    # When it is undone again, by either id, or the same job comes once more
    for value in (house.fact("Hamburg").id, first.request["item"]):
        with pytest.raises(InvalidRequest, match="nothing to undo"):
            house.change("undo", value)
    assert house.changes.make(first) == said
    # Then what it has revived stands
    assert house.values() == {"residence=Hamburg"}


def test_the_undo_of_a_correction_believes_the_old_again(house: RightsHouse) -> None:
    house.say("我住在上海。")
    new = house.change("patch", house.fact("上海").id, value="北京")
    assert house.values() == {"residence=北京"}
    believed = house.change("undo", new["id"])
    assert (believed["value"], house.values()) == ("上海", {"residence=上海"})
    told = house.items.versions(ALICE, {"id": believed["id"]})["changes"]
    assert [(one["action"], one["undone"]) for one in told if one["action"] == "patch"] == [("patch", True)]


@pytest.mark.parametrize("owner", [BOB, STRANGER])
@pytest.mark.parametrize("action", ["patch", "delete", "feedback", "undo"])
def test_nobody_changes_what_is_another_s(house: RightsHouse, owner: Any, action: str) -> None:
    house.say("I live in Hamburg.")
    house.consolidate()
    before = house.stored()
    for row in house.list() + house.list(kind="turn"):
        with pytest.raises(NotFound):
            house.change(action, row["id"], owner, value="like", content="x")
    assert house.stored() == before


def test_while_another_run_keeps_the_memory_a_change_waits(house: RightsHouse) -> None:
    house.say("I live in Hamburg.")
    job = house.job("delete", house.fact("Hamburg").id)
    house.locks.held = None
    with pytest.raises(Busy):
        house.changes.make(job)
    assert house.values() == {"residence=Hamburg"}


def test_words_of_changes_are_sealed(house: RightsHouse) -> None:
    house.say("I live in Hamburg.")
    house.change("patch", house.fact("Hamburg").id, value="Bremen")
    assert all("Bremen" not in str(point.payload) and "Hamburg" not in str(point.payload)
               for _, point in house.vectors.points.values())
