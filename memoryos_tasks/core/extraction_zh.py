"""Claims in Chinese sentences, with Latin words in them or not.

A sentence is taken apart at its commas; a clause claims something only if it begins with 我, with 我 and a relation
(我姐姐…), or with a verb whose subject the clause before named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memoryos_tasks.core.claims import USER, Claim
from memoryos_tasks.core.rules_zh import NAMED_PET, NOTE, POSSESSIONS, PREDICATES, RELATION, WISHES
from memoryos_tasks.core.values_zh import CLEANERS
from memoryos_tasks.core.words_zh import FAVORITES, RELATIONS, THINGS

_CLAUSES = re.compile(
    r"[，,；;：:—]+\s*|(?<=[\u4e00-\u9fff])\s+(?=我|也|还|在|住|今年|喜欢)|(?:但是?|不过|可是|因为|所以|而且"
    r"|并且|然后|同时)|(?:和|与|及)(?=我)"
)
_LEAD = re.compile(
    r"^(?:你好|您好|嗨|哈喽|大家好|其实|对了|顺便说一下|另外|还有|那个|嗯|哦|是的|没错|不对|更正一下|我想说"
    r"|告诉你|请注意|简单介绍一下"
    r"|自我介绍一下|说实话|最近|上个月|去年|上周|今天|昨天|上个?星期|hi|hello|[啊呀吧呢哈\s，,!！])+",
    re.IGNORECASE,
)
_TRAIL = re.compile(r"(?:了?(?:啊|呀|哦|哈|呢|啦|吧|的呢)|，?谢谢|请多关照|很高兴认识你|[!！。.~～\s])+$")
_ADVERBS = re.compile(
    r"^(?:现在|目前|也|还|很|非常|特别|都|一直|就|已经|刚刚|刚|真的|超级|超|比较|其实|正在|平时|业余时间|平常"
    r"|最近|今年|去年|上个月|上周"
    r"|昨天|从小|最(?!喜欢的|爱的)|可|挺|蛮|太|尤其|目前还|的确|本来就)+"
)
_PAST = re.compile(
    r"^(?:我)?(?:以前|曾经|过去|之前|小时候|当时|原来|本来|想|希望|打算|要|准备|可能|也许|应该"
    r"|觉得|认为|梦想|不再|差点|会不会)"
)
_SUBJECTLESS = re.compile(
    r"^(?:现在|目前|今年|也|还|很|非常|特别)*(?:是|叫|姓|住|在|来自|喜欢|爱|热爱|讨厌|不喜欢|从事|做|当|会说|养"
    r"|有|对|不吃|搬|\d{1,3}岁|吃素|单身|已婚|未婚|毕业于|就职于)"
)
#: An animal kept by nobody named is the speaker's.
_MY_PET = re.compile(r"^(?=(?:刚|最近|家里)?养了[一两二三四五\d]+[只条匹])")
_SECRET = re.compile(r"密码|口令|验证码|pin码", re.IGNORECASE)


def claims(sentence: str) -> Iterator[Claim]:
    """The claims of one asserted sentence, in order."""
    if _SECRET.search(sentence):
        return
    note = NOTE.match(sentence)
    if note:
        inner = list(claims(note["note"]))
        yield from inner or [Claim(USER, "note", note["note"].strip(" 。，,"), chinese=True)]
        return
    sentence = _MY_PET.sub("我", sentence)
    subject, label = "", ""
    for part in _CLAUSES.split(sentence):
        clause = _TRAIL.sub("", _LEAD.sub("", part.strip()))
        if not clause:
            continue
        wish = _first(WISHES, clause, USER, "")
        if wish:
            yield from wish
            continue
        subject, label, owns, rest = _parse(clause, subject, label)
        if subject:
            yield from _found(subject, label, owns, rest)


def _parse(clause: str, subject: str, label: str) -> tuple[str, str, bool, str]:
    """Subject ('' for none), its word, whether the rest is what it owns, and the rest."""
    if _PAST.match(clause):
        return "", "", False, ""
    related = RELATION.match(clause)
    if related:
        word = related["relation"]
        return RELATIONS[word], word, bool(related["owns"]), related["rest"]
    if clause.startswith(("我的", "本人的")):
        return USER, "", True, clause.removeprefix("本人的").removeprefix("我的")
    mine = re.match(r"^(?:我们?家?(?=住|养|有|搬)|我|本人|俺)\s*(.+)$", clause)
    if mine:
        return USER, "", False, mine[1]
    pronoun = re.match(r"^[他她它](.+)$", clause)
    if pronoun and subject not in ("", USER):
        return subject, label, False, pronoun[1]
    if subject and _SUBJECTLESS.match(clause):
        return subject, label, False, clause
    return "", "", False, ""


def _found(subject: str, label: str, owns: bool, rest: str) -> list[Claim]:
    if owns:
        return _first(POSSESSIONS, rest, subject, label)
    rest = NAMED_PET.sub(r"\1\3叫\2", _ADVERBS.sub("", rest))
    return _first(PREDICATES, rest, subject, label) or _first(POSSESSIONS, rest, subject, label)


def _first(rules: tuple[re.Pattern[str], ...], text: str, subject: str, label: str) -> list[Claim]:
    """The claims of the first rule that matches with values that hold."""
    for rule in rules:
        match = rule.match(text)
        found = list(_values(subject, label, match)) if match else []
        if found:
            return found
    return []


def _values(subject: str, label: str, match: re.Match[str]) -> Iterator[Claim]:
    groups = {name.replace("_", " "): value for name, value in match.groupdict().items() if value}
    what = groups.pop("what", "") or re.sub(r"^.*[只条个匹头]", "", groups.get("pet", ""))
    for attribute, raw in groups.items():
        for value in CLEANERS[attribute](raw):
            yield _claim(subject, label, attribute, value, what)


def _claim(subject: str, label: str, attribute: str, value: str, what: str) -> Claim:
    if attribute == "thing":
        attribute = (
            "date"
            if re.search(
                r"[\d一二三四五六七八九十]+[月日号点]|明天|后天|星期|周"
                r"|下个?月",
                value,
            )
            else "kind"
        )
        return Claim(THINGS[what], attribute, value, chinese=True, label=what)
    if attribute == "favorite":
        return Claim(subject, f"favorite {FAVORITES.get(what, what)}", value, chinese=True, label=label)
    if attribute == "pet name":
        return Claim(RELATIONS.get(what, "pet"), "name", value, chinese=True, label=what)
    named = {"trade": "occupation", "self name": "name", "native place": "hometown"}
    return Claim(subject, named.get(attribute, attribute), value, chinese=True, label=label)
