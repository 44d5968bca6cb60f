"""Writes to memory: journaled before they are acknowledged, applied by a worker."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import g, request

from memoryos_app.chat.run import Run
from memoryos_app.gone import ClientGone, detector
from memoryos_app.parts import Parts
from memoryos_tasks.core.errors import EventConflict, TrafficDown, TruthDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.ports.journal import Receipt
from memoryos_tasks.ports.runs import Saying

TASK, QUEUE = "memory.ingest", "memory"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The HTTP status and body of an add."""

    status: int
    body: Mapping[str, Any]
    job_id: str | None = None


def events_of(owner: Owner, asked: Mapping[str, Any]) -> list[Event]:
    """The events of a checked add request; outer fields are defaults."""
    now = time.time()
    messages = asked.get("messages") or [asked]
    return [_event(owner, {**asked, **message}, now) for message in messages]


def _event(owner: Owner, said: Mapping[str, Any], now: float) -> Event:
    return Event(
        owner=owner,
        event_id=said.get("event_id") or uuid.uuid4().hex,
        role="system" if said["role"] == "developer" else said["role"],
        content=said["content"],
        timestamp=said.get("timestamp", now),
        session=said["session_id"],
        assistant=said["assistant_id"],
        name=said.get("name"),
        metadata=said.get("metadata") or {},
    )


def add(parts: Parts, owner: Owner, events: list[Event]) -> Outcome:
    """Journal the events and wait a moment for them to be applied.

    Raises :class:`EventConflict` and :class:`QueueFull`, and then nothing was written; and :class:`TruthDown`, and
    then it is unknown: sent again with the same event ids, they are written once.
    """
    if not parts.watch.state.truth:
        raise TruthDown(retry_after=1)
    fresh, repeated = _once(events)
    wait = parts.watch.state.traffic and not parts.settings().memory.async_pipeline
    inbox = parts.inbox.id if wait else ""
    receipt = parts.journal.append(owner, fresh, inbox=inbox, request_id=g.request_id)
    new = set(receipt.event_ids)
    body = {
        "event_ids": [event.event_id for event in fresh if event.event_id in new],
        "duplicates": [*receipt.duplicates, *repeated],
    }
    if receipt.job_id is None:
        return Outcome(200, {"status": "duplicate", **body})
    if rung(parts, receipt) and wait and _applied(parts, owner, receipt.job_id):
        return Outcome(200, {"status": "ok", **body}, receipt.job_id)
    return Outcome(202, {"status": "accepted", **body, "job_id": receipt.job_id}, receipt.job_id)


def _once(events: list[Event]) -> tuple[list[Event], list[str]]:
    """Each event once, and the ids that came again; one id with two contents is a conflict."""
    seen: dict[str, Event] = {}
    repeated: list[str] = []
    for index, event in enumerate(events):
        before = seen.setdefault(event.event_id, event)
        if before is event:
            continue
        if before.digest != event.digest:
            raise EventConflict(
                f"messages[{index}].event_id: {event.event_id!r} stands twice in this request with other "
                "content; nothing was applied.",
                param=f"messages[{index}].event_id",
            )
        repeated.append(event.event_id)
    return list(seen.values()), repeated


def rung(parts: Parts, receipt: Receipt) -> bool:
    """Whether a bell is on its way; when not, the sweeper finds the journaled events anyway."""
    if not parts.watch.state.traffic:
        return False
    if not receipt.ring:
        return True
    try:
        parts.doorbell.ring(TASK, (), queue=QUEUE, task_id=receipt.job_id or "", request_id=g.request_id)
    except TrafficDown:
        parts.watch.traffic_failed()
        return False
    return True


def _applied(parts: Parts, owner: Owner, job_id: str) -> bool:
    seconds = parts.settings().gateway.add_deadline
    ear = parts.inbox.listen(owner, job_id)
    run = Run(parts, owner, job_id, ear, until=time.monotonic() + seconds, watched=False)
    try:
        for message in run.messages(detector(request.environ)):
            if message is not None and message.terminal:
                return message.saying is Saying.DONE
    except ClientGone:
        pass
    finally:
        run.close()
    return False
