"""What a matched Chinese value may be: each cleaner gives the values that hold, or none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from memoryos_tasks.core import persons_en
from memoryos_tasks.core.words_en import is_trade, may_be_name
from memoryos_tasks.core.words_zh import (
    COUNTRIES,
    LANGUAGES,
    NO_NICKNAMES,
    NO_TRADES,
    NO_VALUES,
    PLACES,
    SURNAMES,
    TRADES,
)

_LIST = re.compile(r"\s*(?:、|以及|还有|和|与|及|跟|或者?|&|\band\b|,)\s*")
_ONE = re.compile(r"^(?:一名|一位|一个|名|位|个)(?=.)")
_TRADE = re.compile(r"(?:" + TRADES + r")$")
_NO_TRADE = re.compile(r"(?:" + NO_TRADES + r")$")
_LATIN_TRADE = re.compile(
    r"^(?:CEO|CTO|CFO|COO|HR|PM|DBA|QA|UI设计|[A-Za-z+#]+\s?(?:开发|程序员"
    r"|工程师))$",
    re.IGNORECASE,
)
_LATIN_NAME = re.compile(r"^[A-Z][a-z]+(?: [A-Z][a-z]+)*$")
_DIGITS = {char: number for number, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_ASKS = re.compile(r"什么|谁|哪|怎么|多少|几|吗")


def plain(value: str) -> str:
    """Without outer spaces, marks and final particles."""
    value = value.strip(" \t，。,.;；:：!！?？\"'“”‘’「」『』()（）…~")
    return re.sub(r"(?:了|啊|呀|哦|呢|啦|吧)$", "", value).strip() if len(value) > 2 else value


def _ok(value: str, longest: int) -> list[str]:
    value = plain(value)
    if not value or value in NO_VALUES or len(value) > longest or _ASKS.search(value) or "…" in value:
        return []
    return [] if re.match(r"(?:不|没|你|您|他|她|它|我|这|那|被)", value) else [value]


def name(value: str) -> list[str]:
    value = re.split(r"(?:来自|住在|是一|今年)", plain(value))[0]
    if re.fullmatch(r"[A-Za-z][A-Za-z .'’·-]{0,40}", value):
        return persons_en.name(value)
    if re.search(r"一声|外卖|车|醒|停|起来|过来|好友", value) or value.endswith("的"):
        return []
    return _ok(value, 6) if re.fullmatch(r"[\u4e00-\u9fffA-Za-z·]+", value) else []


def self_name(value: str) -> list[str]:
    """A name after 我是: a family name and one or two characters, 小 or 阿 and one, or a Latin name."""
    value = plain(value)
    if _LATIN_NAME.match(value):
        return [value] if all(may_be_name(word) for word in value.split()) else []
    nickname = re.fullmatch(r"[小阿老][\u4e00-\u9fff]", value) and value not in NO_NICKNAMES
    family = re.fullmatch(rf"[{SURNAMES}][\u4e00-\u9fff]{{1,2}}", value)
    if not (nickname or family) or value.endswith(("的", "人", "了")) or _TRADE.search(value):
        return []
    return _ok(value, 4)


def occupation(value: str) -> list[str]:
    value = _ONE.sub("", plain(value))
    if (
        value.endswith("的")
        or re.search(r"好人|坏人|忙|累|难|无聊", value)
        or re.match(r"(?:很|非常|太|在|什么)", value)
    ):
        return []
    return _ok(value, 14)


def trade(value: str) -> list[str]:
    """An occupation after 我是: it ends as trades do, or is Latin after 一名 or 一位."""
    value = plain(value)
    exact = bool(re.match(r"一名|一位", value))
    bare = _ONE.sub("", value)
    latin = re.fullmatch(r"[A-Za-z][A-Za-z ]+", bare)
    if latin:
        return [bare] if exact or is_trade(bare) or _LATIN_TRADE.match(bare) else []
    if _NO_TRADE.search(bare) or re.search(r"的|[最好]人", bare):
        return []
    return occupation(bare) if exact or _TRADE.search(bare) or _LATIN_TRADE.match(bare) else []


def employer(value: str) -> list[str]:
    value = re.sub(r"^(?:一家|一个)", "", plain(value))
    if value in PLACES or value in COUNTRIES:
        return []
    return [] if re.search(r"家里?$|^家|认真|努力|一起|加班|时间|晚上|早上", value) else _ok(value, 20)


def place(value: str) -> list[str]:
    value = re.sub(r"(?:工作|生活|上学|读书|上班|这边|那边)$", "", plain(value))
    value = re.sub(r"(?:已经)?(?:\d|[一二两三四五六七八九十])+年$", "", value)
    if re.search(r"农村|学校|宿舍|公司|朋友|这|那|医院|酒店|家里|一起|哪|水深火热|过去|梦", value):
        return []
    if re.fullmatch(r"[A-Za-z][A-Za-z ,.]+", value):
        return [value]
    return _ok(value, 12)


def native_place(value: str) -> list[str]:
    """A hometown in 我是X人: only places that we know or that are named as such."""
    return [plain(value)] if plain(value) in PLACES or re.search(r"[省市县]$", plain(value)) else []


def nationality(value: str) -> list[str]:
    value = re.sub(r"(?<=..)人$", "", plain(value))
    return [value] if value in COUNTRIES else []


def age(value: str) -> list[str]:
    number = int(value) if value.isdigit() else _number(value)
    return [str(number)] if 2 <= number <= 120 else []


def _number(text: str) -> int:
    """A Chinese number under a thousand."""
    hundreds, mark, rest = text.rpartition("百")
    tens, ten, ones = rest.rpartition("十")
    total = _DIGITS.get(hundreds, 1) * 100 if mark else 0
    total += _DIGITS.get(tens, 1) * 10 if ten else 0
    return total + _DIGITS.get(ones, 0)


def date(value: str) -> list[str]:
    return [value] if re.search(r"[年月]", value) else []


def languages(value: str) -> list[str]:
    found = [part for part in (plain(part) for part in _LIST.split(value)) if part]
    pattern = re.compile(rf"(?:{LANGUAGES})[文语]|[\u4e00-\u9fff]{{1,3}}话|普通话|粤语|English")
    return [
        part
        for part in found
        if pattern.fullmatch(part) and part not in ("实话", "笑话", "电话", "坏话", "谎话", "闲话")
    ]


def answer_language(value: str) -> list[str]:
    return [f"{value}文"] if len(value) == 1 else [f"{value}语"]


def things(value: str) -> list[str]:
    parts = [re.sub(r"^(?:吃|喝)", "", plain(part)) for part in _LIST.split(plain(value))]
    return [part for part in parts if _ok(part, 14) and not part.endswith("的时候")]


def short(value: str) -> list[str]:
    return _ok(value, 14)


def thing(value: str) -> list[str]:
    return [] if re.match(r"(?:坏|很|不|丢)", value) else _ok(re.sub(r"^(?:一辆|一台|一部)", "", value), 20)


def surname(value: str) -> list[str]:
    return (
        [value]
        if value[0] in SURNAMES + "黄何林高马罗唐程任方石金崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
        else []
    )


def industry(value: str) -> list[str]:
    value = re.sub(r"(?:方面)?的?$", "", plain(value))
    return _ok(value, 12)


def status(value: str) -> list[str]:
    return [{"结婚": "已婚", "离异": "离婚"}.get(value, value)]


def diet(_value: str) -> list[str]:
    return ["素食"]


def length(value: str) -> list[str]:
    return ["详细" if value in ("详细", "长") else "简短"]


def single(_value: str) -> list[str]:
    return ["单身"]


def together(_value: str) -> list[str]:
    return ["恋爱中"]


def own(value: str) -> list[str]:
    """A number, an address or a name, but no description."""
    value = plain(value)
    return [value] if re.fullmatch(r"[^\s，。]{2,40}", value) and not _ASKS.search(value) else []


def named(value: str) -> list[str]:
    """What a thing of the user's is, if it is a number or a Latin name: anything else describes it."""
    value = plain(value)
    return [value] if re.fullmatch(r"[A-Z0-9][\w@.+-]*(?: [A-Z0-9][\w@.+-]*){0,3}", value) else []


