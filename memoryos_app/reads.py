"""Reads of memory: asked of a worker, answered through the inbox; nothing is ledgered."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

from flask import g, request

from memoryos_app.chat.run import Run
from memoryos_app.errors import RunFailed
from memoryos_app.gone import detector
from memoryos_app.parts import Parts
from memoryos_tasks.core.errors import TrafficDown, Unavailable
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.runs import Saying

#: Reads are interactive: they go with the chats.
QUEUE = "chat"


def read(parts: Parts, owner: Owner, kind: str, query: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer of ``memory.{kind}``.

    Raises :class:`TrafficDown`, :class:`RunFailed`, and :class:`Unavailable` when no worker answered in time.
    """
    if not parts.watch.state.traffic:
        raise TrafficDown(retry_after=1)
    seconds = parts.settings().gateway.retrieve_deadline
    ask_id = f"ask_{uuid.uuid4().hex}"
    ear = parts.inbox.listen(owner, ask_id)
    run = Run(parts, owner, ask_id, ear, until=time.monotonic() + seconds, ledgered=False, watched=False)
    try:
        asked = {
            "kind": kind,
            "inbox": parts.inbox.id,
            "request_id": g.request_id,
            "deadline": time.time() + seconds,
        }
        parts.runs.ask(owner, ask_id, {**asked, **query})
        parts.doorbell.ring(
            f"memory.{kind}",
            (owner.tenant, ask_id),
            queue=QUEUE,
            task_id=ask_id,
            request_id=g.request_id,
            expires=seconds,
        )
        for message in run.messages(detector(request.environ)):
            if message is not None and message.saying is Saying.DONE:
                return message.data
            if message is not None and message.saying is Saying.ERROR:
                if message.data.get("code") == "deadline_exceeded":
                    raise Unavailable(
                        f"Memory did not answer within {seconds:g} s; try again.", retry_after=1
                    )
                raise RunFailed(message.data)
    finally:
        run.close()
    raise AssertionError("a run's messages end with a terminal one")
