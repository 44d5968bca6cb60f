"""Memories that another system has distilled: kept as what was told, and believed as they stand."""

from __future__ import annotations

from collections.abc import Iterator

from memoryos_tasks.core.claims import USER
from memoryos_tasks.core.items import Kind
from memoryos_tasks.core.transfer.found import Belief, Found, Message

#: The attribute of a fact that fills no slot: any number of notes stand beside each other.
NOTE = "note"


def note(event_id: str, text: str, at: float | None, session: str) -> Iterator[Found]:
    """The event that a memory becomes, and the fact whose source that event is; without a time it holds since ever."""
    yield Message(event_id, "system", text, at, session=session, metadata={"imported": session})
    yield Belief(
        {
            "id": event_id,
            "kind": Kind.KNOWLEDGE.value,
            "subject": USER,
            "attribute": NOTE,
            "value": text,
            "content": text,
            "sources": [event_id],
            "valid_from": at or 0.0,
            "many": True,
        }
    )
