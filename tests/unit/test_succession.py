from __future__ import annotations

import time

import pytest

from memoryos_tasks.core.sought import sought
from memoryos_tasks.core.succession import Ruling, ruled
from memoryos_tasks.core.told import Said

HOUR = 3600.0


def ruling(question: str, *texts: str, known: int | None = None) -> Ruling:
    """For messages named 0, 1, …, an hour apart; of ``known`` a fact is believed that fills the asked slot."""
    wanted = sought(question)
    assert wanted is not None
    said = [Said(str(n), text, n * HOUR, n == known, n == known) for n, text in enumerate(texts)]
    return ruled(wanted, said)


@pytest.mark.parametrize(
    ("question", "old", "new"),
    [
        ("When do I go to bed?", "I'm usually in bed by 11:30.", "Lights out is 9:45 for me now."),
        ("Which gym do I go to?", "I train at PureGym.",
         "I cancelled that membership. These days I lift at Iron Temple."),
        ("What time is my dentist appointment?", "My dentist appointment is on Thursday at 9:15.",
         "They rang and pushed the dentist thing back, so it's Thursday at 2:40 instead."),
        ("Which ward do I work in?", "I'm a nurse in the pediatric ward.",
         "I've been transferred to the cardiology ward."),
        ("When is my birthday?", "My birthday is on March 12.",
         "I mistyped my birthday earlier. It's actually March 21."),
        ("Where does my sister Anna live?", "My sister Anna lives in Lisbon.",
         "Anna called, she has settled in Ghent."),
        ("我现在开什么车？", "我开的是一辆朗逸。", "旧车卖掉了，昨天刚提了一辆比亚迪。"),
        ("我们组例会是周几？", "我们组的例会固定在周一。", "以后组里例会挪到周四了。"),
        ("我最喜欢喝什么？", "我最爱喝珍珠奶茶。", "最近口味变了，现在最爱喝的是普洱。"),
        ("我负责哪个区域的销售？", "我在公司负责华东区的销售。", "分工重新定了，我现在负责西南区的销售。"),
        ("我领导是谁？", "我领导是周总。", "部门调整之后，我的直属领导换成了贺姐。"),
    ],
)  # fmt: skip
def test_the_newer_message_holds(question: str, old: str, new: str) -> None:
    between = "Is it normal that the bread came out dense?"
    assert ruling(question, old, between, new) == Ruling("2", frozenset({"0"}))


@pytest.mark.parametrize(
    ("question", "fact", "later"),
    [
        ("Where do I live?", "I live in Rotterdam.", "My sister just moved to Utrecht."),
        ("Where do I live?", "I live in Rotterdam.", "We almost moved to Utrecht."),
        ("How do I get to work?", "I commute by tram.", "Ended up taking a taxi to work just this once."),
        ("Which gym do I go to?", "I go to PureGym.", "My gym now opens at six."),
        ("What phone do I have?", "My phone is a Pixel 8.", "Mum's upgraded to the newest iPhone."),
        ("What do I drink?", "I drink rooibos tea.", "I'm also having matcha now."),
        ("When is my thesis due?", "My thesis is due on March 3rd.", "The stats coursework was moved to April 20th."),
        ("What time do I go to bed?", "I go to bed at 9:45.", "I've moved my alarm from 6:30 to 6."),
        ("What time do I go to bed?", "I go to bed at 9:45.", "When I was a student I was up until 2:30."),
        ("Where do I live?", "I live in Rotterdam.", "I want to move to Canada when I retire."),
        ("Where do I live?", "I live in Rotterdam.", "Two of my friends just moved to Berlin."),
        ("Where do I live?", "I live in Rotterdam.", "I helped my brother move to Berlin."),
        ("Where do I live?", "I live in Rotterdam.", "Fred moved to Berlin last month."),
        ("Who is my dentist?", "My dentist is Dr. Lee.", "I switched to a new GP, Dr. Patel."),
        ("What is my favorite drink?", "My favorite drink is oolong tea.", "I no longer drink beer."),
        ("What am I allergic to?", "I'm allergic to peanuts.", "Turns out I'm allergic to cats too."),
        ("When is my birthday?", "My birthday is on June 12.", "My birthday party got moved to June 15."),
        ("How do I get to work?", "I cycle to work.", "I walk my dog before work."),
        ("我对什么过敏？", "我对花生过敏。", "查了一下，我对虾也过敏。"),
        ("我现在住在哪里？", "我住在杭州。", "我计划明年搬去成都。"),
        ("我现在住在哪里？", "我住在杭州。", "听说王芳搬去深圳了。"),
        ("我在哪家公司工作？", "我在美团上班。", "公司换了新系统，烦死了。"),
        ("我现在住在哪个城市？", "我住在成都。", "我表姐上个月搬去了厦门。"),
        ("我开的是什么车？", "我开的是一辆比亚迪。", "出差的时候租了辆大众。"),
        ("我最喜欢什么颜色？", "我最喜欢的颜色是墨绿。", "我把客厅的黑沙发换成了米色的。"),
        ("我一般几点睡？", "我每晚十一点睡觉。", "周六跟朋友唱歌唱到凌晨三点。"),
    ],
)
def test_what_is_told_of_others_of_once_and_of_things_beside_changes_nothing(
    question: str, fact: str, later: str
) -> None:
    assert ruling(question, fact, later) == Ruling()


