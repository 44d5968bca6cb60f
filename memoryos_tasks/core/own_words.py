"""What an assistant says of itself: its name and what it promised."""

from __future__ import annotations

import re

from memoryos_tasks.core.claims import ASSISTANT, Claim
from memoryos_tasks.core.statements import statements

#: Most claims of one reply, and the longest promise in characters.
MOST, LONGEST = 5, 120
_PROMISE = re.compile(
    r"^(?:(?:sure|ok|okay|yes|of course|certainly|great|got it|no problem|noted|deal)\b[,.!\s]*)*"
    r"(?:I'll|I will|I promise (?:to|that I will|that I'll|I will|I'll)|I am going to|I'm going to) "
    r"(?P<what>(?:always |never |also )?(?:remind|remember|call|check|send|write|keep|stop|avoid|use|answer"
    r"|reply|follow"
    r"|prepare|look|book|tell|get back|update|make sure|note|speak|address|refer)\b.*)$",
    re.IGNORECASE,
)
_PROMISE_ZH = re.compile(
    r"^(?:(?:好的?|当然|没问题|可以|行|明白了?|收到)[，,！!。\s]*)*我(?:会|保证会?|答应你?|一定会?|以后会?)"
    r"(?P<what>(?:在.{1,12})?(?:提醒|记住|记得|帮你|给你|发|准备|查|告诉|避免|不再|用|称呼|叫你).{1,60})$"
)
#: What is said to be polite.
_EMPTY = re.compile(
    r"^(?:remember|note|keep|do|use|check|write|look) (?:it|that|this|them|you|(?:that|it"
    r"|this) in mind)(?: down)?$|^记住(?:了|的|它|这个)?$",
    re.IGNORECASE,
)
_HINT = re.compile(r"\bI['’]ll\b|\bI will\b|\bI promise\b|going to|my name is|call me|called|我.{0,4}会|我保证"
r"|我答应|我叫|叫我|我的名字")
_NAME = re.compile(r"\b(?i:my name is|you can call me|I am called|I'm called) (?P<name>[A-Z][\w'-]+)")
_NAME_ZH = re.compile(r"(?:我叫|我的名字是|你可以叫我)(?P<name>[\u4e00-\u9fffA-Za-z]{1,6})$")


def claims(text: str) -> list[Claim]:
    """The claims of a reply about its author."""
    if not _HINT.search(text):
        return []
    found: list[Claim] = []
    for statement in statements(text):
        plain = statement.replace("’", "'")
        chinese = "我" in plain
        promise = _PROMISE.match(plain) or _PROMISE_ZH.match(plain)
        if promise and len(promise["what"]) <= LONGEST and not _EMPTY.match(promise["what"]):
            found.append(Claim(ASSISTANT, "promise", promise["what"].strip(), chinese=chinese))
        elif name := _NAME.search(plain) or _NAME_ZH.search(plain):
            found.append(Claim(ASSISTANT, "name", name["name"], chinese=chinese))
    return found[:MOST]
