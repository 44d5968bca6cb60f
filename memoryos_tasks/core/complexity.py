"""How hard a request looks: its length, and whether it is about code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from memoryos_tasks.core.chat import text_of
from memoryos_tasks.core.tokens import estimate

#: A fence, or a line that opens the way lines of programs do and prose does not.
_CODE = re.compile(
    r"^[ \t]*(?:```|~~~|(?:async )?def \w+\(|class \w+(?:\(.*\))?:|from [\w.]+ import |import [\w.{*]+[\w .,;{}*]*$"
    r"|#include *[<\"]|(?:public|private|static|protected) [\w<>\[\], ]+[({]|func \w*\(|fn \w+\(|package \w+;?$"
    r"|(?:const|let|var) \w+ *(?::.*)?=|(?:export )?(?:default )?(?:async )?function\b *\w*\(|</?\w+[^<>\n]*>$"
    r"|Traceback \(most recent call last\):|at [\w.$]+\([\w.]+:\d+\)"
    r"|(?:SELECT\b.+\bFROM|INSERT INTO|UPDATE \w+ SET|CREATE TABLE|DELETE FROM)\b)"
    r"|[;{]\s*\n\s*[\w}].*[;{}]\s*$",
    re.MULTILINE,
)
#: Characters of a message that are looked at for code.
MOST_READ = 20_000


def tokens(messages: Sequence[Mapping[str, Any]]) -> int:
    """About how many tokens the texts of a request have."""
    return sum(estimate(text_of(message.get("content"))) for message in messages)


def has_code(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the last user message holds code."""
    for message in reversed(messages):
        if message.get("role") == "user":
            return bool(_CODE.search(text_of(message.get("content"))[:MOST_READ]))
    return False
