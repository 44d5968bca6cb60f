"""Files of the LoCoMo benchmark: long conversations of two people, with questions and their evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

#: Category 5 asks about what the conversation does not say.
ANSWERABLE = (1, 2, 3, 4)

_SESSION = re.compile(r"session_(\d+)")
_EVIDENCE = re.compile(r"D:?(\d+):0*(\d+)")


@dataclass(frozen=True, slots=True)
class Question:
    """One question and the event ids of the turns that answer it."""

    text: str
    evidence: frozenset[str]
    category: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One conversation. ``unusable`` counts pieces of evidence that name no turn of it."""

    id: str
    messages: tuple[dict[str, Any], ...]
    questions: tuple[Question, ...]
    unusable: int


def is_locomo(said: object) -> bool:
    """Whether this JSON looks like such a file."""
    return bool(isinstance(said, list) and said
                and all(isinstance(each, dict) and isinstance(each.get("conversation"), dict) for each in said))


def read_samples(said: list[dict[str, Any]]) -> list[Sample]:
    """The samples of a file; one without an id is named by its place."""
    return [_sample(str(each.get("sample_id") or f"sample-{number}"), each) for number, each in enumerate(said, 1)]


def _sample(name: str, each: dict[str, Any]) -> Sample:
    messages = tuple(_turns(name, each["conversation"]))
    known = {message["event_id"] for message in messages}
    questions, unusable = [], 0
    for asked in each.get("qa", []):
        if asked.get("category") not in ANSWERABLE:
            continue
        named, broken = evidence(asked.get("evidence") or [])
        found = frozenset(f"{name}:{dia}" for dia in named) & known
        unusable += broken + len(named) - len(found)
        if found:
            questions.append(Question(str(asked["question"]), found, int(asked["category"])))
    return Sample(name, messages, tuple(questions), unusable)


def evidence(raw: list[str]) -> tuple[set[str], int]:
    """The turn ids in these strings, as ``D1:2``, and how many strings hold none.

    One string may hold several, with semicolons or blanks between them; leading zeros and a colon too many occur.
    """
    found: set[str] = set()
    broken = 0
    for text in raw:
        ids = {f"D{int(session)}:{turn}" for session, turn in _EVIDENCE.findall(str(text))}
        broken += not ids
        found |= ids
    return found, broken


def _turns(name: str, conversation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    sessions = sorted((int(found[1]), key) for key in conversation if (found := _SESSION.fullmatch(key)))
    for _, key in sessions:
        start = moment(str(conversation.get(f"{key}_date_time", "")))
        for place, turn in enumerate(conversation[key]):
            content = str(turn.get("text") or "").strip()
            if turn.get("blip_caption"):
                content = f"{content} [image: {turn['blip_caption']}]".strip()
            if content:
                message = {"event_id": f"{name}:{turn['dia_id']}", "role": "user", "name": str(turn["speaker"]),
                           "content": content, "session_id": key}
                # Turns carry no time of their own; a second each keeps their order.
                yield message if start is None else {**message, "timestamp": start + place}


def moment(text: str) -> float | None:
    """``1:56 pm on 8 May, 2023`` in seconds since the epoch, read as UTC; None for anything else."""
    try:
        return datetime.strptime(text.strip().upper(), "%I:%M %p ON %d %B, %Y").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
