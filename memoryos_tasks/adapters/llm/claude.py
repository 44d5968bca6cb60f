"""Anthropic Claude: the Messages API (``/v1/messages``), by its public documentation."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

from memoryos_tasks.adapters.llm.claude_reply import ClaudeReply, events_of
from memoryos_tasks.adapters.llm.claude_request import request
from memoryos_tasks.adapters.llm.credential import credential
from memoryos_tasks.adapters.llm.parsing import parsed_object
from memoryos_tasks.adapters.llm.refusal import CONTENT_FILTER, error_object, failure, retry_after, vendor_error
from memoryos_tasks.adapters.llm.sse import SseEvent, sse_events
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.adapters.llm.transport import Answer, Transport
from memoryos_tasks.core.completion import assemble
from memoryos_tasks.core.errors import UpstreamError
from memoryos_tasks.ports.keepsakes import Keepsakes, NoKeepsakes
from memoryos_tasks.ports.llm import ModelCall

BASE_URL = "https://api.anthropic.com"
#: The one that all models and all other servers of this protocol speak; the next refuses temperature altogether.
VERSION = "2023-06-01"
#: Lets a request say what becomes of a thought whose prompt has changed since; sent only with kept thoughts.
BINDING_BETA = "thinking-binding-controls-2026-08-01"

#: Most models that are named, and the seconds that listing them may take.
MOST_MODELS = 500
LISTING_SECONDS = 5.0

_NAME = "claude"
_PATH = "/v1/messages"
#: How long the vendor may take to end the body after its last event, in seconds.
_LINGER = 0.05

#: The status that an error would have had, had it come before the answer began (Anthropic's page "Errors").
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
#: How the vendor names an answer that its filter held back; the error has no type of its own.
_BLOCKED = "content filtering policy"


class ClaudeProvider:
    """Translates both ways. ``base_url`` is the bare host; without ``api_key`` none is sent.

    Thoughts that led to tool calls are kept in ``keepsakes`` and go back with the results. ``clock`` gives seconds
    since the epoch.
    """

    def __init__(
        self,
        api_key: str,
        base_url: str,
        timeouts: Timeouts,
        *,
        keepsakes: Keepsakes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secret = credential(api_key, "llm.claude_api_key holds characters that no API key has.")
        key = {"x-api-key": self._secret} if self._secret else {}
        headers = {"anthropic-version": VERSION, **key}
        self._keepsakes = keepsakes or NoKeepsakes()
        self._clock = clock

        def transport(**more: str) -> Transport:
            return Transport(_NAME, base_url, {**headers, **more}, timeouts, secret=self._secret, refused=_refusal)

        self._transport = transport()
        self._bound = transport(**{"anthropic-beta": BINDING_BETA})

    def models(self) -> list[str]:
        """What the vendor lists, at most ``MOST_MODELS``. Raises :class:`UpstreamError` and its children."""
        path = f"/v1/models?limit={MOST_MODELS}"
        with self._transport.get(path, deadline=time.monotonic() + LISTING_SECONDS) as answer:
            listed = parsed_object(answer, answer.body()).get("data")
        rows = listed if isinstance(listed, list) else []
        names = [row.get("id") for row in rows if isinstance(row, dict)]
        return [name for name in names if isinstance(name, str) and name][:MOST_MODELS]

    def complete(self, call: ModelCall) -> dict[str, Any]:
        """The vendor's message as a ``chat.completion``."""
        with self._post(call, stream=False) as answer:
            message = parsed_object(answer, answer.body())
            self._check(message)
            if not _is_message(message):
                raise answer.broken("answered without a message")
            reply = self._reply(call, answer)
            return assemble(chunk for event in events_of(message) for chunk in reply.chunks(event, with_usage=True))

    def stream(self, call: ModelCall) -> Generator[dict[str, Any], None, None]:
        """The vendor's events as chunks. The request goes out when the first one is asked for."""
        with self._post(call, stream=True) as answer:
            if answer.content_type in ("application/json", "text/html"):
                self._check(parsed_object(answer, answer.body()))
                raise answer.broken("did not stream, though it was asked to")
            yield from self._chunks(call, answer)
            answer.finish(_LINGER)

    def _chunks(self, call: ModelCall, answer: Answer) -> Generator[dict[str, Any], None, None]:
        reply = self._reply(call, answer)
        wanted = bool((call.body.get("stream_options") or {}).get("include_usage"))
        event: SseEvent | None = None
        for event in sse_events(answer.chunks()):
            said = parsed_object(answer, event.data)
            self._check(said, named=event.name)
            yield from reply.chunks(said, with_usage=wanted)
            if reply.over:
                return
        what = "broke off its stream: no message_stop came" if event else "streamed a body without any event"
        raise answer.broken(what)

    def _post(self, call: ModelCall, *, stream: bool) -> Answer:
        body = request(call, self._keepsakes, stream=stream)
        bound = "block_binding" in body.get("thinking", {})
        transport = self._bound if bound else self._transport
        return transport.post(_PATH, body, deadline=call.deadline, stream=stream, cancelled=call.cancelled)

    def _reply(self, call: ModelCall, answer: Answer) -> ClaudeReply:
        def keep(parts: dict[str, Any]) -> None:
            if call.owner is not None:
                self._keepsakes.keep(call.owner, parts)

        return ClaudeReply(call, answer, self._clock, keep)

    def _check(self, said: Mapping[str, Any], named: str = "") -> None:
        """Raise the error of an ``error`` event, with the status that it would have had before the answer began."""
        if said.get("type") != "error" and named != "error":
            return
        error = error_object(said.get("error", said))
        status = _STATUS.get(str(error.get("type")), 502)
        raise failure(_NAME, status, _read(error), secret=self._secret, did="failed while answering")


def _refusal(
    provider: str, status: int, headers: Mapping[str, str], body: bytes, *, secret: str, now: float
) -> UpstreamError:
    """The error for an answer that is not a 2xx."""
    error = failure(provider, status, _read(vendor_error(body)), secret=secret)
    error.retry_after = retry_after(headers.get("retry-after"), now)
    return error


def _read(said: Mapping[str, Any]) -> dict[str, Any]:
    """The error object, with the code that a blocked answer has elsewhere."""
    blocked = _BLOCKED in str(said.get("message")).casefold()
    return {**said, "code": CONTENT_FILTER} if blocked else dict(said)


def _is_message(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    return isinstance(content, list) and all(isinstance(block, dict) for block in content)
