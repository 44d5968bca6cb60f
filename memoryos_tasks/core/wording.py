"""A claim as a sentence, in English or Chinese, about the user or to them."""

from __future__ import annotations

from collections.abc import Mapping

from memoryos_tasks.core.claims import USER
from memoryos_tasks.core.words_zh import FAVORITE_WORDS, RELATION_WORDS

# Words in braces: S the subject, P its possessive, v the value, a the value with an article; any other is a verb in
# the third person, which becomes the second when the user is spoken to.
_EN: Mapping[str, str] = {
    "preferred name": "{S} {wants} to be called {v}.",
    "occupation": "{S} {works} as {a}.",
    "employer": "{S} {works} at {v}.",
    "industry": "{S} {works} in {v}.",
    "residence": "{S} {lives} in {v}.",
    "hometown": "{S} {comes} from {v}.",
    "age": "{S} {is} {v} years old.",
    "birth year": "{S} {was} born in {v}.",
    "nationality": "{P} nationality is {v}.",
    "language": "{S} {speaks} {v}.",
    "likes": "{S} {likes} {v}.",
    "dislikes": "{S} {dislikes} {v}.",
    "interests": "{S} {is} interested in {v}.",
    "prefers": "{S} {prefers} {v}.",
    "allergy": "{S} {is} allergic to {v}.",
    "avoids": "{S} {avoids} {v}.",
    "pet": "{S} {has} a pet: {v}.",
    "learning": "{S} {is} learning {v}.",
    "studies": "{S} {studies} {v}.",
    "school": "{S} {studies} or studied at {v}.",
    "health": "{S} {has} {v}.",
    "bought": "{S} bought {v}.",
    "owns": "{S} {owns} {v}.",
    "family": "{S} {has} {v}.",
    "visited": "{S} visited {v}.",
    "note": "To remember: {v}.",
    "answer length": "{S} {wants} {v} answers.",
    "answer language": "{S} {wants} answers in {v}.",
    "date": "{P} date is {v}.",
}
_ZH: Mapping[str, str] = {
    "name": "{S}的名字是{v}。",
    "surname": "{S}姓{v}。",
    "preferred name": "{S}希望被称为{v}。",
    "occupation": "{S}的职业是{v}。",
    "employer": "{S}在{v}工作。",
    "industry": "{S}从事{v}。",
    "work location": "{S}在{v}工作。",
    "residence": "{S}住在{v}。",
    "hometown": "{S}来自{v}。",
    "age": "{S}{v}岁。",
    "birthday": "{S}的生日是{v}。",
    "birth year": "{S}出生于{v}年。",
    "nationality": "{S}的国籍是{v}。",
    "language": "{S}会说{v}。",
    "native language": "{S}的母语是{v}。",
    "relationship status": "{S}的感情状况：{v}。",
    "likes": "{S}喜欢{v}。",
    "dislikes": "{S}不喜欢{v}。",
    "interests": "{S}对{v}感兴趣。",
    "prefers": "{S}更喜欢{v}。",
    "allergy": "{S}对{v}过敏。",
    "diet": "{S}的饮食习惯是{v}。",
    "avoids": "{S}不吃或不喝{v}。",
    "pet": "{S}养了{v}。",
    "hobby": "{S}的爱好是{v}。",
    "learning": "{S}在学{v}。",
    "studies": "{S}的专业是{v}。",
    "school": "{S}的学校是{v}。",
    "health": "{S}患有{v}。",
    "bought": "{S}买了{v}。",
    "owns": "{S}有{v}。",
    "family": "{S}有{v}。",
    "visited": "{S}去过{v}。",
    "note": "要记住：{v}。",
    "answer length": "{S}希望回答{v}。",
    "answer language": "{S}希望用{v}回答。",
    "date": "{S}的时间是{v}。",
    "kind": "{S}是{v}。",
}
_SECOND = {"is": "are", "has": "have", "was": "were", "studies": "study"}


def sentence(subject: str, attribute: str, value: str, *, chinese: bool, label: str = "", you: bool = False) -> str:
    """The claim in words. ``label`` names the subject, if not the user; ``you`` speaks to the user."""
    return (
        _chinese(subject, attribute, value, label, you) if chinese else _english(subject, attribute, value, label, you)
    )


def addressed(text: str) -> str:
    """A sentence of :func:`sentence` about the user, spoken to the user; any other text as it is."""
    if text.startswith("用户"):
        return "你" + text.removeprefix("用户")
    if text.startswith("The user's "):
        return "Your " + text.removeprefix("The user's ")
    if not text.startswith("The user "):
        return text
    verb, gap, rest = text.removeprefix("The user ").partition(" ")
    base = verb[:-1] if verb.endswith("s") and not verb.endswith("ss") else verb
    return f"You {_SECOND.get(verb, base)}{gap}{rest}"


def _chinese(subject: str, attribute: str, value: str, label: str, you: bool) -> str:
    who = "你" if you else "用户"
    if subject != USER:
        who = f"{who}的{label or RELATION_WORDS.get(subject, subject)}"
    if attribute.startswith("favorite "):
        what = label if subject == USER and label else attribute.removeprefix("favorite ")
        return f"{who}最喜欢的{FAVORITE_WORDS.get(what, what)}是{value}。"
    return _ZH.get(attribute, "{S}的" + attribute + "是{v}。").format(S=who, v=value)


def _english(subject: str, attribute: str, value: str, label: str, you: bool) -> str:
    if subject == USER:
        who, whose = ("You", "Your") if you else ("The user", "The user's")
    else:
        who = f"{'Your' if you else 'The user' + chr(39) + 's'} {label or subject}"
        whose = f"{who}'s"
    if attribute == "kind":
        return f"{who} is {value}."
    template = _EN.get(attribute, "{P} " + attribute + " is {v}.")
    words = _Words(S=who, P=whose, v=value, a=_article(value) + value)
    words.second = you and subject == USER
    return template.format_map(words)


def _article(value: str) -> str:
    if not value[:1].isascii():
        return ""
    return "an " if value[:1].casefold() in "aeiou" else "a "


class _Words(dict[str, str]):
    """Resolves the verbs of a template."""

    second = False

    def __missing__(self, verb: str) -> str:
        return _SECOND.get(verb, verb[:-1]) if self.second else verb
