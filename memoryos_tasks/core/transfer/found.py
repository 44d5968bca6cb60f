"""What a document that is imported holds: messages, facts, and what cannot be taken."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from memoryos_tasks.core.events import ROLES, Role

#: Longest id, name or session, in characters.
ID_LENGTH = 256
#: Longest text of one message, in characters.
MOST_TEXT = 200_000
#: Times lie between the years 1 and 9999; seconds since the epoch.
EARLIEST, LATEST = -62135596800.0, 253402300799.0


class Unfit(ValueError):
    """A part of a document that cannot be taken; the message says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message to journal. ``timestamp`` is in seconds since the epoch, UTC; None where the document has none."""

    event_id: str
    role: Role
    content: str
    timestamp: float | None = None
    session: str = "default"
    assistant: str = "default"
    name: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Belief:
    """A fact to believe, as our own document has it (see :mod:`memoryos_tasks.core.transfer.document`)."""

    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A fact that its owner deleted: the ids of the events that it came from, and of its point."""

    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A part that is not taken: where it stands and why, without its words."""

    where: str
    reason: str


Found = Message | Belief | Forgotten | Skipped


def mark(kind: str, *parts: object) -> str:
    """An event id out of what is told: the same parts give the same id, so that a second import changes nothing."""
    said = json.dumps(parts, ensure_ascii=False, default=str)
    return f"{kind}-{hashlib.blake2b(said.encode('utf-8', 'surrogatepass'), digest_size=12).hexdigest()}"


def role_of(value: object) -> Role:
    """A role as the journal knows it. Raises :class:`Unfit`."""
    if value in ("developer", "system"):
        return "system"
    for role in ROLES:
        if value == role:
            return role
    raise Unfit("role: is not a known role; use user, assistant, system or tool")


def text_of(value: object, what: str = "content") -> str:
    """A text that can be stored. Raises :class:`Unfit`."""
    if isinstance(value, list):
        parts = [part.get("text") for part in value if isinstance(part, dict)]
        value = "\n".join(part for part in parts if isinstance(part, str))
    if not isinstance(value, str) or not value.strip():
        raise Unfit(f"{what}: is missing or holds no text")
    if len(value) > MOST_TEXT:
        raise Unfit(f"{what}: has {len(value)} characters; at most {MOST_TEXT} are taken")
    return whole(value, what)


def whole(value: str, what: str) -> str:
    """The text, if it holds no half of a surrogate pair. Raises :class:`Unfit`."""
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise Unfit(f"{what}: holds half of a surrogate pair, which is not text")
    return value


def id_of(value: object, what: str) -> str:
    """An id that can be stored and shown. Raises :class:`Unfit`."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip() or len(value) > ID_LENGTH:
        raise Unfit(f"{what}: must be 1 to {ID_LENGTH} characters")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in value):
        raise Unfit(f"{what}: must not hold control characters")
    return value


def time_of(value: object, what: str = "timestamp") -> float | None:
    """Seconds since the epoch, of a number or an ISO 8601 text (UTC where it names no zone); None of None.

    Raises :class:`Unfit`.
    """
    if value is None or value == "":
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not EARLIEST <= value <= LATEST:
            raise Unfit(f"{what}: is out of range; it counts in seconds")
        return float(value)
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value.strip())
            return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            pass
    raise Unfit(f"{what}: must be seconds since the epoch or an ISO 8601 time")


def plain(value: object) -> Mapping[str, Any]:
    """Metadata that can be stored: an object whose texts are whole. Raises :class:`Unfit`."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unfit("metadata: must be an object")
    whole(json.dumps(value, ensure_ascii=False), "metadata")
    return value
