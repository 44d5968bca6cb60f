"""Plain transcripts: lines ``Name: text``, or a JSON list of {role, content, …}."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from memoryos_tasks.core.events import Role
from memoryos_tasks.core.transfer.found import (
    Found,
    Message,
    Skipped,
    Unfit,
    id_of,
    mark,
    plain,
    role_of,
    text_of,
    time_of,
)
from memoryos_tasks.core.transfer.stream import Path

#: The session of messages that name none.
SESSION = "transcript"
#: Words before a colon that name a role; any other is the name of a user.
ROLES: Mapping[str, Role] = {
    "user": "user", "human": "user", "用户": "user", "assistant": "assistant", "ai": "assistant", "bot": "assistant",
    "助手": "assistant", "助理": "assistant", "system": "system", "系统": "system", "tool": "tool", "工具": "tool",
}  # fmt: skip
#: A line that begins with a speaker.
LINE = re.compile(r"^\s*([^\s:：][^:：]{0,39}?)\s*[:：](?!//)\s*(.*)$")
#: Longest message that lines without a speaker may add up to, in characters.
_MOST = 100_000


def opens(path: Path) -> bool:
    """One message after the other."""
    return len(path) == 0 or path == ("messages",)


def read(path: Path, value: Any) -> Iterator[Found]:
    """What one part of a JSON transcript says; a transcript that is one text is read line by line."""
    if not path and isinstance(value, str):
        yield from plain_lines(value.splitlines())
    elif path and isinstance(path[-1], int):
        yield _message(path[-1], value)
    elif value != []:
        yield Skipped(".".join(map(str, path)) or "data", "is not a list of messages")


def plain_lines(lines: Iterable[str]) -> Iterator[Found]:
    """The messages of lines ``Name: text``; a line without a speaker goes on with the message before it."""
    speaker, words, place, number = "", "", 0, 0
    for number, line in enumerate(lines, 1):
        found = LINE.match(line)
        if found and len(words) < _MOST:
            if words:
                yield _said(speaker, words, place)
            speaker, words, place = found[1], found[2], number
        elif line.strip() and speaker:
            words = f"{words}\n{line.strip()}".strip()
            if len(words) > _MOST:
                yield _said(speaker, words, place)
                words, place = "", number
        elif line.strip():
            yield Skipped(f"line {number}", "comes before any line 'Name: text'")
    if words:
        yield _said(speaker, words, place)


def _said(speaker: str, words: str, line: int) -> Found:
    role = ROLES.get(speaker.lower())
    try:
        name = None if role else id_of(speaker, "name")
        content = text_of(words)
    except Unfit as error:
        return Skipped(f"line {line}", str(error))
    # By its place too, since people repeat themselves; one that has grown at its end keeps the ids of its beginning.
    return Message(mark("transcript", line, speaker, content), role or "user", content, session=SESSION, name=name)


def _message(place: int, value: Any) -> Found:
    try:
        if not isinstance(value, Mapping):
            raise Unfit("must be an object with a role and a content")
        role, content = role_of(value.get("role")), text_of(value.get("content"))
        given, name = value.get("event_id"), value.get("name")
        return Message(
            event_id=mark("transcript", place, role, content) if given is None else id_of(given, "event_id"),
            role=role,
            content=content,
            timestamp=time_of(value.get("timestamp")),
            session=id_of(value.get("session_id") or SESSION, "session_id"),
            assistant=id_of(value.get("assistant_id") or "default", "assistant_id"),
            name=None if name is None else id_of(name, "name"),
            metadata=plain(value.get("metadata")),
        )
    except Unfit as error:
        return Skipped(f"messages[{place}]", str(error))
