"""Token estimates and budgets."""

from __future__ import annotations

import pytest

from memoryos_tasks.core.tokens import estimate, fit


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("我叫小明", 4), ("我叫Alice", 4), ("こんにちは", 5)],
)
def test_four_characters_or_one_cjk_character_are_a_token(text: str, tokens: int) -> None:
    assert estimate(text) == tokens


def test_items_are_taken_best_first_while_they_fit() -> None:
    # Given a long item between short ones
    items = ["abc", "x" * 100, "abc", "abc"]
    # When three tokens are left
    # Then the long one is left out whole and the others fill the budget
    assert fit(items, 3) == ["abc", "abc", "abc"]
    assert fit(items, 2) == ["abc", "abc"]


def test_no_budget_takes_nothing() -> None:
    assert fit(["a"], 0) == []
    assert fit(["a"], -5) == []
