from __future__ import annotations

import pytest

from memoryos_tasks.core.items import Kind, Recalled, Tier
from memoryos_tasks.core.retrieval import NEIGHBOUR_GAP
from memoryos_tasks.core.selection import Reason, chosen, fitting, said

HOUR = 3600.0


def turn(number: int, content: str, *, at: float | None = None, session: str = "s", role: str = "user") -> Recalled:
    return Recalled(f"t{number}", Kind.TURN, Tier.SHORT, content, 1 - number / 100, (f"e{number}",),
                    number * 10 * NEIGHBOUR_GAP if at is None else at, session, role)  # type: ignore[arg-type]


def same(item: Recalled) -> Recalled:
    return item


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("I moved to Berlin.", "Oh, i moved to Berlin!", True),
        ("I moved to Berlin.", "I moved to Berlin?", False),
        ("I moved to Berlin.", "I moved to Bern.", False),
        ("I like it", "I don't like it", False),
        ("I paid 100 for it", "I paid 200 for it", False),
        ("我搬到了成都。", "我搬到成都啦！", False),
        ("我搬到了成都。", "我搬到成都了呀！", True),
        ("我喜欢吃辣", "我不喜欢吃辣", False),
    ],
)
def test_near_identical_texts_say_the_same_words(one: str, other: str, alike: bool) -> None:
    assert (said(one) == said(other)) is alike


def test_the_better_of_two_near_identical_turns_is_kept() -> None:
    ranked = [turn(0, "We sail on Sundays."), turn(1, "we sail on Sundays"), turn(2, "We sail on Mondays."),
              turn(3, "We sail on Sundays.", role="assistant")]
    kept, out = chosen(ranked, 4, same)
    assert [item.id for item in kept] == ["t0", "t2", "t3"]
    assert [(each.id, each.reason) for each in out] == [("t1", Reason.DUPLICATE)]


def test_one_exchange_does_not_take_all_places() -> None:
    # Given ten turns of one exchange that rank best, and others below
    talk = [turn(number, f"talk {number}", at=float(number)) for number in range(10)]
    others = [turn(number, f"other {number}", session=f"s{number}") for number in range(10, 13)]
    # When ten places are filled
    kept, out = chosen([*talk, *others], 10, same)
    # Then eight are of the exchange, and the list is still by score
    assert [item.id for item in kept] == [f"t{number}" for number in (*range(8), 10, 11)]
    assert {(each.id, each.reason) for each in out} == {
        ("t8", Reason.EXCHANGE), ("t9", Reason.EXCHANGE), ("t12", Reason.LIMIT)
    }
    # And places that nothing else wants are its own
    assert [item.id for item in chosen(talk, 10, same)[0]] == [item.id for item in talk]


def test_what_has_no_chance_is_not_opened() -> None:
    opened = []

    def open_(item: Recalled) -> Recalled:
        opened.append(item.id)
        return item._replace(content=f"plain {item.id}")

    kept, _ = chosen([turn(number, "sealed") for number in range(9)], 2, open_)
    assert [item.content for item in kept] == ["plain t0", "plain t1"]
    assert opened == ["t0", "t1"]


def test_a_budget_is_kept_and_smaller_items_may_still_fit() -> None:
    items = [turn(0, "x" * 40), turn(1, "y" * 400), turn(2, "成都很潮湿"), turn(3, "z" * 40)]
    kept, out = fitting(items, 15)
    assert [item.id for item in kept] == ["t0", "t2"]
    assert [(each.id, each.reason) for each in out] == [("t1", Reason.BUDGET), ("t3", Reason.BUDGET)]
