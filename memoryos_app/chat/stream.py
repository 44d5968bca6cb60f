"""A run as server-sent events: the same bytes for who waits for it and for who replays it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from memoryos_app.chat.run import lost
from memoryos_app.errors import public
from memoryos_app.gone import ClientGone
from memoryos_tasks.core.errors import MemoryOSError
from memoryos_tasks.ports.runs import Message, Saying

#: Silence before the first and before each further heartbeat, in seconds.
FIRST_BEAT, BEAT = 1.0, 10.0
HEARTBEAT = ": still here\n\n"
MIMETYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def event(id: str, data: str) -> str:
    """One event; ``id`` is left out when the message has no place in the run's stream."""
    return f"id: {id}\ndata: {data}\n\n" if id else f"data: {data}\n\n"


def text(data: Mapping[str, Any]) -> str:
    """JSON on one line, as an event's data must be."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def events(
    batches: Iterable[Sequence[Message]], *, chunked: bool, first_beat: float = FIRST_BEAT
) -> Iterator[str]:
    """The events of a run, those of one batch together, with heartbeats in its silences.

    ``chunked`` says that the client expects completion chunks, so a whole answer that comes instead (the
    stream was lost, the ledger kept the result) is told as one chunk, if none was sent before.
    """
    spoke, beat_at = 0, time.monotonic() + first_beat
    try:
        for batch in batches:
            if not batch:
                if time.monotonic() >= beat_at:
                    beat_at = time.monotonic() + BEAT
                    yield HEARTBEAT
                continue
            beat_at = time.monotonic() + FIRST_BEAT
            told: list[str] = []
            for message in batch:
                if message.saying is Saying.CHUNK:
                    spoke += 1
                    told.append(event(message.id, message.text))
                elif message.saying is Saying.ERROR:
                    told.append(event(message.id, text(public(message.data))))
                elif message.saying is Saying.DONE:
                    told += _done(message, chunked, spoke)
            if told:
                yield "".join(told)
    except ClientGone:
        return
    except MemoryOSError as error:
        yield event("", text(public(error.described())))


def _done(message: Message, chunked: bool, spoke: int) -> Iterator[str]:
    if message.data and chunked:
        if spoke:
            yield event("", text(public(lost().data)))
            return
        yield event("", text(as_chunk(message.data)))
    elif message.data:
        yield event("", text(message.data))
    yield event(message.id, "[DONE]")


def as_chunk(completion: Mapping[str, Any]) -> dict[str, Any]:
    """A ``chat.completion`` as one ``chat.completion.chunk`` that says the same."""
    choices = [
        {
            "index": choice.get("index", index),
            "delta": _delta(choice.get("message") or {}),
            "finish_reason": choice.get("finish_reason"),
        }
        for index, choice in enumerate(completion.get("choices") or ())
    ]
    return {**completion, "object": "chat.completion.chunk", "choices": choices}


def _delta(message: Mapping[str, Any]) -> dict[str, Any]:
    delta = dict(message)
    if isinstance(delta.get("tool_calls"), list):
        # A chunk numbers its tool calls; a whole message does not.
        delta["tool_calls"] = [{"index": index, **call} for index, call in enumerate(delta["tool_calls"])]
    return delta
