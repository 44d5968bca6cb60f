"""Dead letters as text for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

_COLUMNS = ("id", "age", "kind", "tries", "tenant", "subject", "reason")


def table(letters: Sequence[Mapping[str, Any]], *, now: float) -> Iterator[str]:
    """One line a letter under a line of headings."""
    rows = [_COLUMNS, *(_row(letter, now) for letter in letters)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_COLUMNS))]
    for number, row in enumerate(rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        yield line if number else line.upper()


def _row(letter: Mapping[str, Any], now: float) -> tuple[str, ...]:
    reason = str(letter["reason"]) + (" (being replayed)" if letter["replaying"] else "")
    age = _age(now - float(letter["last_seen"]))
    return (str(letter["id"]), age, str(letter["kind"]), str(letter["attempts"]), str(letter["tenant"] or "-"),
            _plain(str(letter["subject"] or "-")), reason)


def full(letter: Mapping[str, Any]) -> Iterator[str]:
    """All of one letter: what and why, where it failed, its headers, and the original if it is there."""
    yield f"{letter['id']}{'  (being replayed)' if letter['replaying'] else ''}"
    yield f"reason      {letter['reason']}: {_plain(str(letter['message']))}"
    for name, value in _facts(letter):
        if value not in ("", None):
            yield f"{name:10}  {_plain(str(value))}"
    if letter.get("traceback"):
        yield "traceback"
        yield from (f"  {line}" for line in str(letter["traceback"]).splitlines())
    if letter.get("headers"):
        yield "headers"
        yield from (f"  {name}: {_plain(json.dumps(value, ensure_ascii=False))}"
                    for name, value in letter["headers"].items() if value not in (None, "", {}))
    if "body" in letter:
        yield "body"
        yield from (f"  {line}" for line in _indented(str(letter["body"])).splitlines())
    else:
        yield "body        not shown; --payload shows it, with what the user wrote"


def _facts(letter: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in ("queue", "kind", "tenant", "subject", "task", "exception", "attempts"):
        yield name, letter[name]
    yield "first seen", _moment(letter["first_seen"])
    yield "last seen", _moment(letter["last_seen"])
    yield "request id", letter["request_id"]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(" ", "seconds") if seconds else ""


def _age(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(int(seconds), 0)}s"


def _indented(body: str) -> str:
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except ValueError:
        return "\n".join(_plain(line) for line in body.splitlines())


def _plain(text: str) -> str:
    """Without control characters, which could write to the terminal what is not there."""
    return "".join(character if character.isprintable() else "�" for character in text)
