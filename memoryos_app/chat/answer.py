"""Answers to a chat: whole, as a stream, or a promise."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

from flask import Response, jsonify

from memoryos_app import numbers
from memoryos_app.chat import stream
from memoryos_app.chat.ask import Asked
from memoryos_app.chat.request import ChatRequest
from memoryos_app.errors import RunFailed
from memoryos_tasks.ports.runs import Message, Saying

#: How long a stream's headers wait for its first chunk, so that an early error is a status; seconds.
#: A model that thinks longer gets its headers, and an error after that is an event.
HEADERS_WAIT = 10.0
#: The tier of the routing policy when the run does not say.
DEFAULT_TIER = "2"


def promise(job_id: str) -> Response:
    """202: the chat is queued."""
    response = jsonify({"id": job_id, "job_id": job_id, "status": "queued"})
    response.status_code = 202
    response.headers.update(
        {
            "Location": f"/v1/jobs/{job_id}",
            "Preference-Applied": "respond-async",
            "X-MemoryOS-Job": job_id,
        }
    )
    return response


def whole(asked: Asked, chat: ChatRequest, gone: Callable[[], bool]) -> Response:
    """Wait for the completion. Raises :class:`RunFailed`, :class:`ClientGone`."""
    started: dict[str, Any] = {}
    with closing(asked.run):
        for message in _timed(asked.run.messages(gone)):
            if message is None or message.saying is Saying.CHUNK:
                continue
            if message.saying is Saying.START:
                started.update(message.data)
            elif message.saying is Saying.ERROR:
                raise RunFailed(message.data)
            else:
                response = jsonify(message.data)
                response.headers.update(_facts(asked, chat, started))
                return response
    raise AssertionError("a run's messages end with a terminal one")


def streamed(asked: Asked, chat: ChatRequest, gone: Callable[[], bool]) -> Response:
    """Relay the chunks. An error before the first chunk is raised as :class:`RunFailed`."""
    messages = _timed(asked.run.messages(gone))
    started: dict[str, Any] = {}
    try:
        first = _first(messages, started)
        if first is not None and first.saying is Saying.ERROR:
            raise RunFailed(first.data)
    except BaseException:
        asked.run.close()
        raise
    rest = itertools.chain([first], messages)
    beat = 0.0 if first is None else stream.FIRST_BEAT
    response = Response(
        stream.events(rest, chunked=True, first_beat=beat), mimetype=stream.MIMETYPE, headers=stream.HEADERS
    )
    response.headers.update(_facts(asked, chat, started))
    response.call_on_close(asked.run.close)
    return response


def _first(messages: Iterator[Message | None], started: dict[str, Any]) -> Message | None:
    until = time.monotonic() + HEADERS_WAIT
    for message in messages:
        if message is None:
            if time.monotonic() >= until:
                return None
        elif message.saying is Saying.START:
            started.update(message.data)
        else:
            return message
    return None


def _timed(messages: Iterator[Message | None]) -> Iterator[Message | None]:
    """The same messages; the time to the first is measured."""
    began, spoke = time.perf_counter(), False
    for message in messages:
        if message is not None and not spoke:
            spoke = True
            numbers.FIRST_WORD.observe(time.perf_counter() - began)
        yield message


def _facts(asked: Asked, chat: ChatRequest, started: Mapping[str, Any]) -> dict[str, str]:
    facts = {"X-MemoryOS-Job": asked.run.job_id, "X-MemoryOS-Tier": str(started.get("tier") or DEFAULT_TIER)}
    missing = started.get("missing", ())
    # By now the store of record may be back: what counts is whether this exchange is remembered.
    if not asked.run.ledgered or "truth" in missing:
        facts["X-MemoryOS-Status"] = "degraded:truth"
    elif "vectors" in missing:
        facts["X-MemoryOS-Status"] = "degraded:vectors"
    if not chat.memory:
        facts["X-MemoryOS-Memory"] = "off"
    return facts