def best(value: str) -> list[str]:
    """A colour liked best; of anything else the slot is not told."""
    value = plain(value)
    return [value] if re.fullmatch(r"[\u4e00-\u9fff]{1,3}色", value) else []


def habit(value: str) -> list[str]:
    return [re.sub(r"^[打踢练做弹]", "", plain(value))]


def _pet(value: str) -> list[str]:
    return _ok(value, 10)


CLEANERS: Mapping[str, Callable[[str], list[str]]] = {
    "name": name, "self name": self_name, "preferred name": name, "pet name": name, "surname": surname,
    "occupation": occupation, "trade": trade, "employer": employer, "industry": industry, "residence": place,
    "hometown": place, "native place": native_place, "age": age, "birthday": date, "nationality": nationality,
    "language": languages, "native language": languages, "answer language": answer_language, "likes": things,
    "dislikes": things, "interests": things, "hobby": things, "learning": things, "allergy": things, "avoids": things,
    "relationship status": status, "diet": diet, "pet": _pet, "family": short, "bought": short, "school": short,
    "studies": short, "health": short, "visited": short, "favorite": short, "personal": short, "thing": thing,
    "answer length": length, "single": single, "together": together, "together with": together, "own": own,
    "named": named, "habit": habit, "commute": short, "best": best,
    "lives with": short, "alone": lambda _: ["自己"], "stage": short, "alone now": single,
    "when": short,
    "left": employer, "vehicle": thing,
    "location": short, "used": short,
}  # fmt: skip
