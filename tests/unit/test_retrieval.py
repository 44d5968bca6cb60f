from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from memoryos_tasks.core.items import Kind, Recalled, Tier
from memoryos_tasks.core.retrieval import (
    NEIGHBOUR_GAP,
    Signal,
    blend,
    dense_question,
    dense_text,
    placed,
    speaks,
    window_counts,
)
from memoryos_tasks.core.when import asked_span, nearness

NOW = datetime(2023, 7, 20, 12, tzinfo=UTC).timestamp()
DAY = 86400.0


def _item(id: str, kind: Kind, score: float, *sources: str, at: float = 0.0) -> Recalled:
    return Recalled(id=id, kind=kind, tier=Tier.MID, content=id, score=score, sources=sources, created_at=at)


def test_a_window_fades_with_distance_and_ends_at_two() -> None:
    turns = [([word], 0.0) for word in "abcdef"]
    assert window_counts(turns, 2) == {"c": 1.0, "b": 0.7, "d": 0.7, "a": 0.4, "e": 0.4}


def test_a_window_does_not_reach_over_a_long_silence() -> None:
    turns = [(["a"], 0.0), (["b"], NEIGHBOUR_GAP * 2), (["c"], NEIGHBOUR_GAP * 2 + 1)]
    assert window_counts(turns, 1) == {"b": 1.0, "c": 0.7}


def test_names_and_function_words_are_not_embedded_in_a_question() -> None:
    assert dense_question("When did Caroline visit the museum?") == "visit museum"
    assert dense_question("What AWS region does Joe use?") == "AWS region use"
    assert dense_question("Who is Joe?") == "Joe"
    assert dense_question("我的猫叫什么？") == "我的猫叫什么"
    assert dense_text("to be or not to be") == "to be or not to be"


def test_blend_is_a_unit_vector_and_leaves_nothing_as_nothing() -> None:
    mixed = blend([1.0, 0.0], [0.0, 1.0], 0.5)
    assert math.isclose(math.hypot(*mixed), 1.0)
    assert mixed[0] == 2 * mixed[1]
    assert blend([0.0, 0.0], None, 0.5) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("question", "name", "role", "expected"),
    [
        ("What did Joanna's sister cook?", "Joanna Smith", "user", True),
        ("What did Joan cook?", "Jo", "user", False),
        ("小明喜欢什么？", "小明", "user", True),
        ("What is my name?", None, "user", True),
        ("What is my name?", None, "assistant", False),
        ("What did you recommend?", None, "assistant", True),
        ("What did you tell me?", None, "user", False),
        ("我叫什么名字？", None, "user", True),
        ("你推荐了什么？", None, "assistant", True),
    ],
)
def test_who_a_question_is_about(question: str, name: str | None, role: str, expected: bool) -> None:
    assert speaks(question, name, role) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("question", "first", "days"),
    [
        ("What happened on 8 May 2023?", (2023, 5, 8), 1),
        ("What happened on May 8th, 2023?", (2023, 5, 8), 1),
        ("Where was he in December?", (2022, 12, 1), 31),
        ("the trip of 2023-02", (2023, 2, 1), 28),
        ("2023年5月8日发生了什么？", (2023, 5, 8), 1),
        ("What did I do yesterday?", (2023, 7, 19), 1),
        ("我昨天做了什么？", (2023, 7, 19), 1),
    ],
)
def test_time_cues(question: str, first: tuple[int, int, int], days: int) -> None:
    start = datetime(*first, tzinfo=UTC).timestamp()
    assert asked_span(question, NOW) == (start, start + days * DAY)


@pytest.mark.parametrize("question", ["You may go", "on 31 February 2023", "2023-13-01", "version 3-2", ""])
def test_what_is_no_time_cue(question: str) -> None:
    assert asked_span(question, NOW) is None


def test_nearness_fades_after_the_span() -> None:
    span = (10 * DAY, 11 * DAY)
    assert [nearness(day * DAY, span) for day in (9, 10, 11.5, 15, 40)] == [0.0, 1.0, 1.0, 0.6, 0.0]


def test_a_signal_is_a_share_of_the_best_and_a_cut_list_has_a_floor() -> None:
    raw = {"a": 4.0, "b": 1.0}
    assert Signal(raw, best=4.0, full=True)["a"] == 1.0
    assert Signal(raw, best=4.0, full=True)["z"] == 0.25
    assert Signal(raw, best=4.0, full=False)["z"] == 0.0
    assert Signal({}, best=0.0, full=False)["z"] == 0.0


def test_facts_stand_before_their_source_and_take_at_most_a_third() -> None:
    # Given nine turns and nine facts that match better, the last one weak but from the best turn
    turns = [_item(f"t{i}", Kind.TURN, 1 - i / 10, f"e{i}") for i in range(9)]
    facts = [_item(f"f{i}", Kind.KNOWLEDGE, 0.95 - i / 100) for i in range(8)]
    lifted = _item("f9", Kind.TRAIT, 0.1, "e0")
    # When six places are filled
    found = [item.id for item in placed(turns, [*facts, lifted], [], 6)]
    # Then two are facts, and the weak one stands where its source does
    assert found == ["f9", "t0", "f0", "t1", "t2", "t3"]


def test_pages_fill_only_places_that_are_left_and_only_with_something_new() -> None:
    turns = [_item("t1", Kind.TURN, 0.5, "e1"), _item("t2", Kind.TURN, 0.4, "e2")]
    pages = [_item("told", Kind.PAGE, 2.0, "e1", "e2"), _item("new", Kind.PAGE, 1.5, "e1", "e7")]
    assert [item.id for item in placed(turns, [], pages, 2)] == ["t1", "t2"]
    found = placed(turns, [], pages, 5)
    assert [item.id for item in found] == ["t1", "t2", "new"]
    assert found[-1].score <= found[-2].score
    assert [item.id for item in placed([], [], pages, 5)] == ["told", "new"]


@pytest.mark.parametrize("question", ["Is 9999-12-31 the end?", "Dec 31, 9999", "9999年12月31日", "0000-01-01"])
def test_a_date_past_the_calendar_is_no_cue(question: str) -> None:
    assert asked_span(question, 1_700_000_000.0) is None
