"""Our own document as a page to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any


def markdown(document: Mapping[str, Any]) -> str:
    """The document in Markdown: what is believed, what was believed before, and what was said, by session."""
    facts: Sequence[Mapping[str, Any]] = document["facts"]
    lines = [f"# Memory of {_inline(document['user_id'])}", "", f"Exported {document['exported_at']}.", ""]
    believed = [fact for fact in facts if fact["valid_to"] is None]
    former = [fact for fact in facts if fact["valid_to"] is not None]
    lines += ["## What is believed", "", *(_fact(fact) for fact in believed), ""]
    if former:
        lines += ["## What was believed before", "", *(_fact(fact) for fact in former), ""]
    if document["segments"]:
        lines += ["## Topics", "", *(f"- {_inline(row['content'])}" for row in document["segments"]), ""]
    sessions: dict[str, list[Mapping[str, Any]]] = {}
    for event in document["events"]:
        sessions.setdefault(event["session_id"], []).append(event)
    for session, events in sessions.items():
        lines += [f"## Session {_inline(session)}", "", *(_event(event) for event in events if event["content"]), ""]
    return "\n".join(lines)


def _fact(fact: Mapping[str, Any]) -> str:
    until = "" if fact["valid_to"] is None else f" to {_day(fact['valid_to'])}"
    return f"- {_inline(fact['content'])} ({_inline(fact['attribute'])}; since {_day(fact['valid_from'])}{until})"


def _event(event: Mapping[str, Any]) -> str:
    who = _inline(event["name"] or event["role"])
    return f"- {_time(event['timestamp'])} **{who}**: {_inline(event['content'])}"


def _day(seconds: float) -> str:
    return _time(seconds)[:10]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _inline(text: str) -> str:
    """A text in one line, with what Markdown would read as marks kept as it stands."""
    said = " ".join(str(text).split())
    return "".join(f"\\{char}" if char in "\\`*_[]<>#|" else char for char in said)
