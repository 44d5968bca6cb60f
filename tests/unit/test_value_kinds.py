from __future__ import annotations

import pytest

from memoryos_tasks.core.value_kinds import has_value, values_of


@pytest.mark.parametrize(
    ("kind", "text", "values"),
    [
        ("time", "Lights out is 9:45 for me", {"9:45"}),
        ("time", "我每天十点半睡", {"十点半"}),
        ("day", "It moved to Wednesday", {"wednesday"}),
        ("day", "例会挪到周四了", {"周四"}),
        ("date", "My birthday is on March 12", {"march 12"}),
        ("date", "截止日期是11月22号", {"11月22号"}),
        ("money", "We bumped it up to $15,500", {"$15,500"}),
        ("year", "我爷爷是1941年出生的", {"1941"}),
        ("number", "我的身高是172厘米", {"172"}),
        ("car", "昨天提了一辆比亚迪", {"比亚迪"}),
        ("proper", "I joined Klarna last week", {"klarna"}),
        ("blood", "我是O型", {"o型"}),
        ("place", "We moved to Utrecht", {"utrecht"}),
    ],
)
def test_values_are_known_by_their_kind(kind: str, text: str, values: set[str]) -> None:
    assert values_of(kind, text) == values
    assert has_value(kind, text)


def test_a_text_without_the_kind_has_no_value() -> None:
    assert not has_value("time", "I sleep early")
    assert values_of("money", "It costs a lot") == frozenset()
