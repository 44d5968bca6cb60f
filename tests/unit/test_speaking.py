from __future__ import annotations

import pytest

from memoryos_tasks.core.speaking import Of, clauses


@pytest.mark.parametrize(
    ("text", "of"),
    [
        ("I moved to Rome", [Of.ME]),
        ("Got a new phone", [Of.ME]),
        ("My gym opens at six", [Of.MINE]),
        ("It's tea for me now", [Of.IT]),
        ("My sister moved to Rome", [Of.OTHER]),
        ("Jonas has switched to the train", [Of.OTHER]),
        ("My lad is glad that he joined Arsenal", [Of.OTHER]),
        ("They moved the meeting", [Of.THEY]),
        ("They put me on the early shift", [Of.ME]),
        ("The old wagon died, so I bought a Mazda", [Of.THEY, Of.ME]),
        ("Anna called, she has settled in Ghent", [Of.OTHER, Of.OTHER]),
        ("我搬到上海了", [Of.ME]),
        ("我表姐搬去了厦门，说海边空气好", [Of.OTHER, Of.OTHER]),
        ("我大学室友转行了", [Of.OTHER]),
        ("领导把我调去做嵌入式了", [Of.ME]),
        ("我们部门搬到了十二楼", [Of.MINE]),
        ("旧车报废了，昨天提了一辆比亚迪", [Of.THEY, Of.ME]),
        ("现在住在苏州", [Of.ME]),
    ],
)
def test_each_clause_has_somebody_of_whom_it_speaks(text: str, of: list[Of]) -> None:
    assert [each.of for each in clauses(text)] == of


def test_whoever_is_spoken_of_is_named() -> None:
    assert [each.who for each in clauses("Anna called. She has settled in Ghent.")] == ["anna", "anna"]


def test_what_is_only_asked_or_supposed_speaks_of_nobody() -> None:
    assert clauses("Should I move to Rome?") == ()
    assert clauses("如果我搬到上海就好了") == ()


def test_numbers_and_times_are_not_taken_apart() -> None:
    assert [each.text for each in clauses("I earn 41,000 and wake at 9:45")] == ["I earn 41,000 and wake at 9:45"]
