"""Events with what a test does not care about filled in."""

from __future__ import annotations

from typing import Any

from memoryos_tasks.core.events import Event, Owner


def make_event(owner: Owner, event_id: str, content: str, **fields: Any) -> Event:
    """A message of the user unless ``fields`` say otherwise."""
    role, timestamp = fields.pop("role", "user"), fields.pop("timestamp", 1_700_000_000.0)
    return Event(owner, event_id, role, content, timestamp, **fields)
