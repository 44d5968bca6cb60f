"""Owners and events: whose memory it is, and what entered it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

Role = Literal["user", "assistant", "system", "tool"]
ROLES: tuple[Role, ...] = ("user", "assistant", "system", "tool")

#: Namespace of every id that is derived from (tenant, user, event_id).
NAMESPACE = uuid.UUID("6e0e2a2e-7c63-5d5c-9d0b-0f6b6f1d5a11")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose memory: the tenant of the API key and the user."""

    tenant: str
    user: str

    def derive(self, kind: str, *parts: str) -> str:
        """A stable UUID for a thing of this owner: the same parts give the same id."""
        return _derived(kind, self.tenant, self.user, *parts)


# The events of a session are asked for again with every question.
@lru_cache(maxsize=65_536)
def _derived(*parts: str) -> str:
    return str(uuid.uuid5(NAMESPACE, json.dumps(parts, ensure_ascii=False)))


@dataclass(frozen=True, slots=True)
class Event:
    """One message as it entered the journal. ``timestamp`` is in seconds since the epoch, UTC."""

    owner: Owner
    event_id: str
    role: Role
    content: str
    timestamp: float
    session: str = "default"
    assistant: str = "default"
    name: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    #: The tenant's sequence number; 0 until the journal has given one.
    seq: int = 0

    @property
    def turn_id(self) -> str:
        """The id of this event's turn in the vector store."""
        return self.owner.derive("turn", self.event_id)

    @property
    def digest(self) -> str:
        """What makes two events with one id the same event: role, name, session and content."""
        said = json.dumps([self.role, self.name, self.session, self.content], ensure_ascii=False)
        return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()
