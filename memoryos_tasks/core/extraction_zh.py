"""Claims in Chinese sentences, with Latin words in them or not.

A sentence is taken apart at its commas; a clause claims something only if it begins with 我, with 我 and a relation
(我姐姐…), or with a verb whose subject the clause before named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memoryos_tasks.core.by_value import ANY_FORMER, instead_of
from memoryos_tasks.core.claims import USER, Claim
from memoryos_tasks.core.doings import chinese as doing
from memoryos_tasks.core.endings_zh import died, dropped, following, instead, jobless, positive
from memoryos_tasks.core.rules_zh import (
    A_THING,
    CHANGED,
    HAS_CHANGED,
    MENTIONS,
    NAMED,
    NAMED_PET,
    NOTE,
    POSSESSIONS,
    PREDICATES,
    RELATION,
    WISHES,
)
from memoryos_tasks.core.speaking import PEOPLE_ZH
from memoryos_tasks.core.validity import base, former, is_former
from memoryos_tasks.core.values_zh import CLEANERS
from memoryos_tasks.core.words_zh import ANIMALS, FAVORITES, PERSONAL, RELATIONS, THINGS

_CLAUSES = re.compile(
    r"[，,；;：:—]+\s*|(?<=[\u4e00-\u9fff])\s+(?=我|也|还|在|住|今年|喜欢)|(?:但是?|不过(?!敏)|可是|因为|所以|而且"
    r"|并且|然后|同时)|(?:和|与|及)(?=我)"
)
_LEAD = re.compile(
    r"^(?:你好|您好|嗨|哈喽|大家好|其实|对了|顺便说一下|另外|还有|那个|嗯|哦|是的|没错|不对|更正一下|我想说"
    r"|医生说|告诉你个好消息|好消息|坏消息|跟你说|说错了|搞错了"
    r"|告诉你|请注意|简单介绍一下"
    r"|自我介绍一下|说实话|最近|上个月|去年|上周|[这本]周|这个月|本月|今天|昨天|上个?(?:周|星期)[一二三四五六日天]?|hi|hello"
    r"|[啊呀吧呢哈\s，,!！])+",
    re.IGNORECASE,
)
_TRAIL = re.compile(r"(?:了?(?:啊|呀|哦|哈|呢|啦|吧|的呢)|，?谢谢|请多关照|很高兴认识你|[!！。.~～\s])+$")
_ADVERBS = re.compile(
    r"^(?:现在|目前|也|还|更|新(?=买)|很|非常|特别|都|一直|就|已经|刚刚|刚|真的|超级|超|比较|其实|正在|平时"
    r"|业余时间|平常"
    r"|最近|今年|去年|上个月|上周"
    r"|昨天|今[天晚]|这周|本[周月]|[这本]个?(?:星期|礼拜)|这个月|前几天|前天|终于|从小|最(?!喜欢的|爱的|喜欢.{1,3}色)|可|挺|蛮|太|尤其|目前还|的确"
    r"|本来就)+"
)
_PAST = re.compile(
    r"^(?:我)?(?:以前|曾经|过去|之前|小时候|当时|原来|本来|想|希望|打算|要|准备|可能|也许|应该"
    r"|觉得|认为|梦想|差点|会不会)"
)
_SUBJECTLESS = re.compile(
    r"^(?:现在|目前|今年|也|还|很|非常|特别|又|后来|然后|已经|刚)*(?:加入|进了|最喜欢|骑|坐|弹|改|新买|单着|更"
    r"|看|用|喝|支持"
    r"|一个人|能吃|领养|不(?!过|错"
    r"|好|知道|是|同|仅|用|要|客气|对|行|会)|是|叫|姓|住|在|来自|不再|换|改|把|开|离开|没|分手|辞职|离职|入职"
    r"|跳槽|毕业|结婚|离婚|戒|搬家|去了|到了|打|用|喜欢|爱|热爱|讨厌|不喜欢|从事|做|当|会说|养"
    r"|有|对|不吃|搬|\d{1,3}岁|吃素|单身|已婚|未婚|毕业于|就职于)"
)
#: Relatives of whom no facts are kept.
_RELATIVE = re.compile(rf"^我(?:的|们?家)?(?!(?:{'|'.join(RELATIONS)}))(?:{PEOPLE_ZH})")
#: An animal kept by nobody named is the speaker's.
_MY_PET = re.compile(r"^(?=(?:刚|最近|家里)?养了[一两二三四五\d]+[只条匹])")
#: Being together, said on the way.
_COUPLE = re.compile(
    r"^我(?:现在|一直)?(?:和|跟|与)(?:我的?)?(男朋友|女朋友|男友|女友|老公|老婆|丈夫|妻子)(?!.*(?:分手|离婚|分开"
    r"|吵|以前|曾经))"
)
#: Slots whose next value a clause may give that only says 改成…: what it ended told the slot.
_FOLLOWED = ("likes", "hobby", "habit", "learning", "pet", "vehicle", "location")
#: What a number is changed to, in the clause after the one that says that it has changed.
_NEW = re.compile(r"^(?:(?:新的?|现在)(?:号码?)?(?:是|为|叫)|(?:现在|以后|都)?改?用(?:的是)?)(.+)$")
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
    reader = _Reader(sentence)
    for part in _CLAUSES.split(sentence):
        clause = _TRAIL.sub("", _LEAD.sub("", part.strip()))
        if clause:
            yield from _first(WISHES, clause, USER, "") or reader.read(clause)


class _Reader:
    """Reads the clauses of one sentence; it remembers who and what the last ones were about."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence
        self._subject, self._label = "", ""
        self._mentioned = ""
        self._changed = ""
        self._over: Claim | None = None
        self._theirs = False

    def read(self, clause: str) -> list[Claim]:
        if clause.startswith("我"):
            self._theirs = _RELATIVE.match(clause) is not None
        elif self._theirs:  # a clause without a subject goes on with whom it began
            return []
        found = self._follows(clause) or self._thing(clause)
        if not found:
            gone = died(clause)
            if gone:
                attribute = former("pet") if RELATIONS.get(gone) in ANIMALS else ANY_FORMER
                return [Claim(USER, attribute, gone, chinese=True)]
            self._subject, self._label, owns, rest = _parse(clause, self._subject, self._label)
            if self._subject and not owns:
                found = _ended(self._subject, self._label, rest, self._sentence)
            if self._subject and not found:
                found = _found(self._subject, self._label, owns, rest)
            if self._subject == USER and not owns and not found:
                attribute, value = doing(rest)
                found = [Claim(USER, attribute, value, chinese=True)] if attribute else []
        self._note(clause, found)
        return found

    def _note(self, clause: str, found: list[Claim]) -> None:
        mentions = MENTIONS.findall(clause)
        if mentions and not NAMED.match(clause):
            self._mentioned = "" if _PAST.match(clause) else mentions[-1]
        changed = HAS_CHANGED.match(clause) or CHANGED.search(clause)
        self._changed = changed["what"] if changed else self._changed
        over = [claim for claim in found if is_former(claim.attribute) or claim.attribute in ("avoids", "dislikes")]
        self._over = over[-1] if over else self._over

    def _follows(self, clause: str) -> list[Claim]:
        """A clause that goes on with what one before named: its name, its new number, what took its place."""
        named = NAMED.match(clause)
        if named and self._mentioned:
            subject = RELATIONS[self._mentioned]
            return [Claim(subject, "name", name, chinese=True, label=self._mentioned)
                    for name in CLEANERS["name"](named["name"])]
        fresh = re.match(r"^(?:我的)?新的?(?P<rest>.+)$", clause)
        if fresh and (found := _first(POSSESSIONS, fresh["rest"], USER, "")):
            return found
        if self._changed and (again := _NEW.match(clause)):
            return _first(POSSESSIONS, f"{self._changed}是{again[1]}", USER, "")
        value = following(clause.removeprefix("我"))
        attribute, what = doing(clause.removeprefix("我")) if value and self._over is None else ("", "")
        if attribute:
            return [Claim(USER, attribute, what, chinese=True)]
        if value and self._over is None and (self._subject or clause.startswith("我")):
            self._subject = USER
            return [Claim(USER, instead_of("*"), value.removeprefix("我"), chinese=True)]
        if value and self._over is not None:
            attribute = {"avoids": "likes", "dislikes": "likes"}.get(self._over.attribute, base(self._over.attribute))
            if attribute in _FOLLOWED:
                return [Claim(self._over.subject, attribute, one, chinese=True, label=self._over.label)
                        for one in CLEANERS[attribute](value)]
        return []

    def _thing(self, clause: str) -> list[Claim]:
        """A thing of the user's with its date, without 我的."""
        couple = _COUPLE.match(clause)
        if couple:
            status = "已婚" if couple[1] in ("老公", "老婆", "丈夫", "妻子") else "恋爱中"
            return [Claim(USER, "relationship status", status, chinese=True)]
        start = A_THING.match(clause)
        if start:
            found = _first(POSSESSIONS, clause[start.end() :], USER, "")
            return [claim for claim in found if claim.subject != USER]
        moved = re.match(r"^(?:又|已经|临时|被)*(?:改|推迟|提前|延期|调整?|挪)(?:期)?(?:到|至|成"
        r"|为)(?:了)?(.+)$", clause)
        if moved and (thing := [word for word in THINGS if word in self._sentence.split(clause)[0]]):
            return _first(POSSESSIONS, f"{max(thing, key=len)}是{moved[1]}", USER, "")
        return []


