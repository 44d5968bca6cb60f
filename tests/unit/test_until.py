"""Ends that are named in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memoryos_tasks.core.until import until

#: A Wednesday.
NOW = datetime(2025, 10, 15, 9, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("I'm in Rome until Friday", (2025, 10, 18)),
        ("until wednesday", (2025, 10, 23)),
        ("till tomorrow", (2025, 10, 17)),
        ("until the end of December", (2026, 1, 1)),
        ("until March 3", (2026, 3, 4)),
        ("for two weeks", (2025, 10, 30)),
        ("我在上海待到周五", (2025, 10, 18)),
        ("待到下周一", (2025, 10, 21)),
        ("到12月3日", (2025, 12, 4)),
        ("出差两周", (2025, 10, 30)),
        ("I'm in Rome this week", (2025, 10, 20)),
        ("I'm in Rome for the weekend", (2025, 10, 20)),
        ("until the end of the week", (2025, 10, 20)),
        ("This month I'm in Rome", (2025, 11, 1)),
        ("I'm in Rome today", (2025, 10, 16)),
        ("until the 20th", (2025, 10, 21)),
        ("until the 3rd", (2025, 11, 4)),
        ("until 20 November", (2025, 11, 21)),
        ("until the 2nd of December", (2025, 12, 3)),
        ("我这周在上海出差", (2025, 10, 20)),
        ("本周我都在北京", (2025, 10, 20)),
        ("我这个月在上海", (2025, 11, 1)),
        ("我今天在上海", (2025, 10, 16)),
        ("我在上海待到20号", (2025, 10, 21)),
        ("待到周末", (2025, 10, 20)),
    ],
)
def test_an_end_is_the_end_of_the_named_day(text: str, end: tuple[int, int, int]) -> None:
    assert until(text, NOW) == datetime(*end, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("text", ["I live in Rome", "until March 45", "我住在罗马", "到15月3日", "for years",
                                  "until 5 people come", "until the 99th", "今天很累，我在上海读大学", "这周很忙"])
def test_no_end_is_made_up(text: str) -> None:
    assert until(text, NOW) is None
