"""What people say they do, use or follow, by its verb: "I support Arsenal", 我在看《三体》.

The verb is the slot. It holds many values, until somebody says that it holds another *now*.
"""

from __future__ import annotations

import re

_ING = {
    "reading": "read", "watching": "watch", "taking": "take", "drinking": "drink", "using": "use", "wearing": "wear",
    "following": "follow", "supporting": "support", "playing": "play", "teaching": "teach", "writing": "write",
    "riding": "ride", "training": "train", "collecting": "collect", "cooking": "cook", "renting": "rent",
    "attending": "attend", "coaching": "coach", "dating": "date", "subscribing": "subscribe",
}  # fmt: skip
_VERBS = (
    "support|read|watch|take|drink|use|wear|follow|root for|cheer for|subscribe to|bank with|bank at|shop at"
    "|rent|ride"
    "|collect|volunteer (?:at|for)|train at|coach|teach|write|practice|cook with|run on|pay with|listen to|vote for"
)
_ENGLISH = re.compile(
    r"^(?:am (?:now |currently |still |just )?(?P<doing>" + "|".join(_ING) + r")"
    r"|(?P<verb>" + _VERBS + r")) (?P<what>.+)$",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"^(?:it|that|this|them|him|her|you|me|my|your|up|off|out|on|in|over|care|part|place|a lot|about|to"
    r"|some time|a break"
    r"|time|note|notes|advantage|after|from|all|more|less|too|so|as|back|turns|apart|pictures?|photos?|a look|the)\b",
    re.IGNORECASE,
)
_NOW = re.compile(r"\b(?:now|these days|instead|nowadays|currently|switched|anymore|at the moment)\b", re.IGNORECASE)
_VERBS_ZH = "支持|看|读|用|喝|穿|追|玩|听|教|练|订阅|关注"
_CHINESE = re.compile(
    r"^(?:现在|目前|最近|每天|每晚|平时|一直|经常|已经|都|早上|晚上|周末|正|在|正在|改|又|开始|习惯)*"
    r"(?P<verb>" + _VERBS_ZH + r")(?:的|着)?(?:是)?(?P<what>[^，。的过不得]{2,10}?)(?:了)?$"
)
_NOTHING_ZH = re.compile(
    r"^(?:我|你|他|她|它|这|那|到|完|起来|来|去|什么|一下|一会|点|了|过|电影|电视|书|手机$|医生|病|见|上|一部"
    r"|一本|一场|一个)"
)
_NOW_ZH = re.compile(r"现在|改|换|目前|如今")
_ASKED_EN = re.compile(r"\b(" + "|".join(_ING) + "|" + _VERBS + r")\b", re.IGNORECASE)
_ASKED_ZH = re.compile(_VERBS_ZH)
#: Before the verb in the name of its slot.
_SLOT = "does: "


def english(rest: str, sentence: str) -> tuple[str, str]:
    """The slot and the value of what follows "I"; empty for neither."""
    found = _ENGLISH.match(rest)
    if found is None or _NOTHING.match(found["what"]):
        return "", ""
    verb = _ING[found["doing"].casefold()] if found["doing"] else found["verb"].casefold()
    what = re.split(r" (?:and|but|because|since|so|when|while|for|at the|every|in the|with|to)\b"
    r"|[,;]", found["what"])[0]
    what = re.sub(r"^(?:an? |some )|(?: (?:now|instead|these days|daily|nowadays|at the moment"
    r"|right now))+$", "", what)
    return (slot(verb, bool(_NOW.search(sentence))), what) if 0 < len(what.split()) <= 4 else ("", "")


def chinese(rest: str) -> tuple[str, str]:
    """The slot and the value of what follows 我; empty for neither."""
    found = _CHINESE.match(rest)
    if found is None or _NOTHING_ZH.match(found["what"]):
        return "", ""
    return slot(found["verb"], bool(_NOW_ZH.search(rest))), found["what"].strip("《》 ")


def slot(verb: str, now: bool) -> str:
    """The attribute of a verb; with ``now`` one that leaves no other value beside it."""
    return f"{_SLOT}{verb}{'!' if now else ''}"


def verb_of(attribute: str) -> str:
    """The verb of such an attribute, '' for any other."""
    return attribute.removeprefix(_SLOT).rstrip("!") if attribute.startswith(_SLOT) else ""


def replaces(attribute: str) -> bool:
    """Whether a value of this attribute is the only one from now on."""
    return attribute.startswith(_SLOT) and attribute.endswith("!")


def asked(question: str) -> set[str]:
    """The attributes of the verbs in a question."""
    verbs = [_ING.get(word.casefold(), word.casefold()) for word in _ASKED_EN.findall(question)]
    return {slot(verb, False) for verb in [*verbs, *_ASKED_ZH.findall(question)]}