def test_the_newest_of_several_holds() -> None:
    told = ("I live in Rome.", "We moved to Milan.", "Moved again, we live in Turin now.")
    assert ruling("Where do I live?", *told) == Ruling("2", frozenset({"0", "1"}))


def test_the_order_is_that_of_time_and_not_of_the_list() -> None:
    wanted = sought("Where do I live?")
    assert wanted is not None
    said = [Said("new", "We moved to Milan.", 2 * HOUR), Said("old", "I live in Rome.", HOUR)]
    assert ruled(wanted, said) == Ruling("new", frozenset({"old"}))


def test_messages_of_one_time_are_in_the_order_in_which_they_were_said() -> None:
    wanted = sought("Where do I live?")
    assert wanted is not None
    said = [Said("new", "We moved to Milan.", 0.0, seq=2), Said("old", "I live in Rome.", 0.0, seq=1)]
    assert ruled(wanted, said) == Ruling("new", frozenset({"old"}))


def test_what_the_rules_have_read_is_not_put_aside_for_a_word_like_just() -> None:
    told = ("I weigh 70 kg.", "I just bought 10 pounds of potatoes.")
    assert ruling("How much do I weigh?", *told, known=0) == Ruling()


def test_what_the_rules_have_read_is_put_aside_for_a_change_of_the_matter_and_another_value() -> None:
    told = ("我开的是一辆老捷达。", "旧车报废了，咬咬牙提了辆比亚迪。")
    assert ruling("我现在开什么车？", *told, known=0) == Ruling("1", frozenset({"0"}))


def test_a_pasted_list_of_numbers_is_looked_at_in_no_time() -> None:
    wanted = sought("What is my budget?")
    assert wanted is not None
    began = time.process_time()
    assert ruled(wanted, [Said("a", ",".join("0123456789" * 1200), 0.0), Said("b", "1." * 9000, 1.0)]) == Ruling()
    assert time.process_time() - began < 2


def test_that_one_points_no_further_back_than_some_days() -> None:
    wanted = sought("Which language am I learning?")
    assert wanted is not None
    old = "I'm learning Portuguese with an app."
    new = "Dropped that one, I'm hooked on Korean."
    assert ruled(wanted, [Said("a", old, 0.0), Said("b", new, HOUR)]).current == "b"
    assert ruled(wanted, [Said("a", old, 0.0), Said("b", new, 30 * 24 * HOUR)]).current == ""


def test_a_message_that_the_rules_read_ends_what_they_could_not_read() -> None:
    # Given a fact that was believed from the newer message alone
    told = ("I'm at Siemens at the moment, in the rail division.", "I signed with Airbus.")
    assert ruling("Which company do I work for?", *told, known=1) == Ruling("1", frozenset({"0"}))


def test_a_repetition_follows_nothing() -> None:
    assert ruling("What car do I drive?", "I drive a Honda.", "My Honda is in the garage again.") == Ruling()


def test_no_message_rules_nothing() -> None:
    assert ruling("Where do I live?") == Ruling()
