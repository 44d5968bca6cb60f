from __future__ import annotations

import pytest

from memoryos_tasks.core.sought import sought


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Where do I live?", "place"),
        ("我现在住在哪里？", "place"),
        ("What time is my dentist appointment?", "time"),
        ("我们组例会是周几？", "day"),
        ("How much can we spend on the kitchen?", "money"),
        ("When is my thesis due?", "date"),
        ("What car do I drive?", "car"),
        ("If someone wanted to buy me a scarf, what's my favourite colour?", "color"),
        ("Which company do I work for?", "proper"),
        ("What's my favourite drink?", ""),
        ("Which ward do I work in?", ""),
    ],
)
def test_a_question_for_what_holds_now_names_the_kind_of_its_answer(question: str, kind: str) -> None:
    wanted = sought(question)
    assert wanted is not None
    assert wanted.kind == kind


@pytest.mark.parametrize(
    "question",
    [
        "What did I buy last week?",
        "Where did I live before Berlin?",
        "Why do I work there?",
        "Can you recommend a gym?",
        "What do I not like to drink?",
        "What are the names of my cats?",
        "How are you?",
        "Tell me about Rome.",
        "我上次去了哪里？",
        "我为什么搬家？",
        "我以前住在哪里？",
        "我女儿和儿子各是做什么的？",
        "",
    ],
)
def test_other_questions_seek_no_slot(question: str) -> None:
    assert sought(question) is None


def test_who_is_asked_about_is_known_by_name_and_by_other_words_for_them() -> None:
    wanted = sought("Where does my sister Anna live?")
    assert wanted is not None
    assert {"sister", "anna"} <= set(wanted.people)
    chinese = sought("我妈妈现在住在哪里？")
    assert chinese is not None
    assert "妈" in chinese.people
    assert "母亲" in chinese.people


def test_where_a_name_is_asked_for_the_person_is_the_answer() -> None:
    wanted = sought("Who is my manager?")
    assert wanted is not None
    assert wanted.named


def test_a_question_is_widened_by_how_its_matter_is_told() -> None:
    wanted = sought("Which gym do I go to?")
    assert wanted is not None
    assert "membership" in wanted.words
