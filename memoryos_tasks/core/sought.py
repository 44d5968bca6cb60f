"""What a question asks to hold now: what it is about, whose it is, and what kind of value answers it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from memoryos_tasks.core.asking import asks_former
from memoryos_tasks.core.cue import Cue
from memoryos_tasks.core.matters import MATTERS, Matter
from memoryos_tasks.core.speaking import PEOPLE, PEOPLE_ZH
from memoryos_tasks.core.stopwords import ASKING, FREQUENT
from memoryos_tasks.core.text import terms
from memoryos_tasks.core.words import word_set
from memoryos_tasks.core.words_en import SAME_RELATION

_SEEKS = Cue(
    "what | which | where | who | when | who's | what's | where's | when's | how (?:much|many|old|tall|do|am|long|big)",
    "什么 | 哪 | 谁 | 几 | 多少 | 多[大高重长] | 怎[么样] | 如何",
)
#: What asks for no slot: for reasons, advice, several things, what is not, or one time that is over.
_ONCE = Cue(
    r"""
    (?:what|which) (?:\w+ )?(?:sports|instruments|languages|hobbies|pets|allergies|foods|drinks|books|games|movies)
    why | how come | not | don't | doesn't | isn't | dislikes? | hates? | (?:one|some|any) of | names | both | each
    respectively | recommend | suggest | should (?!i (?:put|enter|write|use|order)) | could | would | can you | did
    (?:was|were)(?!.*\bborn) | had | have (?:i|we) | has my | last (?:week|month|year|time) | ago | yesterday
    has \w+ \w+(?:ed|en) | at first | original(?:ly)? | initially | first
    """,
    """
    不喜欢 | 讨厌 | 为什么 | 为啥 | 怎么(?!去|上|到) | 怎么办 | 谁[教借送来给帮] | 哪些 | 分别 | 各是 | [两三]次
    不掉 | 推荐 | 建议
    应该(?!寄|填|写|穿|用) | [了过](?:什么|哪|谁|几|多少) | 了[？?。]?$ | 那阵子 | 那会儿 | 最后 | 之后 | 老家
    一开始 | 最初 | 当初
    刚开始 | 上次 | 去年 | 昨天 | 那次 | 当时
    """,
)
_MINE = re.compile(r"\b(?:i|i'm|my|mine|we|our|me)\b|[我咱俺]", re.IGNORECASE)
_NICKNAME = r"[小老阿][\u4e00-\u9fff](?=[^\u4e00-\u9fff]|[现住在做是的多几叫])"
_RELATIVE = re.compile(
    rf"\b(?:my|our) (?:\w+ )?({PEOPLE})\b(?: (?-i:([A-Z][a-z]+)))?|(?:^|我|咱)(?:的"
    rf"|们?家)?({PEOPLE_ZH})({_NICKNAME})?",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"\b(?:does|is|has|do|when's|where's|who's) ([A-Z][a-z]+)\b|\b([A-Z][a-z]+)'s\b"
    rf"|((?<![\u4e00-\u9fff]){_NICKNAME})"
)
#: Words for one person.
_SAME = (
    "爸 父亲 老爸", "妈 母亲 老妈", "父母 爸妈 爸 妈", "女儿 闺女", "老婆 妻子 媳妇 爱人 太太", "老公 丈夫 先生",
    "外婆 姥姥", "外公 姥爷",
    "男朋友 男友", "女朋友 女友", "奶奶 祖母", "爷爷 祖父", "领导 上司 老板 主管", "室友 舍友", "grandma grandmother",
    "grandpa grandfather", "mom mum mother", "dad father", "parents mom dad mum father mother",
)  # fmt: skip
#: What asks for the person: then who is named is not whom the answer speaks of.
_WHO = Cue(
    "who(?:'s| is) (?:my|our) | names? | called", "叫什么 | 是谁 | 名字 | 哪[位个](?:医生|大夫|老师|领导)"
)
_PARTS = re.compile(r"[,，;；。]\s*|(?<=[.!?])\s+(?=\S)")
#: Kinds of values that are asked for in so many words, whatever they are asked of.
_MEASURED = frozenset({"time", "day", "date", "money", "year"})
_KINDS = (
    ("blood", r"\bblood type\b|血型"),
    ("year", r"\b(?:what|which) (?:\w+ )?year\b|哪一?年"),
    ("time", r"\bwhat time\b|几点"),
    ("day", r"\b(?:what|which) (?:day|weekday)\b|周几|星期几|礼拜几"),
    ("date", r"几号"),
    ("money", r"\bhow much (?!do i weigh)|\bbudget\b|\b(?:rent|salary|price|cost)\b|多少钱|预算|工资|房租|月薪"),
    ("date", r"\bwhen\b|\bdeadline\b|\bbirthday\b|\bwhat date\b|什么时候|哪天|几号|何时|截止|生日|几月"),
    ("color", r"\bcolou?r\b|颜色|什么色"),
    ("number", r"\bhow (?:many|old)\b|几[岁个只本次]|多少|多大"),
    ("place", r"^\W*(?:\w+\W+){0,2}where\b|哪里|哪儿|哪[个座]?(?:城市|国家)|哪座"),
)
_KIND_RULES = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _KINDS)
#: Terms of questions that say how they ask and nothing of what about.
_ASKING = frozenset(
    terms("what which time day date when where who much many name called kind type sort moment currently current usual"
          " usually new go going get getting have use do does like best favorite favourite days nowadays lately still"
          " spend am into right plan planning called work live living keep moment part area does wear tell")
)  # fmt: skip
#: Terms of many things of which people have several.
_COMMON = frozenset(
    terms("due deadline appointment meeting exam test class lesson trip budget birthday team app software number price"
          " cost rent size shop store place account project teacher group book bag room")
) | word_set("预约 会议 考试 截止 预算 生日 软件 号码 价格 公司 老师 应用 项目 时间")  # fmt: skip
_FILLING = re.compile(r"现在|目前|如今|平时|一般|我家|我们|我的|我|你|的|是|在|了|吗|呢|几|哪|打算|喜欢|最")
_NOT_NAMES = word_set(
    "my our your the a an it that this monday tuesday wednesday thursday friday saturday sunday english what where who"
    " when which how there here"
)


@dataclass(frozen=True, slots=True)
class Sought:
    """What one question is after: its matter or the terms it names, the kind of value ('' for any), whose it is."""

    matter: Matter | None
    kind: str
    anchors: frozenset[str]
    #: Names and words for who it is about, none for the user; ``named`` says that their name is what is asked for.
    people: tuple[str, ...] = ()
    named: bool = False

    @property
    def common(self) -> frozenset[str]:
        """Those of its terms that many questions share, where it has others too."""
        return frozenset() if self.anchors <= _COMMON else _COMMON

    @property
    def words(self) -> str:
        """What messages about it say, to widen a search by."""
        return " ".join((*self.people, self.matter.words if self.matter else ""))


def sought(question: str) -> Sought | None:
    """What a question asks to hold now; None where it asks for something else: a list, advice, one time of the past."""
    question = next((part for part in reversed(_PARTS.split(question)) if _SEEKS.found(part)), question)
    if not _SEEKS.found(question) or _ONCE.found(question) or asks_former(question):
        return None
    people = _people(question)
    matter = next((one for one in MATTERS if one.asks.search(question)), None)
    kind = next((kind for kind, rule in _KIND_RULES if rule.search(question)), "")
    if kind in _MEASURED and matter is not None and matter.kind not in _MEASURED:
        matter = None
    anchors = frozenset(_content(question, people)) - _ASKING
    kind = matter.kind if matter else kind
    named = _RELATIVE.search(question) is not None and _WHO.found(question)
    if named and matter is None:
        anchors = anchors | {term for word in people for term in terms(word)}
    nothing = matter is None and not anchors and not (people and kind)
    nobody = not people and not kind and not _MINE.search(question)
    if nothing or nobody:
        return None
    return Sought(matter, kind, anchors, people, named)


def _content(question: str, people: tuple[str, ...]) -> list[str]:
    """The terms that say what a question is about: of Chinese the pairs, since single characters are everywhere."""
    plain = question if question.isascii() else _FILLING.sub(" ", ASKING.sub(" ", question))
    for word in people:
        plain = re.sub(re.escape(word), " ", plain, flags=re.IGNORECASE)
    return [term for term in terms(plain) if term.isascii() or (len(term) > 1 and not FREQUENT.intersection(term[:1]))]


def _people(question: str) -> tuple[str, ...]:
    named = [groups for pattern in (_RELATIVE, _NAME) for groups in pattern.findall(question)]
    found = [word.casefold() for groups in named for word in groups if word]
    found = [_bare(word) for word in found if word not in _NOT_NAMES]
    alike = [SAME_RELATION.get(word, word) for word in found]
    alike += [other for word in found for group in _SAME if word in group.split() for other in group.split()]
    return tuple(dict.fromkeys((*found, *alike)))


def _bare(word: str) -> str:
    """姐 for 姐姐, since people say either."""
    return word[0] if len(word) == 2 and word[0] == word[1] and not word.isascii() else word