def _ended(subject: str, label: str, rest: str, sentence: str) -> list[Claim]:
    """What a clause says to be over, or to have another's place."""
    held = positive(rest, sentence)
    if held:
        found = [
            Claim(one.subject, former(one.attribute), one.value, chinese=True, label=label)
            for one in _found(subject, label, False, held) or _kept(subject, held)
            if one.attribute not in ("avoids", "likes", "dislikes")
        ]
        if found:
            habits = [one for one in found if one.attribute in (former("habit"), former("hobby"))]
            return found + [Claim(subject, ANY_FORMER, one.value, chinese=True) for one in habits]
    again = re.match(r"^(?:现在|已经|又|终于)*(?:能|可以|敢|开始|又)(?:吃|喝)(?P<what>[^，]{1,6}?)了$", rest)
    if again:
        return [Claim(subject, former("avoids"), again["what"], chinese=True, label=label)]
    if jobless(rest):
        return [Claim(subject, former(one), "工作", chinese=True, label=label) for one in ("occupation", "employer")]
    old, new = instead(rest)
    if old and new:
        return [Claim(subject, PERSONAL.get(old) or instead_of(old), new, chinese=True, label=label)]
    if re.match(r"^(?:已经|刚刚?)*(?:大学|研究生)?毕业了?$", rest):
        return [Claim(subject, former("school"), "学校", chinese=True, label=label)]
    what = dropped(rest)
    return [Claim(subject, ANY_FORMER, what, chinese=True, label=label)] if what else []


