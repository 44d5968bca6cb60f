"""What a question asks for: about whom, and which attributes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from memoryos_tasks.core import doings
from memoryos_tasks.core.claims import USER
from memoryos_tasks.core.words_en import RELATIONS as RELATIONS_EN
from memoryos_tasks.core.words_en import SAME_RELATION, SAME_THING, THINGS
from memoryos_tasks.core.words_zh import FAVORITES, PERSONAL
from memoryos_tasks.core.words_zh import RELATIONS as RELATIONS_ZH
from memoryos_tasks.core.words_zh import THINGS as THINGS_ZH

_HAN = re.compile(r"[\u4e00-\u9fff]")
_ABOUT_USER = re.compile(r"\b(?:I|me|my|mine|myself|I'm)\b|我", re.IGNORECASE)
_RELATION_EN = re.compile(rf"\b({RELATIONS_EN}|{THINGS})(?:'?s)?\b", re.IGNORECASE)
_RELATION_ZH = re.compile("|".join(sorted({*RELATIONS_ZH, *THINGS_ZH}, key=len, reverse=True)))

_LIKING = {"likes", "hobby", "interests", "prefers"}
#: Attributes by the words that ask for them, English and Chinese; '*' asks for all.
_ASKED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("name", "surname", "preferred name"), r"\bnames?\b|\bwho am i\b|\bcalled?\b|名字|姓名|英文名|中文名|叫什么"
    r"|怎么称呼"
    r"|我是谁|姓什么"),
    (
        ("occupation", "employer", "industry"),
        r"\bjobs?\b|\bwork\b|\bworking\b|\boccupation\b|\bprofession\b|\bcareer\b|for a living|\bposition\b|工作"
        r"|职业|上班|做什么的|职位|干什么的",
    ),
    (("employer", "work location"), r"\bemployer\b|\bcompany\b|work (?:at|for)|公司|单位|哪里(?:工作|上班)"),
    (("residence",), r"\bliv(?:e|es|ing)\b(?! for)|\breside|\baddress\b|\bmy (?:home|city)\b|\bbased\b|住|居住"
    r"|搬到哪"),
    (("hometown",), r"\bfrom\b|\bhome ?town\b|\bgr[eo]w up\b|where .*\bborn\b|家乡|老家|来自|哪里人|哪儿人|长大"),
    (("age", "birthday", "birth year"), r"\bhow old\b|\bage\b|多大|几岁|年龄|年纪"),
    (("birthday", "birth year"), r"\bbirthday\b|\bborn\b|date of birth|生日|出生"),
    (("nationality",), r"\bnationality\b|\bcitizen|which country|what country|国籍|哪国人|哪个国家"),
    (("language", "native language"), r"\blanguages?\b|\bspeak\b|mother tongue|语言|会说|母语"),
    (("relationship status",), r"\bmarried\b|\bsingle\b|\brelationship\b|\bdivorced\b|结婚|单身|已婚|感情"),
    (tuple(_LIKING), r"(?<!would )\blikes?\b|\blove\b|\benjoy\b|\binterest|\bprefer|\bhobb|free time|喜欢|爱好"
    r"|兴趣|爱吃|爱喝"),
    (("hobby", "habit"), r"\bsports?\b|\bexercise\b|\bwork(?:ing)? out\b|\btrain\b|\bsmok|运动|锻炼|健身|抽烟"
    r"|吸烟|喝酒"),
    (("lives with",), r"\blive (?:with|alone)\b|(?:和|跟)谁.{0,3}住|一个人住"),
    (("vehicle", "owns", "bought", "phone"), r"\bphone do\b|\bcomputer\b|\blaptop\b|手机|电脑"),
    (("name",), r"\breport to\b"),
    (("stage", "school"), r"\bgrade\b|\bschool\b|读什么|上什么|几年级|读几|上学|念书|在读"),
    (("commute",), r"\bcommute\b|(?:get|go|travel) to (?:work|school)|怎么(?:去|上|到).{0,2}(?:班|公司|学)|通勤"),
    (("hobby", "habit", "learning"), r"\binstruments?\b|乐器"),
    (("location",), r"\bwhere (?:am|is|are)\b|\bcity\b|在哪|哪个城市|哪座城市"),
    (("hobby",), r"\bhobb|\bplay\b|free time|爱好"),
    (("dislikes",), r"\bdislike|\bhate\b|n't like\b|not like\b|不喜欢|讨厌"),
    (("allergy",), r"\ballerg|过敏"),
    (("diet", "avoids", "allergy"), r"\bdiet\b|\beat\b|\bvegetarian\b|\bvegan\b|\bfood restrictions?\b|饮食|能吃"
    r"|吃素|忌口"),
    (("pet",), r"\bpets?\b|\bdogs?\b|\bcats?\b|\banimals?\b|宠物|养"),
    (("learning", "studies", "school"), r"\bstud(?:y|ied|ies|ying)\b|\bschool\b|\buniversity\b|\bcollege\b"
    r"|\bmajor\b|\bdegree\b|\blearning\b|学校|大学|专业|在学"),
    (("bought", "owns"), r"\bb(?:uy|ought)\b|\bown\b|\bdrive\b|\bcar\b|买|车"),
    (("family",), r"\bsiblings?\b|\bfamily\b|\bchildren\b|\bkids\b|兄弟|家人|孩子"),
    (("health",), r"\bhealth\b|\billness|\bcondition\b|疾病|健康|什么病"),
    (("note",), r"\bremember\b|\bnote|记住|记得"),
    (("date", "kind"), r"\bwhen\b|\bwhat (?:day|time|date)\b|什么时候|几点|哪天"),
    (("*",), r"\b(?:know|remember|learned|stored|noted|have) (?:about|of|on) me\b|\btell me about (?:me|myself)\b"
    r"|\bwho am i\b|about myself|\beverything (?:about me|you (?:know|remember))\b|了解我|关于我|我是谁"
    r"|(?:知道|记得)我的?(?:哪些|什么|多少)(?:事情?|信息|情况|东西|资料)?(?:了|呢|吗)?[？?。！!]*$"),
)  # fmt: skip
_RULES = tuple((attributes, re.compile(pattern, re.IGNORECASE)) for attributes, pattern in _ASKED)
_FAVORITE = re.compile(
    r"\bfavou?rite (\w+)|最(?:喜欢|爱)的?(?:是)?(?:什么|哪.)?([\u4e00-\u9fff]{1,3}?)(?=是|$|[？?])", re.IGNORECASE
)

#: A noun that names a slot of its own: "my editor", "which editor do I".
_NOUN = re.compile(
    r"\b(?:(?:my|our)(?: new| current)?|which|what) ((?!new\b|name\b|do\b|is\b|am\b|are\b|did\b)[a-z]+(?: (?:number"
    r"|address|size|code|plan|team|shop|store|app))?)\b",
    re.IGNORECASE,
)
_FORMER = re.compile(
    r"\bbefore(?: (?:that|now|this|then|i moved))?\W*$|\b(?:did|was|were|had) (?:I|my|we|our)\b.*\bbefore\b"
    r"|\bpreviously\b|\bformer(?:ly)?\b|\bprevious\b|\bused? to\b"
    r"|\bin the past\b|\bearlier\b|以前|之前|过去|曾经",
    re.IGNORECASE,
)
_WHERE = re.compile(r"\bwhere\b|哪里|哪儿|在哪|什么地方", re.IGNORECASE)
_WHEN = re.compile(r"\bwhen\b|什么时候|哪年|哪一年|几[年月号]", re.IGNORECASE)
#: What a question after a place never asks for.
TIMES = frozenset({"birthday", "birth year", "age"})


@dataclass(frozen=True, slots=True)
class Asked:
    """``subjects`` that the question names (the user among them if it says I or my), ``attributes`` it asks for.

    ``former`` asks for what no longer holds, ``where`` for a place and no time.
    """

    subjects: frozenset[str]
    attributes: frozenset[str]
    former: bool = False
    where: bool = False

    @property
    def everything(self) -> bool:
        return "*" in self.attributes


def is_chinese(text: str) -> bool:
    """Whether to speak Chinese to who wrote this."""
    return bool(_HAN.search(text))


def asked(question: str) -> Asked:
    """Reads a question; one that names nobody has no subjects."""
    attributes: set[str] = set()
    for names, pattern in _RULES:
        if pattern.search(question):
            attributes.update(names)
    where = bool(_WHERE.search(question)) and not _WHEN.search(question)
    if where and re.search(r"\bborn\b|出生", question, re.IGNORECASE):
        attributes = (attributes - TIMES) | {"hometown"}
    attributes |= doings.asked(question)
    for noun in _NOUN.findall(question):
        thing = " ".join(noun.casefold().split())
        attributes.add(SAME_THING.get(thing, thing))
    for english, chinese in _FAVORITE.findall(question):
        attributes -= _LIKING
        noun = english.casefold().replace("colour", "color").replace("film",
        "movie") or FAVORITES.get(chinese, chinese)
        attributes.add(f"favorite {noun}")
    if "不喜欢" in question or "dislikes" in attributes:
        attributes -= _LIKING
    subjects = {_subject(word) for word in _RELATION_EN.findall(question)}
    attributes |= {attribute for word, attribute in PERSONAL.items() if word in question}
    subjects |= {RELATIONS_ZH.get(word) or THINGS_ZH[word] for word in _RELATION_ZH.findall(question)}
    if _ABOUT_USER.search(question) and (
        not subjects or "pet" in attributes or subjects <= {"car", "pet", "child", "kid"}
    ):
        subjects.add(USER)
    return Asked(frozenset(subjects), frozenset(attributes), asks_former(question), where)


def asks_former(question: str) -> bool:
    """Whether it asks for what no longer holds."""
    return bool(_FORMER.search(question))


def _subject(word: str) -> str:
    low = word.casefold()
    return SAME_RELATION.get(low, low)


def slots_asked(question: str) -> list[tuple[str, str]]:
    """The slots (subject, attribute) that a question asks for, now or before."""
    wanted = asked(question)
    if wanted.everything:
        return []
    things = [(subject, "kind") for subject in sorted(wanted.subjects - {USER})]
    if wanted.subjects & {"girlfriend", "boyfriend", "partner", "wife", "husband"}:
        things.append((USER, "relationship status"))
    return things + [(one, attribute) for one in sorted(wanted.subjects) for attribute in sorted(wanted.attributes)]
