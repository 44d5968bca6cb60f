"""Corrections that name only the right value: "Sorry, I meant Milan", "不对，是上海"."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from memoryos_tasks.core.claims import Claim
from memoryos_tasks.core.words_en import is_everyday
from memoryos_tasks.core.words_zh import COUNTRIES, PLACES

_HAN = re.compile(r"[\u4e00-\u9fff]")
_SORRY = (
    r"(?:oh|oops|no|nope|wait|sorry|actually|correction|my mistake|my bad|scratch that|不对|不是|抱歉"
    r"|对不起|哦|啊)"
)
_MEANT = re.compile(
    r"(?:^|[,;，；。]\s*|\s+)(?:" + _SORRY + r"[\s,，.!！:：]*)*"
    r"(?:I meant(?: to say)?|我(?:是说|的意思是|指的是|说的是|想说的是))[,，:：\s]*"
    r"(?P<value>(?-i:(?!I\b)[A-Z\d\u4e00-\u9fff])[^,，.。!！]{0,40})$",
    re.IGNORECASE,
)
#: Words that only a correction begins with, and then the value alone.
_RATHER = re.compile(
    r"^(?:(?:oh|oops|no|nope|wait|sorry|ah|uh|哦|啊|抱歉|对不起|不好意思)[\s,，.!！]*)*"
    r"(?:(?:correction|my mistake|my bad|scratch that|make (?:that|it)|(?:no|wait|sorry|oops|actually no)(?=[,.!: —-]"
    r"+(?:it is|it's|that's|that is|the|make|rather))"
    r"|I (?:misspoke|mistyped|got (?:that|it) wrong)|I made a (?:mistake|typo)"
    r"|不对|不是|(?:我|刚才|刚刚)*(?:说错|打错|写错|记错|搞错|弄错)了?|错了|更正(?:一下)?|纠正(?:一下)?|口误)"
    r"[\s,，.!！:：;；—-]*)+"
    r"(?:(?:it is|it's|it should be|that's|that is|rather|make that)\s+|应该是|其实是|而是|是|改成)?"
    r"(?:at |on |in |the (?=\d))*(?P<value>[^,，.。!！;；]{1,40}?)(?:[,，;；](?:\s*(?:not|rather than|instead of"
    r"|不是|我|到|不在)[^。]{0,30}))?$",
    re.IGNORECASE,
)
#: A word of every correction.
_HINT = re.compile(
    r"\bmeant\b|^\W*(?:oh|oops|no|nope|wait|sorry|ah|uh|correction|my (?:mistake|bad)|scratch|make|actually"
    r"|I (?:mis|got|made))"
    r"|意思|指的|说的|是说|想说|不对|不是|错|更正|纠正|口误",
    re.IGNORECASE,
)
_NO_VALUE = re.compile(
    r"^(?:I|we|my|he|she|they|you|what|that|this|thanks|thank|never|not|我|你|他|她|这|那|没|不|谢)\b|^(?:我|你"
    r"|他|她|这|没|不|谢)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Right:
    """The value that was meant, and what the same sentence said before it ('' for nothing)."""

    value: str
    said: str = ""
    #: Whether only a correction speaks so.
    sure: bool = False


def meant(statement: str) -> Right | None:
    """What a statement puts right; None for one that does not."""
    if not _HINT.search(statement):
        return None
    found = _MEANT.search(statement)
    if found:
        return Right(found["value"].strip(), statement[: found.start()])
    found = _RATHER.match(statement)
    if found and not _NO_VALUE.match(found["value"].strip()):
        return Right(found["value"].strip(), sure=True)
    return None


def corrected(right: Right, said: Sequence[str], claims_of: Callable[[str], list[Claim]]) -> list[Claim]:
    """The last claim of what was ``said`` that the right value fits, with that value.

    It must be of a slot with one value, and the rules must find the same slot in the sentence with the value put in.
    """
    for sentence in reversed(said):
        for old in reversed(claims_of(sentence)):
            if old.many or old.value not in sentence or not _fits(right, old.value):
                continue
            start, _, end = sentence.rpartition(old.value)
            slot = (old.subject, old.attribute)
            new = [one for one in claims_of(start + right.value + end) if (one.subject, one.attribute) == slot]
            if new:
                return new
        if not right.sure:
            break
    return []


def _fits(right: Right, old: str) -> bool:
    value = right.value
    if bool(re.search(r"\d", value)) != bool(re.search(r"\d", old)):
        return False
    if right.sure:
        return len(value) <= max(12, 3 * len(old)) and not is_everyday(value)
    return value in PLACES | COUNTRIES if _HAN.search(value) else not is_everyday(value)
