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
from memoryos_app.models import named
from memoryos_app.parts import parts
from memoryos_tasks.core.routing import ROUTE
from memoryos_tasks.ports.runs import Message, Saying

#: How long a stream's headers wait for its first chunk, so that an early error is a status; seconds.
#: A model that thinks longer gets its headers, and an error after that is an event.
HEADERS_WAIT = 10.0


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
                raise _failed(asked, started, message.data)
            else:
                response = jsonify(message.data)
                response.headers.update(_facts(asked, chat, started))
                return response
    raise AssertionError("a run's messages end with a terminal one")


def streamed(asked: Asked, chat: ChatRequest, gone: Callable[[], bool]) -> Response:
    """Relay the chunks. An error before the first chunk is raised as :class:`RunFailed`."""
    batches = asked.run.batches(gone)
    started: dict[str, Any] = {}
    try:
        first = _first(batches, started)
        if first and first[0].saying is Saying.ERROR:
            raise _failed(asked, started, first[0].data)
    except BaseException:
        asked.run.close()
        raise
    rest = itertools.chain([first], batches)
    beat = stream.FIRST_BEAT if first else 0.0
    response = Response(
        stream.events(rest, chunked=True, first_beat=beat), mimetype=stream.MIMETYPE, headers=stream.HEADERS
    )
    response.headers.update(_facts(asked, chat, started))
    response.call_on_close(asked.run.close)
    return response


def _first(batches: Iterator[list[Message]], started: dict[str, Any]) -> list[Message]:
    """The first messages that are for the client; none when they let wait for them."""
    began = time.monotonic()
    for batch in batches:
        if batch and not started:
            numbers.FIRST_WORD.observe(time.monotonic() - began)
        told = [message for message in batch if message.saying is not Saying.START]
        for message in batch:
            if message.saying is Saying.START:
                started.update(message.data)
        if told or time.monotonic() - began >= HEADERS_WAIT:
            return told
    return []


def _timed(messages: Iterator[Message | None]) -> Iterator[Message | None]:
    """The same messages; the time to the first is measured."""
    began, spoke = time.perf_counter(), False
    for message in messages:
        if message is not None and not spoke:
            spoke = True
            numbers.FIRST_WORD.observe(time.perf_counter() - began)
        yield message


def _failed(asked: Asked, started: Mapping[str, Any], error: Mapping[str, Any]) -> RunFailed:
    """The error, with the job that failed and the model that was asked, where one was."""
    facts = {"X-MemoryOS-Job": asked.run.job_id}
    route = error.get(ROUTE) or started
    if route.get("model"):
        facts |= {"X-MemoryOS-Tier": str(route["tier"]), "X-MemoryOS-Model": str(route["model"])}
    return RunFailed(error, facts)


def _facts(asked: Asked, chat: ChatRequest, started: Mapping[str, Any]) -> dict[str, str]:
    facts = {"X-MemoryOS-Job": asked.run.job_id}
    if started.get("model"):
        facts |= {"X-MemoryOS-Tier": str(started["tier"]), "X-MemoryOS-Model": str(started["model"])}
    else:
        # A run says nothing of a model that was named and answered by itself.
        facts |= named(parts().settings(), str(chat.body.get("model")))
    missing = started.get("missing", ())
    # By now the store of record may be back: what counts is whether this exchange is remembered.
    if not asked.run.ledgered or "truth" in missing:
        facts["X-MemoryOS-Status"] = "degraded:truth"
    elif "vectors" in missing:
        facts["X-MemoryOS-Status"] = "degraded:vectors"
    if started.get("truncated"):
        facts["X-MemoryOS-Truncated"] = str(started["truncated"])
    if not chat.memory:
        facts["X-MemoryOS-Memory"] = "off"
    return facts
