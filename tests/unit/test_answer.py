"""The extractive answer."""

from __future__ import annotations

import pytest

from memoryos_tasks.core.answer import MAX_ANSWER, answer
from memoryos_tasks.core.events import Event, Owner, Role
from memoryos_tasks.core.extraction import extract
from memoryos_tasks.core.items import Fact, Kind, Recalled, Tier

OWNER = Owner("default", "alice")
NOW = 1_700_000_000.0
ALICE = "My name is Alice and I work as a data scientist."
XIAOMING = "我叫小明，我是一名数据科学家。"


def facts(*texts: str) -> list[Fact]:
    events = [Event(OWNER, f"e{number}", "user", text, NOW + number) for number, text in enumerate(texts)]
    return [fact for event in events for fact in extract(event)]


def turns(*texts: str, role: Role = "user", name: str | None = None, at: float = NOW) -> list[Recalled]:
    return [
        Recalled(f"t{number}", Kind.TURN, Tier.SHORT, text, 1.0, (f"e{number}",), at + number, role=role, name=name)
        for number, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    "question", ["What is my name and my job?", "Who am I?", "tell me my name and what I do for a living"]
)
def test_the_answer_names_the_slots_that_are_asked_for(question: str) -> None:
    for said in (answer(question, facts(ALICE), [], NOW), answer(question, [], turns(ALICE), NOW)):
        assert "Alice" in said
        assert "data scientist" in said


def test_chinese_questions_are_answered_in_chinese() -> None:
    for said in (
        answer("我叫什么名字？我的工作是什么？", facts(XIAOMING), [], NOW),
        answer("我叫什么名字？我的工作是什么？", [], turns(XIAOMING), NOW),
    ):
        assert said == "你的名字是小明。你的职业是数据科学家。"


@pytest.mark.parametrize(
    ("said", "question", "expected"),
    [
        ("I live in Berlin.", "Where do I live?", "You live in Berlin."),
        ("I live in Berlin.", "我住在哪里？", "你住在Berlin。"),
        ("我住在北京", "Where do I live", "You live in 北京."),
        ("My sister lives in Oslo.", "Where does my sister live?", "Your sister lives in Oslo."),
        ("我姐姐住在奥斯陆", "我姐姐住在哪里？", "奥斯陆"),
        ("My favourite colour is blue.", "What's my favorite color?", "Your favorite color is blue."),
        ("我最喜欢的颜色是蓝色", "我最喜欢什么颜色？", "蓝色"),
        ("I'm allergic to peanuts.", "What am I allergic to?", "You are allergic to peanuts."),
        ("My dog is called Rex.", "What is my dog's name?", "Your dog's name is Rex."),
        ("I don't like coffee.", "What do I dislike?", "You dislike coffee."),
        ("I study physics.", "What do I study?", "You study physics."),
        ("My flight is on May 3.", "When is my flight?", "May 3"),
    ],
)
def test_one_fact_answers_one_question(said: str, question: str, expected: str) -> None:
    assert expected in answer(question, facts(said), [], NOW)


def test_only_what_is_asked_is_told() -> None:
    said = answer("Where do I live?", facts(ALICE, "I live in Rome. I like tea. My sister lives in Oslo."), [], NOW)
    assert said == "You live in Rome."


def test_a_superseded_fact_is_not_told() -> None:
    old = Fact(Kind.TRAIT, "user", "residence", "Rome", "", ("e1",), 1.0, valid_to=2.0, superseded_by="x")
    assert "Rome" not in answer("Where do I live?", [old], [], NOW)


def test_a_believed_fact_outweighs_an_old_turn() -> None:
    said = answer("Where do I live?", facts("I moved to Berlin"), turns("I live in Rome.", at=1.0), NOW)
    assert said == "You live in Berlin."


@pytest.mark.parametrize("question", ["What is your name?", "你叫什么名字？"])
def test_a_question_about_the_assistant_is_not_answered_with_the_user(question: str) -> None:
    said = answer(question, facts(ALICE, XIAOMING), turns(ALICE, XIAOMING), NOW)
    assert "Alice" not in said
    assert "小明" not in said


def test_recalled_sentences_are_quoted_with_speaker_and_date() -> None:
    recalled = turns("Hello there. Caroline went to the support group in May. Bye.", name="Melanie", at=0.0)
    said = answer("When did Caroline go to the support group?", [], recalled, NOW)
    assert said == 'From memory:\n"Caroline went to the support group in May." (Melanie, 1970-01-01)'


def test_chinese_sentences_are_quoted_in_chinese() -> None:
    said = answer("会议讨论了什么预算？", [], turns("今天的会议讨论了明年的预算。"), NOW)
    assert "今天的会议讨论了明年的预算。" in said
    assert said.startswith("记忆中有：")


def test_questions_in_memory_and_own_refusals_are_not_quoted() -> None:
    question = "Where is the treasure?"
    refusal = answer(question, [], [], NOW)
    said = answer(question, [], [*turns(question), *turns(refusal, role="assistant")], NOW)
    assert said == refusal


@pytest.mark.parametrize("question", ["What is my name?", "我叫什么名字？", "What is the capital of France?", ""])
def test_an_empty_memory_says_so_and_names_the_cause(question: str) -> None:
    said = answer(question, [], [], NOW)
    assert ("Memory holds nothing" in said and "no LLM" in said) or ("记忆中没有" in said and "语言模型" in said)


def test_statements_are_acknowledged_with_what_was_noted() -> None:
    assert answer(ALICE, [], [], NOW) == "Noted: Your name is Alice. You work as a data scientist."
    assert answer(XIAOMING, [], [], NOW) == "记下了：你的名字是小明。你的职业是数据科学家。"
    assert answer("The weather is nice.", facts(ALICE), [], NOW).startswith("Noted.")


