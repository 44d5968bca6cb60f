"""Facts out of what a user said, by rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memoryos_tasks.core.events import Event, Owner, Role
from memoryos_tasks.core.extraction import extract
from memoryos_tasks.core.items import Fact, Kind

OWNER = Owner("default", "alice")


def facts(text: str, role: Role = "user") -> list[Fact]:
    return extract(Event(OWNER, "e1", role, text, 1_700_000_000.0))


def slots(text: str) -> list[str]:
    """The facts as "subject.attribute=value"; the user is left out."""
    return [
        f"{'' if fact.subject == 'user' else fact.subject + '.'}{fact.attribute}={fact.value}" for fact in facts(text)
    ]


def split(expected: str) -> list[str]:
    return expected.split(" | ") if expected else []


ENGLISH = [
    ("My name is Alice and I work as a data scientist.", "name=Alice | occupation=data scientist"),
    ("I'm Bob, 34, from Lyon, and I love jazz", "name=Bob | age=34 | hometown=Lyon | likes=jazz"),
    ("I'm John Smith, a photographer from Cape Town", "name=John Smith | occupation=photographer | hometown=Cape Town"),
    ("Hi, I'm Carlos and I'm from Mexico City.", "name=Carlos | hometown=Mexico City"),
    ("my name is alice", "name=Alice"),
    ("My name is Jean-Luc O'Neil", "name=Jean-Luc O'Neil"),
    ("Actually my name is Alicia", "name=Alicia"),
    ("Call me Liz", "preferred name=Liz"),
    ("Everyone calls me Mike", "preferred name=Mike"),
    ("I'm Mary Baker", "name=Mary Baker"),
    ("I'm a software engineer at Google", "occupation=software engineer | employer=Google"),
    ("I'm the CEO of Acme", "occupation=CEO | employer=Acme"),
    ("I work at Acme as a nurse", "employer=Acme | occupation=nurse"),
    ("I now work for Stripe", "employer=Stripe"),
    ("I switched jobs, now I'm a teacher", "occupation=teacher"),
    ("I became a manager", "occupation=manager"),
    ("I'm a 29-year-old architect living in Mumbai.", "age=29 | occupation=architect | residence=Mumbai"),
    ("i live in berlin and work at siemens", "residence=Berlin | employer=siemens"),
    ("I live in Lyon, France", "residence=Lyon, France"),
    ("I moved to Berlin", "residence=Berlin"),
    ("I just moved from Paris to Berlin", "residence=Berlin"),
    ("I've lived in Rome for 5 years", "residence=Rome"),
    ("I grew up in Texas but I live in Boston now", "hometown=Texas | residence=Boston"),
    ("I'm from the US", "hometown=the US"),
    ("I was born on May 3, 1990", "birthday=May 3, 1990"),
    ("My birthday is July 14th", "birthday=July 14th"),
    ("I'm 28 years old", "age=28"),
    ("I'm German", "nationality=German"),
    ("I'm an American", "nationality=American"),
    ("I'm a German teacher", "occupation=German teacher"),
    ("I speak English, French and German", "language=English | language=French | language=German"),
    ("I'm married", "relationship status=married"),
    ("I'm allergic to peanuts and shellfish", "allergy=peanuts | allergy=shellfish"),
    ("I have a peanut allergy", "allergy=peanut"),
    ("I'm lactose intolerant", "allergy=lactose"),
    ("I'm vegetarian", "diet=vegetarian"),
    ("I don't eat meat", "avoids=meat"),
    ("I like tea, coffee and jazz", "likes=tea | likes=coffee | likes=jazz"),
    ("I like tea, nice weather today", "likes=tea"),
    ("I live in Berlin and like techno", "residence=Berlin | likes=techno"),
    ("I'm a big fan of Star Wars", "likes=Star Wars"),
    ("I don't like coffee", "dislikes=coffee"),
    ("I can't stand cilantro", "dislikes=cilantro"),
    ("My favourite colour is blue", "favorite color=blue"),
    ("My favorite movie is The Matrix", "favorite movie=The Matrix"),
    ("My hobbies are hiking, chess and painting", "hobby=hiking | hobby=chess | hobby=painting"),
    ("I play the guitar", "hobby=playing guitar"),
    ("I have two cats", "pet=two cats"),
    ("I have a dog named Rex", "pet=dog | dog.name=Rex"),
    ("I'm learning Spanish", "learning=Spanish"),
    ("I study physics at MIT", "studies=physics | school=MIT"),
    ("Please answer briefly", "answer length=brief"),
    ("Please answer in French", "answer language=French"),
    ("My friends call me Sam", "preferred name=Sam"),
    ("Brief, please keep it brief", "answer length=brief"),
    ("Be concise", "answer length=brief"),
    ("Short answers please", "answer length=brief"),
    ("Give me long answers", "answer length=detailed"),
    ("Please explain, in detail", "answer length=detailed"),
    ("Reply in German from now on", "answer language=German"),
    ("Respond in Polish", "answer language=Polish"),
    ("Speak to me in Spanish", "answer language=Spanish"),
    ("Talk to me in Italian", "answer language=Italian"),
    ("Always write in Danish please", "answer language=Danish"),
    ("My sister lives in Oslo", "sister.residence=Oslo"),
    (
        "My sister Anna is a doctor and she lives in Rome",
        "sister.name=Anna | sister.occupation=doctor | sister.residence=Rome",
    ),
    ("My mom's name is Carol", "mother.name=Carol"),
    ("My dog is called Rex", "dog.name=Rex"),
    ("I bought a Tesla", "bought=Tesla"),
    ("My flight is on May 3", "flight.date=May 3"),
    ("Remember that the spare key is under the mat", "note=the spare key is under the mat"),
    ("I live in Berlin, what should I visit?", "residence=Berlin"),
    ('My name is "Zed"', "name=Zed"),
    ("I live in 上海", "residence=上海"),
    ("I was born in 1990.", "birth year=1990"),
    ("Sorry, I meant I live in Milan.", "residence=Milan"),
    ("I meant to say my name is Bob", "name=Bob"),
    ("I love hiking and hate mushrooms.", "likes=hiking | dislikes=mushrooms"),
    ("I like tea and hate coffee and onions", "likes=tea | dislikes=coffee | dislikes=onions"),
    ("I don't like tea but love coffee", "dislikes=tea | likes=coffee"),
    ("I love cooking and prefer Italian food", "likes=cooking | prefers=Italian food"),
    ("My sister loves hiking and hates mushrooms", "sister.likes=hiking | sister.dislikes=mushrooms"),
    ("I work in Berlin as a chef.", "occupation=chef"),
    ("I work in tech as an engineer", "industry=tech | occupation=engineer"),
    ("I work as a nurse as well as a tutor", "occupation=nurse"),
    ("I used to live in Paris but now I live in Rome", "residence=Rome"),
    ("My name is Wang Wei，我住在北京", "residence=北京 | name=Wang Wei"),
    ("I no longer work at Google", "former employer=Google"),
    ("I don't live in Paris anymore", "former residence=Paris"),
    ("I don't work at Acme anymore.", "former employer=Acme"),
    ("I'm not allergic to nuts after all", "former allergy=nuts"),
    ("I don't have cats any more", "former pet=cats"),
    ("I stopped learning Spanish", "former learning=Spanish"),
    ("I lost my job", "former occupation=job | former employer=job"),
    ("I don't live in Boston anymore, I'm in Chicago now", "former residence=Boston | residence=Chicago"),
    ("We renamed our dog, he's called Max now", "dog.name=Max"),
    ("I have a new boss, his name is Karl", "boss.name=Karl"),
    ("I changed my phone number, it's 555-0199 now", "phone number=555-0199"),
    ("My email changed to b@y.com", "email=b@y.com"),
    ("My email address has changed to b@y.com.", "email=b@y.com"),
    ("My phone number has recently changed to 555-1234.", "phone number=555-1234"),
    ("My address changed to 12 Main St", "address=12 Main St"),
    ("My address has changed, it's now 5 Oak Street", "address=5 Oak Street"),
    ("My job changed to plumber", "occupation=plumber"),
    ("The dentist appointment got moved to Thursday", "appointment.date=Thursday"),
    ("Green is my favorite color now", "favorite color=Green"),
    ("My daughter turned six", "daughter.age=6"),
    ("I joined Stripe last week", "employer=Stripe"),
]

ENGLISH_NOTHING = [
    "What is my name?", "what is my name", "Do you think I am a doctor", "I'm a doctor, right?", "Is my name Bob?",
    "If I were a doctor I'd live in Rome", "Pretend I'm a king", "I wish I lived in Paris and worked at Google",
    "I want to be a doctor", "I'm moving to Paris next month", "I used to live in Madrid", "I think I am a doctor",
    'He said "I am a doctor"', "She told me I am a genius", "Translate this: My name is John", "> my name is Carl",
    "`my name is Bob`", "```\nmy name is Bob\n```", "```\nmy name is Bob", "I'm tired", "I'm sorry", "I am here",
    "I'M TIRED", "I'm Sorry about that", "I'm not a doctor", "I am not married", "My name isn't Bob",
    "I work from home", "I work hard", "I live in fear", "I live in fear of bugs.", "I used to live in Paris.",
    "I work as hard as I can.", "I work as fast as possible", "I work as needed", "I get love and hate mail",
    "I meant Milan", "I meant to call you", "My mind changed to mush", "My email changed", "My job changed a lot",
    "I'm working on a project", "I'm a morning person", "I'm a bit tired", "I'm 34 minutes late", "I'm 6 feet tall",
    "I love you", "I love how you write", "I like that", "I love to", "I'd like a coffee", "My code is broken",
    "My name is on the list", "My wifi password is hunter2",
    "I'm from the marketing team", "I speak fast", "You are Bob",
    "She is a teacher", "I'm in Paris right now", "I've always liked turtles", "I joined in", "",
]  # fmt: skip

CHINESE = [
    ("我叫小明，我是一名数据科学家。", "name=小明 | occupation=数据科学家"),
    ("大家好，我叫韩梅梅，今年25岁，在上海做会计", "name=韩梅梅 | age=25 | occupation=会计"),
    ("我是李雷，来自武汉，今年30岁", "name=李雷 | hometown=武汉 | age=30"),
    ("我的名字是王芳", "name=王芳"),
    ("我是王小明", "name=王小明"),
    ("叫我小李就好", "preferred name=小李"),
    ("以后叫我阿强", "preferred name=阿强"),
    ("我的工作是护士", "occupation=护士"),
    ("我换工作了，现在是老师", "occupation=老师"),
    ("我在腾讯做产品经理", "employer=腾讯 | occupation=产品经理"),
    ("我换了新工作，现在在阿里巴巴上班", "employer=阿里巴巴"),
    ("我跳槽到了字节跳动", "employer=字节跳动"),
    ("我住在北京，在谷歌工作", "residence=北京 | employer=谷歌"),
    ("我现在住在杭州，做程序员", "residence=杭州 | occupation=程序员"),
    ("我搬到上海了", "residence=上海"),
    ("我家在深圳", "residence=深圳"),
    ("我来自成都", "hometown=成都"),
    ("我的家乡是成都", "hometown=成都"),
    ("我是上海人", "hometown=上海"),
    ("我是中国人", "nationality=中国"),
    ("我是来自广州的设计师", "hometown=广州 | occupation=设计师"),
    ("我是北京大学的学生", "school=北京大学 | occupation=学生"),
    ("我今年二十八岁", "age=28"),
    ("我的生日是5月3日", "birthday=5月3日"),
    ("我1990年5月3日出生", "birthday=1990年5月3日"),
    ("我会说英语和法语", "language=英语 | language=法语"),
    ("我的母语是中文", "native language=中文"),
    ("我已经结婚了", "relationship status=已婚"),
    ("我喜欢爬山和游泳", "likes=爬山 | likes=游泳"),
    ("我喜欢喝咖啡", "likes=咖啡"),
    ("我不喜欢咖啡", "dislikes=咖啡"),
    ("我讨厌香菜", "dislikes=香菜"),
    ("我最喜欢的颜色是蓝色", "favorite color=蓝色"),
    ("我最喜欢的电影是《霸王别姬》", "favorite movie=霸王别姬"),
    ("我的爱好是摄影、跑步和读书", "hobby=摄影 | hobby=跑步 | hobby=读书"),
    ("我对花生过敏", "allergy=花生"),
    ("我吃素", "diet=素食"),
    ("我不吃辣", "avoids=辣"),
    ("我养了一只猫叫咪咪", "pet=一只猫 | cat.name=咪咪"),
    ("我在学日语", "learning=日语"),
    ("我毕业于清华大学", "school=清华大学"),
    ("请用中文回答", "answer language=中文"),
    ("请简短回答", "answer length=简短"),
    ("我姐姐住在奥斯陆", "sister.residence=奥斯陆"),
    ("我妈妈是老师", "mother.occupation=老师"),
    ("我上个月从北京搬到了深圳。", "residence=深圳"),
    ("我养了一只叫豆豆的猫", "pet=一只猫 | cat.name=豆豆"),
    ("养了一只叫豆豆的猫", "pet=一只猫 | cat.name=豆豆"),
    ("我有一条叫大黄的小狗", "pet=一条小狗 | dog.name=大黄"),
    ("我的狗叫旺财", "dog.name=旺财"),
    ("我的航班是5月3日", "flight.date=5月3日"),
    ("我买了一辆特斯拉", "bought=特斯拉"),
    ("记住备用钥匙在垫子下面", "note=备用钥匙在垫子下面"),
    ("我是一名 data scientist，在 Google 工作", "occupation=data scientist | employer=Google"),
    ("我叫Alice，我是software engineer", "name=Alice | occupation=software engineer"),
    ("我不再养猫了", "former pet=猫"),
    ("我辞职了", "former occupation=工作 | former employer=工作"),
    ("我不学法语了，开始学德语", "former learning=法语 | learning=德语"),
    ("医生说我对芒果不过敏，之前弄错了", "former allergy=芒果"),
    ("我已经从阿里巴巴离职，加入了美团", "former employer=阿里巴巴 | employer=美团"),
    ("我给狗改名了，现在叫馒头", "dog.name=馒头"),
    ("我换号码了，新手机号是13900002222", "phone number=13900002222"),
    ("手机号换了，新的是13900139000", "phone number=13900139000"),
    ("我的邮箱换了，现在是b@y.com", "email=b@y.com"),
    ("我换邮箱了，现在用b@y.com", "email=b@y.com"),
    ("我邮箱换成b@y.com了", "email=b@y.com"),
    ("我改名叫李雷了", "name=李雷"),
    ("我改名为李雷了。", "name=李雷"),
    ("我姐姐改名叫李丽了", "sister.name=李丽"),
    ("我又吃肉了", "former avoids=肉"),
    ("面试改到周五上午了", "interview.date=周五上午"),
    ("我有女朋友了，叫小雨", "relationship status=恋爱中 | girlfriend.name=小雨"),
    ("我们全家已经搬到长沙来了", "residence=长沙"),
]

CHINESE_NOTHING = [
    "我叫什么名字？", "我是程序员吗", "你知道我是谁吗", "我住在哪里", "如果我是医生，我会住在上海", "假如我是你",
    "她的手机号换了，新的是13900139000", "我改主意了",
    "他说我是医生", "他说：“我是医生”", "帮我翻译：我是一名医生",
    "我不是医生", "我不叫小明", "我不在北京住", "我以前住在北京", "邻居家养了一只猫", "他养了一只叫豆豆的猫",
    "我想去上海", "我想当医生", "我在家工作", "我没有工作", "我很累",
    "我是好人", "我是个好人", "我是女生", "我是高兴的", "我爱你", "我喜欢你",
    "我叫了一辆车", "我叫外卖了", "我对海鲜不过敏", "我的密码是123456",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ENGLISH)
def test_english_statements_fill_slots(text: str, expected: str) -> None:
    assert slots(text) == split(expected)


@pytest.mark.parametrize(("text", "expected"), CHINESE)
def test_chinese_statements_fill_slots(text: str, expected: str) -> None:
    assert slots(text) == split(expected)


@pytest.mark.parametrize("text", ENGLISH_NOTHING + CHINESE_NOTHING)
def test_what_is_not_asserted_states_nothing(text: str) -> None:
    assert slots(text) == []


@pytest.mark.parametrize("role", ["assistant", "system", "tool"])
def test_only_users_state_facts_about_users(role: Role) -> None:
    assert facts("I live in Rome and I like tea.", role) == []


@pytest.mark.parametrize(
    ("text", "attribute", "value"),
    [
        ("Sure, I'll remind you on Friday.", "promise", "remind you on Friday"),
        ("好的，我会在周五提醒你。", "promise", "在周五提醒你"),
        ("Of course! You can call me Ada.", "name", "Ada"),
    ],
)
def test_an_assistant_says_what_it_promises_and_who_it_is(text: str, attribute: str, value: str) -> None:
    # When an assistant speaks of itself
    (fact,) = facts(text, "assistant")
    # Then that is knowledge about the assistant, and no trait of the user
    assert (fact.subject, fact.attribute, fact.value) == ("assistant", attribute, value)
    assert fact.kind is Kind.KNOWLEDGE


@pytest.mark.parametrize(
    ("before", "text", "expected"),
    [
        ("My birthday is June 12th.", "Correction: June 21st.", "birthday=June 21st"),
        ("My meeting is at 3pm.", "Sorry, it's at 4pm, not 3pm.", "meeting.date=4pm"),
        ("我老家是天津。", "不对，说错了，是唐山。", "hometown=唐山"),
        ("我的生日是6月12日。", "我说错了，是6月21日。", "birthday=6月21日"),
        ("I live in Rome.", "No, thanks.", ""),
        ("我住在罗马。", "不对，我很忙。", ""),
    ],
)
def test_a_correction_names_the_right_value_alone(before: str, text: str, expected: str) -> None:
    said = Event(OWNER, "e0", "user", before, 1_600_000_000.0)
    found = extract(Event(OWNER, "e1", "user", text, 1_700_000_000.0), [said])
    told = [f"{'' if fact.subject == 'user' else fact.subject + '.'}{fact.attribute}={fact.value}" for fact in found]
    assert told == split(expected)


def test_a_fact_names_its_source_and_reads_as_a_sentence_in_the_users_language() -> None:
    # Given one message in each language
    english, chinese = facts("My name is Alice.")[0], facts("我叫小明。")[0]
    # Then both are traits with source, time and id
    assert (english.text, chinese.text) == ("The user's name is Alice.", "用户的名字是小明。")
    assert english.kind == chinese.kind == Kind.TRAIT
    assert english.sources == ("e1",)
    assert english.valid_from == 1_700_000_000.0
    assert english.id == OWNER.derive("fact", "user", "name", "alice", "e1")


def test_facts_about_others_are_knowledge() -> None:
    fact = facts("My sister lives in Oslo")[0]
    assert (fact.kind, fact.text, fact.many) == (Kind.KNOWLEDGE, "The user's sister lives in Oslo.", False)
    assert facts("我姐姐住在奥斯陆")[0].text == "用户的姐姐住在奥斯陆。"


def test_slots_with_several_values_say_so() -> None:
    assert [fact.many for fact in facts("I like tea and coffee. I live in Rome.")] == [True, True, False]


def test_a_correction_in_the_same_message_wins() -> None:
    assert slots("My name is Alice. Sorry, my name is Alicia.") == ["name=Alicia"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I live in Rome. Sorry, I meant Milan.", "residence=Milan"),
        ("I live in Rome, sorry, I meant Milan.", "residence=Milan"),
        ("我住在罗马。不对，我是说米兰。", "residence=米兰"),
        ("I live in Rome. I meant to call you.", "residence=Rome"),
        ("I live in Rome. I meant Monday.", "residence=Rome"),
        ("My name is Bob. I meant well.", "name=Bob"),
        ("我住在罗马。我的意思是今天很忙。", "residence=罗马"),
    ],
)
def test_what_was_meant_takes_the_place_of_what_was_said(text: str, expected: str) -> None:
    assert slots(text) == split(expected)


def test_a_correction_fills_the_slot_of_the_message_before() -> None:
    # Given a message of its own that names only the right value
    event = Event(OWNER, "e2", "user", "Sorry, I meant Milan", 1_700_000_000.0)
    # When the message before it is known
    said = Event(OWNER, "e0", "user", "I love hiking. I live in Rome.", 1_600_000_000.0)
    reply = Event(OWNER, "e1", "assistant", "I live in Oslo myself.", 1_600_000_001.0)
    found = extract(event, [said, reply])
    # Then only the corrected slot is stated, by the correction
    assert [(fact.attribute, fact.value, fact.sources) for fact in found] == [("residence", "Milan", ("e2",))]
    assert extract(event, [replace(said, content="The weather is nice.")]) == []
    assert extract(event) == []


def test_a_long_text_is_read_only_at_its_beginning() -> None:
    # Given a pasted text with statements at its start and far behind
    text = "I live in Rome. " + "lorem ipsum " * 200_000 + ". My name is Bob."
    # Then only the first counts
    assert slots(text) == ["residence=Rome"]


def test_the_number_of_facts_is_bounded() -> None:
    assert 10 < len(facts(" ".join(f"I like thing{number}." for number in range(500)))) <= 40