def _kept(subject: str, held: str) -> list[Claim]:
    """An animal without a number: 养猫."""
    pet = re.match(r"^(?:养|有)(?P<pet>[\u4e00-\u9fff]{1,4})$", held)
    tongue = re.match(r"^(?:在)?学(?:习)?(?P<what>[\u4e00-\u9fff]{1,6})$", held)
    if tongue:
        return [Claim(subject, "learning", tongue["what"], chinese=True)]
    known = pet and (pet["pet"] in RELATIONS or pet["pet"] in ("宠物", "鱼", "鸟"))
    return [Claim(subject, "pet", pet["pet"], chinese=True)] if pet and known else []


def _parse(clause: str, subject: str, label: str) -> tuple[str, str, bool, str]:
    """Subject ('' for none), its word, whether the rest is what it owns, and the rest."""
    if _PAST.match(clause):
        return "", "", False, ""
    related = RELATION.match(clause)
    if related:
        word = related["relation"]
        return RELATIONS[word], word, bool(related["owns"]), related["rest"]
    if _RELATIVE.match(clause):
        return "", "", False, ""
    if clause.startswith(("我的", "本人的")):
        return USER, "", True, clause.removeprefix("本人的").removeprefix("我的")
    theirs = re.match(rf"^(?:我?现在的?|新的?)({'|'.join(sorted(RELATIONS, key=len, reverse=True))})(的?)(.+)$",
    clause)
    if theirs and (subject == USER or clause.startswith("我")):
        return RELATIONS[theirs[1]], theirs[1], bool(theirs[2]), theirs[3]
    mine = re.match(
        r"^(?:我们?(?:全家|一家人?|家里?|俩|两个人?)?(?=(?:现在|已经|刚刚?|最近|都|又|终于|上个?[周月])*(?:住|养"
        r"|有|搬|领养|买|换|卖|分手|离婚))"
        r"|我们(?=[周星礼明后下这\d])|我|本人|俺)\s*(.+)$", clause
    )
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
    if attribute == "when":
        return Claim(THINGS[what], "date", value, chinese=True, label=what)
    if attribute == "left":
        return Claim(subject, former("employer"), value, chinese=True, label=label)
    if attribute in ("own", "named", "used"):
        return Claim(subject, PERSONAL.get(what, what), value, chinese=True, label=label)
    named = {
        "trade": "occupation", "self name": "name", "native place": "hometown", "best": "favorite color",
        "alone": "lives with", "alone now": "relationship status",
        "single": "relationship status",
        "together": "relationship status", "together with": "relationship status",
    }  # fmt: skip
    return Claim(subject, named.get(attribute, attribute), value, chinese=True, label=label)
