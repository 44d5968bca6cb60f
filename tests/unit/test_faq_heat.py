"""Heat of a question, and what makes it a candidate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memoryos_tasks.core.faq_heat import Bounds, Stats, agreement, cosine, heat, likeness, qualifies

TODAY = 20_000
GOOD = Stats(asks=10, heat=50.0, users=1, answers=3, wording=0.92, agreement=0.92, best=0)


@pytest.mark.parametrize(
    ("asks", "expected"),
    [
        ({}, 0.0), ({TODAY: 1}, 10.0), ({TODAY: 10}, 100.0), ({TODAY - 15: 10}, 50.0), ({TODAY - 29: 10}, 26.18),
        ({TODAY - 30: 10}, 0.0), ({TODAY - 300: 99}, 0.0), ({TODAY + 1: 1}, 10.0),
        ({TODAY - 3 * place: 1 for place in range(10)}, 57.94),
    ],
)  # fmt: skip
def test_heat_counts_asks_and_halves_in_fifteen_days(asks: dict[int, int], expected: float) -> None:
    assert heat(asks, TODAY, 30) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    "change",
    [{"asks": 9}, {"heat": 49.9}, {"wording": 0.91}, {"agreement": 0.91}, {"answers": 2}, {"users": 0}],
)
def test_a_candidate_misses_no_bound(change: dict[str, float]) -> None:
    assert qualifies(GOOD, Bounds())
    assert not qualifies(replace(GOOD, **change), Bounds())  # type: ignore[arg-type]


def test_more_users_may_be_wanted() -> None:
    assert not qualifies(GOOD, Bounds(users=2))
    assert qualifies(replace(GOOD, users=2), Bounds(users=2))


def test_answers_that_name_other_numbers_are_other_answers() -> None:
    # Given answers whose vectors hardly differ, as averages of word vectors do
    near = [(1.0, 0.0), (0.999, 0.0447), (1.0, 0.0)]
    # Then the same number agrees, and another one does not
    assert agreement(["It is 5 °C.", "It's 5 °C.", "It is 5 °C."], near)[0] > 0.99
    assert agreement(["It is 5 °C.", "It is 21 °C.", "It is 7 °C."], near)[0] == 0.0
    assert agreement(["Press reset.", "Press the reset.", "Press reset."], near)[0] > 0.99


def test_the_best_answer_is_the_one_most_like_the_others() -> None:
    vectors = [(1.0, 0.0), (0.0, 1.0), (0.8, 0.6)]
    assert agreement(["a", "b", "c"], vectors) == (pytest.approx((0.0 + 0.8 + 0.6) / 3), 2)
    assert agreement(["a"], [(1.0, 0.0)]) == (1.0, 0)
    assert agreement([], []) == (0.0, -1)
    # And answers of the same letters agree, even where nothing in them has a vector
    assert agreement(["…", "…"], [(0.0, 0.0), (0.0, 0.0)])[0] == 1.0


def test_one_wording_is_like_itself() -> None:
    assert likeness([(1.0, 0.0)]) == 1.0
    assert likeness([(1.0, 0.0), (0.6, 0.8)]) == pytest.approx(0.6)
    assert cosine((1.0, 1e-4), (1.0, 1e-4)) == 1.0
