"""Plain transcripts: lines ``Name: text``, maybe each after its time, or a JSON list of {role, content, …}."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

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
#: A time before the speaker: "[2024-05-01 10:00]", "2024/5/1 10:00:30 -", "2024年5月1日 10:00", "[10:00]".
STAMP = re.compile(
    r"^\s*[\[(（【]?(?:(?P<year>\d{4})\s?[-/.年]\s?(?P<month>\d{1,2})\s?[-/.月]\s?(?P<day>\d{1,2})日?"
    r"(?:[T ,，]\s*(?P<time>\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)\s?(?P<zone>Z|[+-]\d{2}:?\d{2})?)?"
    r"|(?<=[\[(（【])\d{1,2}:\d{2}(?::\d{2})?)[\])）】]?\s*[-–,，]?\s*(?P<rest>.*)$"
)
#: Longest message that lines without a speaker may add up to, in characters.
_MOST = 100_000


class Line(NamedTuple):
    """A line that begins with a speaker. ``at`` is its time in seconds since the epoch, None where it tells none."""

    speaker: str
    words: str
    at: float | None = None


def spoken(line: str) -> Line | None:
    """The line, read; None for one that goes on with the message before it. A time that names no zone is UTC."""
    stamp = STAMP.match(line)
    at = None
    if stamp and stamp["year"]:
        clock = stamp["time"] or "00:00"
        clock = clock if clock[2] == ":" else f"0{clock}"
        day = f"{stamp['year']}-{stamp['month']:0>2}-{stamp['day']:0>2}"
        try:
            at = time_of(f"{day}T{clock}{stamp['zone'] or ''}")
        except Unfit:
            stamp = None  # no such day: not a time after all
    found = LINE.match(stamp["rest"] if stamp else line)
    return Line(found[1], found[2], at) if found else None


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
    said, words, place = None, "", 0
    for number, line in enumerate(lines, 1):
        found = spoken(line)
        if found and len(words) < _MOST:
            if said and words:
                yield _said(said, words, place)
            said, words, place = found, found.words, number
        elif line.strip() and said:
            words = f"{words}\n{line.strip()}".strip()
            if len(words) > _MOST:
                yield _said(said, words, place)
                words, place = "", number
        elif line.strip():
            yield Skipped(f"line {number}", "comes before any line 'Name: text'")
    if said and words:
        yield _said(said, words, place)


def _said(said: Line, words: str, line: int) -> Found:
    role = ROLES.get(said.speaker.lower())
    try:
        name = None if role else id_of(said.speaker, "name")
        content = text_of(words)
    except Unfit as error:
        return Skipped(f"line {line}", str(error))
    # By its place too, since people repeat themselves; one that has grown at its end keeps the ids of its beginning.
    id = mark("transcript", line, said.speaker, content)
    return Message(id, role or "user", content, said.at, session=SESSION, name=name)


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
