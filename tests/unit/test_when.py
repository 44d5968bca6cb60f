from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memoryos_tasks.core.when import asked_span

#: A Thursday.
NOW = datetime(2023, 7, 20, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("question", "begin", "end"),
    [
        ("What did we do last May?", (2023, 5, 1), (2023, 6, 1)),
        ("Where was I last July?", (2022, 7, 1), (2022, 8, 1)),
        ("What am I up to this July?", (2023, 7, 1), (2023, 8, 1)),
        ("What did I buy two weeks ago?", (2023, 7, 3), (2023, 7, 10)),
        ("What did I buy 3 days ago?", (2023, 7, 17), (2023, 7, 18)),
        ("Who visited the day before yesterday?", (2023, 7, 18), (2023, 7, 19)),
        ("What happened last week?", (2023, 7, 10), (2023, 7, 17)),
        ("What did I read last month?", (2023, 6, 1), (2023, 7, 1)),
        ("Where did we go last weekend?", (2023, 7, 15), (2023, 7, 17)),
        ("What did she say last Monday?", (2023, 7, 17), (2023, 7, 18)),
        ("What did he say last Thursday?", (2023, 7, 13), (2023, 7, 14)),
        ("Where did I work last year?", (2022, 1, 1), (2023, 1, 1)),
        ("Where did we sail last summer?", (2022, 6, 1), (2022, 9, 1)),
        ("Where did we ski last winter?", (2022, 12, 1), (2023, 3, 1)),
        ("the trip of summer 2021", (2021, 6, 1), (2021, 9, 1)),
        ("What did I learn in 2021?", (2021, 1, 1), (2022, 1, 1)),
        ("我上个月买了什么？", (2023, 6, 1), (2023, 7, 1)),
        ("上周我们聊了什么？", (2023, 7, 10), (2023, 7, 17)),
        ("上周末我去了哪里？", (2023, 7, 15), (2023, 7, 17)),
        ("去年夏天我去哪儿玩了？", (2022, 6, 1), (2022, 9, 1)),
        ("2022年冬天呢？", (2022, 12, 1), (2023, 3, 1)),
        ("两周前我说了什么？", (2023, 7, 3), (2023, 7, 10)),
        ("三天前谁来了？", (2023, 7, 17), (2023, 7, 18)),
        ("去年五月发生了什么？", (2022, 5, 1), (2022, 6, 1)),
        ("九月份我的工作怎么了？", (2022, 9, 1), (2022, 10, 1)),
        ("十二月二十五号的晚饭", (2022, 12, 25), (2022, 12, 26)),
        ("去年我住在哪里？", (2022, 1, 1), (2023, 1, 1)),
        ("前天我吃了什么？", (2023, 7, 18), (2023, 7, 19)),
    ],
)
def test_a_question_names_a_stretch_of_time(
    question: str, begin: tuple[int, int, int], end: tuple[int, int, int]
) -> None:
    stretch = (datetime(*begin, tzinfo=UTC).timestamp(), datetime(*end, tzinfo=UTC).timestamp())
    assert asked_span(question, NOW) == stretch


@pytest.mark.parametrize(
    "question",
    ["May I come in?", "How many weeks does it take?", "一个月要多少钱？", "我用了三个月", "两年的合同",
     "last but not least", "It costs 2021 dollars", ""],
)
def test_a_length_of_time_or_a_number_is_no_stretch(question: str) -> None:
    assert asked_span(question, NOW) is None


def test_more_years_back_than_there_are_is_no_stretch() -> None:
    assert asked_span("What was 900 years ago?", datetime(500, 1, 1, tzinfo=UTC).timestamp()) is None