def stored(*texts: str) -> list[Recalled]:
    return [
        Recalled(fact.id, fact.kind, Tier.LONG, fact.text, 1.0, fact.sources, fact.valid_from) for fact in facts(*texts)
    ]


@pytest.mark.parametrize(
    ("question", "said"),
    [("Where was I born?", "I was born in 1990."), ("我出生在哪里？", "我1990年5月3日出生")],
)
def test_a_place_is_not_answered_with_a_date(question: str, said: str) -> None:
    assert "1990" not in answer(question, facts(said), [*stored(said), *turns(said)], NOW)


def test_a_date_and_a_birthplace_are_told_to_who_asks_for_them() -> None:
    assert answer("When was I born?", facts("I was born in 1990."), [], NOW) == "You were born in 1990."
    assert answer("Where was I born?", facts("I was born in Paris."), [], NOW) == "You come from Paris."


@pytest.mark.parametrize(
    ("question", "current", "former"),
    [
        ("Where did I live before?", "I live in Rome.", "I used to live in Paris."),
        ("我以前住在哪里？", "我住在北京。", "我以前住在上海。"),
    ],
)
def test_what_held_before_is_quoted_and_what_holds_is_not(question: str, current: str, former: str) -> None:
    # Given both messages, or only the one about today
    said = answer(question, facts(current), turns(former, current), NOW)
    alone = answer(question, facts(current), [*stored(current), *turns(current)], NOW)
    # Then only the former is told
    assert former in said
    assert current not in said
    assert alone == answer(question, [], [], NOW)


def test_what_held_in_a_time_that_is_over_is_told_as_it_was_said() -> None:
    # Given what a search found for a time that is over: a fact that ended, and its message
    found = [item._replace(ended=NOW) for item in stored("I live in Paris.")]
    said = answer("Where did I live in May 2023?", facts("I live in Rome."), [*found, *turns("I live in Paris.")], NOW)
    # Then the message is quoted, and neither what holds today nor what ended is told as true
    assert "I live in Paris." in said
    assert "Rome" not in said
    assert "You live in Paris" not in said


@pytest.mark.parametrize("question", ["What is my favourite text editor?", "Which editor do I use?"])
def test_a_stored_fact_is_told_once_and_to_the_user(question: str) -> None:
    said = "My favorite editor is vim."
    assert answer(question, [], [*stored(said), *turns(said)], NOW) == "Your favorite editor is vim."


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("I live in Rome.", "You live in Rome."),
        ("I study physics.", "You study physics."),
        ("My sister lives in Oslo.", "Your sister lives in Oslo."),
        ("我住在北京。", "你住在北京。"),
    ],
)
def test_everything_known_tells_stored_facts_to_the_user(said: str, told: str) -> None:
    assert answer("Tell me everything you know about me", [], stored(said), NOW) == told


@pytest.mark.parametrize(
    "question",
    ["Tell me everything you know about me", "Summarize what you know about me.", "总结一下你知道的关于我的信息",
     "你知道我的哪些事", "你都知道我什么？"],
)  # fmt: skip
def test_everything_known_names_all_facts_with_relations(question: str) -> None:
    liked = (f"I like a{number}." for number in range(12))
    believed = facts(ALICE, "My sister Anna lives in Oslo. My dog is called Rex.", *liked)
    said = answer(question, believed, stored("I live in Rome"), NOW)
    for value in ("Alice", "data scientist", "Anna", "Oslo", "Rex", "a0", "a11", "Rome"):
        assert value in said


def test_everything_known_leaves_out_what_newer_words_replaced() -> None:
    said = answer("What do you know about me?", [], [*stored("I live in Rome."), *turns("I moved to Berlin.")], NOW)
    assert said == "You live in Berlin."


@pytest.mark.parametrize("greeting", ["hello", "Hi!", "hey there", "你好", "你好啊！"])
def test_a_greeting_is_greeted_by_the_offline_model(greeting: str) -> None:
    for memory in (True, False):
        said = answer(greeting, [], [], NOW, memory=memory)
        assert ("Hello" in said and "offline model" in said) or ("你好" in said and "离线模型" in said)


@pytest.mark.parametrize("text", [ALICE, "The weather is nice.", "Hi, I'm Bob", "Where do I live?"])
def test_without_memory_nothing_is_noted_and_the_switch_is_named(text: str) -> None:
    said = answer(text, [], [], NOW, memory=False)
    assert "Noted" not in said
    assert "Memory is off for this request" in said
    assert "`user`" in said
    assert "X-MemoryOS-Memory: off" in said


@pytest.mark.parametrize("text", [XIAOMING, "今天天气不错", "我住在哪里？"])
def test_without_memory_chinese_is_told_so_in_chinese(text: str) -> None:
    said = answer(text, [], [], NOW, memory=False)
    assert "记下了" not in said
    assert "没有开启记忆" in said
    assert "`user`" in said


def test_the_answer_is_bounded() -> None:
    recalled = turns(*("treasure " * 500 + f"{number}." for number in range(20)))
    assert len(answer("Where is the treasure?", [], recalled, NOW)) <= MAX_ANSWER
    many = facts(*(f"I like {'x' * 60}{number}." for number in range(100)))
    assert len(answer("What do I like?", many, [], NOW)) <= MAX_ANSWER


def test_the_message_that_holds_now_is_quoted_though_it_shares_no_word_with_the_question() -> None:
    (current,) = turns("As of Monday I'm a dental receptionist.")
    said = answer("What is my job?", [], [current._replace(parts={"current": 6.0})], NOW)
    assert "dental receptionist" in said
    assert "dental receptionist" not in answer("What is my job?", [], [current._replace(parts={"current": 0.0})], NOW)
