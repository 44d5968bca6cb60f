"""What one chat adds to memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memoryos_tasks.core import chat as messages
from memoryos_tasks.core.completion import said
from memoryos_tasks.core.events import Event
from memoryos_tasks.ports.ledger import Job

#: Characters of one message that are remembered: a pasted file is for its question, not for every later one.
MOST_REMEMBERED = 100_000


def exchange(job: Job, completion: Mapping[str, Any], now: float) -> list[Event]:
    """The events of a chat: the request's new messages and the reply, which came at ``now`` (seconds)."""
    said_before = [
        (str(message["role"]), messages.text_of(message.get("content")), message.get("name"))
        for message in messages.new_messages(job.request["body"]["messages"])
    ]
    rows = [*said_before, ("assistant", said(completion), None)]
    return [
        _event(job, index, role, content, name, now)
        for index, (role, content, name) in enumerate(rows)
        if content.strip()
    ]


def _event(job: Job, index: int, role: str, content: str, name: str | None, now: float) -> Event:
    return Event(
        owner=job.owner,
        event_id=f"{job.id}:{index}",
        role=role,  # type: ignore[arg-type]
        content=content[:MOST_REMEMBERED],
        timestamp=now if role == "assistant" else job.created_at,
        session=str(job.request.get("session") or "default"),
        assistant=str(job.request.get("assistant") or "default"),
        name=name if isinstance(name, str) and name else None,
    )
