"""Conversations in files: a JSON list, JSON lines, or plain ``Speaker: text`` lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memoryos_app.cli.locomo import is_locomo, read_samples
from memoryos_tasks.core.transfer.transcript import ROLES, spoken

#: A message as ``POST /v1/memory/add`` takes it.
Message = dict[str, Any]

_FIELDS = ("role", "content", "event_id", "name", "timestamp", "session_id", "assistant_id", "metadata")


class Unreadable(ValueError):
    """The file is none of the known kinds; the message says where in it and why."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages, oldest first, of one user: the given one, or with ``suffix`` one of their own."""

    suffix: str
    messages: tuple[Message, ...]


def read_file(path: Path) -> list[Conversation]:
    """The conversations of a file. Every message has an ``event_id``, made from the content of the file where the
    file gives none, so that loading it twice has no second effect. Raises :class:`Unreadable`.
    """
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not UTF-8 text ({error.reason} at byte {error.start})") from error
    said = _json(text)
    if is_locomo(said):
        return _locomo(said)
    messages = _messages(said) if said is not None else _plain(text)
    if not messages:
        raise Unreadable("holds no messages. Give a JSON list or lines of {role, content}, "
                         "or lines of 'Speaker: text'.")
    mark = hashlib.blake2b(raw, digest_size=8).hexdigest()
    return [Conversation("", tuple({"event_id": f"{mark}:{n}", **message} for n, message in enumerate(messages)))]


def _locomo(said: list[dict[str, Any]]) -> list[Conversation]:
    try:
        found = [Conversation(f"-{sample.id}", sample.messages) for sample in read_samples(said)]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"is not a whole LoCoMo file ({type(error).__name__}: {error})") from error
    if not any(each.messages for each in found):
        raise Unreadable("is a LoCoMo file without a single turn")
    return found


def _json(text: str) -> Any:
    """The JSON document, or the list of JSON lines, or None when it is neither."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines or not lines[0][1].lstrip().startswith("{"):
        return None
    found = []
    for number, line in lines:
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise Unreadable(f"line {number}: is not JSON ({error})") from error
    return found


def _messages(said: Any) -> list[Message]:
    if isinstance(said, dict):
        said = said.get("messages", [said])
    if not isinstance(said, list):
        raise Unreadable("the JSON is not a list of messages")
    return [_message(number, each) for number, each in enumerate(said, 1)]


def _message(number: int, each: Any) -> Message:
    if not isinstance(each, dict) or not isinstance(each.get("content"), str) or not isinstance(each.get("role"), str):
        raise Unreadable(f"message {number}: needs a role and a content, both strings")
    return {key: each[key] for key in _FIELDS if each.get(key) is not None}


def _plain(text: str) -> list[Message]:
    """A line without a speaker goes on with the message before it; known words are roles, other speakers are names."""
    messages: list[Message] = []
    for line in text.splitlines():
        found = spoken(line)
        if found:
            at = {} if found.at is None else {"timestamp": found.at}
            messages.append({**_speaker(found.speaker), "content": found.words, **at})
        elif messages and line.strip():
            messages[-1]["content"] = f"{messages[-1]['content']}\n{line.strip()}".strip()
        elif line.strip():
            raise Unreadable(f"{line.strip()[:60]!r} comes before any 'Speaker: text' line")
    return [message for message in messages if message["content"]]


def _speaker(name: str) -> Message:
    role = ROLES.get(name.lower())
    return {"role": role} if role else {"role": "user", "name": name}


def batches(messages: Iterable[Message], count: int = 100, size: int = 400_000) -> Iterable[list[Message]]:
    """Runs of at most ``count`` messages and about ``size`` bytes, in order."""
    batch: list[Message] = []
    weight = 0
    for message in messages:
        heavy = len(json.dumps(message))
        if batch and (len(batch) >= count or weight + heavy > size):
            yield batch
            batch, weight = [], 0
        batch.append(message)
        weight += heavy
    if batch:
        yield batch
