"""A claim as a sentence, in English or Chinese, about the user or to them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from memoryos_tasks.core.claims import ASSISTANT, USER
from memoryos_tasks.core.doings import verb_of
from memoryos_tasks.core.validity import ANY, base, is_former
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
    "vehicle": "{S} {drives} {a}.",
    "location": "{S} {is} in {v} for now.",
    "promise": "{S} promised: {v}.",
    "habit": "{S} regularly: {v}.",
    "commute": "{P} commute: {v}.",
    "lives with": "{S} {lives} with {v}.",
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
    "vehicle": "{S}开{v}。",
    "location": "{S}在{v}。",
    "promise": "{S}答应：{v}。",
    "habit": "{S}平时的活动：{v}。",
    "commute": "{S}{v}。",
    "lives with": "{S}和{v}住。",
    "phone number": "{S}的电话是{v}。",
    "email": "{S}的邮箱是{v}。",
}
_FIRST_VERB = re.compile(r"(?<=^\{S\} )(.)")
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
    said = text.removeprefix("The user ")
    never = "no longer " if said.startswith("no longer ") else ""
    verb, gap, rest = said.removeprefix(never).partition(" ")
    stem = verb[:-1] if verb.endswith("s") and not verb.endswith("ss") else verb
    return f"You {never}{_SECOND.get(verb, stem)}{gap}{rest}"


def named(text: str, name: str) -> str:
    """A sentence of :func:`sentence` about the user, about who has this name; any other text as it is."""
    for user in ("The user", "用户"):
        if text.startswith(user):
            return name + text.removeprefix(user)
    return text


def _chinese(subject: str, attribute: str, value: str, label: str, you: bool) -> str:
    who = "你" if you else "用户"
    if subject != USER:
        who = "助手" if subject == ASSISTANT else f"{who}的{label or RELATION_WORDS.get(subject, subject)}"
    if attribute.startswith("favorite "):
        what = label if subject == USER and label else attribute.removeprefix("favorite ")
        return f"{who}最喜欢的{FAVORITE_WORDS.get(what, what)}是{value}。"
    if verb_of(base(attribute)):
        never = "不再" if is_former(attribute) else ""
        return f"{who}{never}{verb_of(base(attribute))}{value}。"
    template = _ZH.get(base(attribute), "{S}的" + base(attribute) + "是{v}。")
    if is_former(attribute) and value in ANY:
        return f"{who}离开了原来的{value.removeprefix('原来的')}。"
    if is_former(attribute):
        template = template.replace("了", "")
        template = template.replace("{S}", "{S}不再", 1) if "的" not in template else template.replace("是", "不再是",
        1)
    return template.format(S=who, v=value)


def _english(subject: str, attribute: str, value: str, label: str, you: bool) -> str:
    if subject == USER:
        who, whose = ("You", "Your") if you else ("The user", "The user's")
    else:
        who = f"{'Your' if you else 'The user' + chr(39) + 's'} {label or subject}"
        whose = f"{who}'s"
    if subject == ASSISTANT:
        who, whose = "The assistant", "The assistant's"
    if attribute == "kind":
        return f"{who} is {value}."
    if verb := verb_of(base(attribute)):
        first, _, more = verb.partition(" ")
        said = verb if you and subject == USER else f"{first}{'es' if first.endswith('ch') else 's'} {more}".strip()
        return f"{who} {'no longer ' if is_former(attribute) else ''}{said} {value}."
    template = _EN.get(base(attribute), "{P} " + base(attribute) + " is {v}.")
    if is_former(attribute) and value in ANY:
        return f"{who} left the {value.removeprefix('old ')}."
    if is_former(attribute):
        template = _FIRST_VERB.sub(r"no longer \1", template, count=1) if "{S}" in template else (
            template.replace(" is ", " is no longer ", 1)
        )
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
