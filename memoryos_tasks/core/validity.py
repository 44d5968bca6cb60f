"""Slots and values: which attributes concern each other, which values are one, and what a change makes untrue."""

from __future__ import annotations

import re
import unicodedata

from memoryos_tasks.core.items import Fact
from memoryos_tasks.core.words_en import BREEDS
from memoryos_tasks.core.words_zh import RELATIONS

#: Before an attribute whose value holds no longer: "former employer".
_FORMER = "former "
#: Attributes that are looked at together, since a change of one may end another.
_FAMILIES = {
    "dislikes": "likes", "avoids": "likes", "occupation": "work", "employer": "work", "industry": "work",
    "habit": "hobby", "vehicle": "owns", "bought": "owns", "location": "residence", "surname": "name",
}  # fmt: skip
#: Values of a former attribute that stand for whatever it was.
ANY = frozenset({"school", "学校", "*", "job", "work", "old job", "position", "工作", "原来的工作"})
_ARTICLE = re.compile(r"^(?:an?|the|my|our|some|his|her|their)\s+", re.IGNORECASE)
_HAN = re.compile(r"[\u4e00-\u9fff]")
_COUNTED = re.compile(r"^(?:[一两二三四五六七八九十几\d]+[只条个匹头位名家辆]|个)")


def same(text: str) -> str:
    """The form in which two subjects, attributes or values are compared: width, case and spaces do not count."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def former(attribute: str) -> str:
    """The attribute of what no longer holds in this slot."""
    return _FORMER + attribute


def base(attribute: str) -> str:
    """The attribute whose slot a fact concerns, also when it says what no longer holds there."""
    return attribute.removeprefix(_FORMER)


def is_former(attribute: str) -> bool:
    """Whether the attribute says what no longer holds."""
    return attribute.startswith(_FORMER)


def family(attribute: str) -> str:
    """The name that attributes share whose facts can end each other."""
    name = same(base(attribute)).rstrip("!")
    return _FAMILIES.get(name, name)


def animal(value: str) -> str:
    """The subject that facts about this animal carry: "cat" for "two cats" and 一只猫."""
    for word in sorted(RELATIONS, key=len, reverse=True):
        if word in value:
            return RELATIONS[word]
    last = (_words(value) or [""])[-1].removesuffix("s")
    return BREEDS.get(last, last)


def alike(one: str, other: str) -> bool:
    """Whether two values are the same but for articles, counters, marks, a plural, or a country after a city."""
    a, b = _plain(one), _plain(other)
    return a == b or a.rstrip("s") == b.rstrip("s")


def agree(one: Fact, other: Fact) -> bool:
    """Whether two facts are one belief."""
    slot = same(one.subject) == same(other.subject) and same(one.attribute) == same(other.attribute)
    return slot and alike(one.value, other.value)


def covers(general: str, value: str) -> bool:
    """Whether what is said of ``general`` ("the cat") is said of ``value`` ("a grey cat called Tom")."""
    if general in ANY:
        return True
    a, b = _plain(general), _plain(value)
    if _HAN.search(a + b):
        return bool(a and b) and (a in b or b in a)
    words, more = ({word.rstrip("s") for word in _words(text)} for text in (general, value))
    return bool(words and more) and (words <= more or more <= words)


def _plain(value: str) -> str:
    value = _COUNTED.sub("", _ARTICLE.sub("", value.strip(" .,;!?。，！？"))).split(",")[0].split("，")[0]
    form = same(value)
    return form[:-1] if len(form) > 2 and form[-1] in "市省" else form


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", _ARTICLE.sub("", text).casefold())
