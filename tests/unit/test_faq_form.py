"""Which questions are one question, and which only look so."""

from __future__ import annotations

from pathlib import Path

import pytest

from memoryos_tasks.core.faq_form import form, numbers

DATA = Path(__file__).parent.parent / "data"


def pairs(name: str) -> list[tuple[str, str]]:
    lines = (DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [(one.strip(), other.strip()) for one, other in (line.split(" | ") for line in lines if line[0] != "#")]


ALIKE = pairs("faq_look_alikes")


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_no_look_alike_answers_another(one: str, other: str) -> None:
    # Neither as the same normalised question, nor as the same content words for an embedder to judge
    assert form(one).normal != form(other).normal
    assert form(one).gist != form(other).gist


def test_the_look_alikes_are_many_and_a_third_are_chinese() -> None:
    chinese = [one for one, _ in ALIKE if any("\u4e00" <= char <= "\u9fff" for char in one)]
    assert len(ALIKE) == len(set(ALIKE)) >= 60
    assert len(chinese) * 3 >= len(ALIKE)


@pytest.mark.parametrize(("one", "other"), pairs("faq_look_alikes_same"))
def test_one_question_in_other_clothes_is_the_same(one: str, other: str) -> None:
    assert form(one).normal == form(other).normal
    assert form(one).gist == form(other).gist


@pytest.mark.parametrize(("one", "other"), pairs("faq_look_alikes_near"))
def test_other_idle_words_leave_the_gist(one: str, other: str) -> None:
    assert form(one).normal != form(other).normal
    assert form(one).gist == form(other).gist


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The price of 1,000 seats on 2024-03-04 at 10:30 is 5%", ("1,000", "2024-03-04", "10:30", "5%")),
        ("第3步要两天，一共20块", ("3", "两", "20")), ("一般来说没有", ()), ("none", ()),
    ],
)  # fmt: skip
def test_numbers_are_found_in_order(text: str, expected: tuple[str, ...]) -> None:
    assert numbers(text) == expected


@pytest.mark.parametrize("text", ["", " ", "?", "？！", "please", "你好", "\u200b", "!?", "thanks", "谢谢", "“”"])
def test_texts_without_a_question_have_a_form_too(text: str) -> None:
    assert isinstance(form(text).normal, str)
