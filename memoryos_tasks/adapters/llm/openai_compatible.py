"""OpenAI's chat completions, as spoken by OpenAI and by every server that is compatible with it.

Protocol: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from memoryos_tasks.adapters.llm.chunks import Chunks, regular_completion
from memoryos_tasks.adapters.llm.credential import credential
from memoryos_tasks.adapters.llm.give_back import GiveBack
from memoryos_tasks.adapters.llm.parsing import parsed_object
from memoryos_tasks.adapters.llm.refusal import error_object, failure_inside
from memoryos_tasks.adapters.llm.sse import SseEvent, sse_events
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.adapters.llm.transport import Answer, Transport
from memoryos_tasks.core.errors import ConfigError, UpstreamError
from memoryos_tasks.core.vendors import Access, OpenAIDoor, openai_door
from memoryos_tasks.ports.keepsakes import Keepsakes, NoKeepsakes
from memoryos_tasks.ports.llm import ModelCall

#: Most models that are named of one vendor.
MOST_MODELS = 500
#: Seconds that listing them may take.
LISTING_SECONDS = 5.0

#: How long a vendor may take to end the body after its last event, in seconds, before the connection is dropped.
_LINGER = 0.05

Body = dict[str, Any]


def _as_it_is(body: Body) -> Body:
    return body


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a vendor of OpenAI's family does its own way; the defaults are OpenAI's."""

    provider: str
    #: The request as this vendor takes it. Raises :class:`InvalidRequest` for what it cannot express.
    request: Callable[[Body], Body] = _as_it_is
    #: Fields of a message that the vendor wants back with the results of its tool calls.
    wanted_back: tuple[str, ...] = ()


class OpenAICompatibleProvider:
    """Passes bodies and answers through, checks that an answer is whole, and makes regular what trips clients up.

    ``base_url`` is what the vendor's own client takes. Without ``api_key`` no credential is sent.
    """

    dialect = Dialect("openai_compatible")

    def __init__(
        self,
        api_key: str,
        base_url: str,
        timeouts: Timeouts,
        *,
        api_version: str = "",
        keepsakes: Keepsakes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        name = self.dialect.provider
        self._secret = credential(api_key, f"llm.{name}_api_key holds characters that no API key has.")
        door = openai_door(name, Access(self._secret, base_url.strip().rstrip("/")), api_version)
        if door is None:
            raise ConfigError(f"The provider '{name}' does not speak OpenAI's protocol.")
        self._door: OpenAIDoor = door
        self._keepsakes: Keepsakes = keepsakes or NoKeepsakes()
        self._transport = Transport(name, base_url, door.headers, timeouts, secret=self._secret)

    def models(self) -> list[str]:
        """What the vendor lists, at most ``MOST_MODELS``. Raises :class:`UpstreamError` and its children."""
        if not self._door.models:
            return []
        with self._transport.get(self._door.models, deadline=time.monotonic() + LISTING_SECONDS) as answer:
            listed = self._parsed(answer, answer.body()).get("data")
        rows = listed if isinstance(listed, list) else []
        names = [row.get("id") for row in rows if isinstance(row, dict)]
        return [name for name in names if isinstance(name, str) and name][:MOST_MODELS]

    def complete(self, call: ModelCall) -> dict[str, Any]:
        """The vendor's ``chat.completion``."""
        back = GiveBack(self.dialect.wanted_back, self._keepsakes, call)
        body = self._body(call, back, stream=False)
        body.pop("stream_options", None)  # the vendor refuses them without a stream
        with self._post(call, body, stream=False) as answer:
            completion = self._parsed(answer, answer.body())
        choices = completion.get("choices")
        if not isinstance(choices, list) or not choices:
            raise answer.broken("answered without choices")
        if not all(isinstance(choice, dict) and isinstance(choice.get("message"), dict) for choice in choices):
            raise answer.broken("answered with a choice that has no message")
        for choice in choices:
            self._check(answer, choice)
            back.hear(choice["message"], choice.get("index", 0))
        back.keep()
        return regular_completion(completion)

    def stream(self, call: ModelCall) -> Generator[dict[str, Any], None, None]:
        """The vendor's chunks, as they come. The request goes out when the first one is asked for."""
        back = GiveBack(self.dialect.wanted_back, self._keepsakes, call)
        body = self._body(call, back, stream=True)
        with self._post(call, body, stream=True) as answer:
            if answer.content_type in ("application/json", "text/html"):
                self._parsed(answer, answer.body())
                raise answer.broken("did not stream, though it was asked to")
            yield from self._chunks(call, answer, back)
            answer.finish(_LINGER)

    def _post(self, call: ModelCall, body: Body, *, stream: bool) -> Answer:
        return self._transport.post(
            self._door.chat(call.model), body, deadline=call.deadline, stream=stream, cancelled=call.cancelled
        )

    def _body(self, call: ModelCall, back: GiveBack, *, stream: bool) -> Body:
        return self.dialect.request({**back.restored(), "model": call.model, "stream": stream})

    def _chunks(self, call: ModelCall, answer: Answer, back: GiveBack) -> Generator[dict[str, Any], None, None]:
        chunks = Chunks(call.body.get("stream_options"))
        event: SseEvent | None = None
        for event in sse_events(answer.chunks()):
            answer.started()
            if event.data.strip() == "[DONE]":
                if not chunks.finished:
                    raise answer.broken("ended its stream without a finish_reason")
                back.keep()
                yield from chunks.rest()
                return
            chunk = self._chunk(answer, event)
            for choice in chunk["choices"]:
                self._check(answer, choice)
                back.hear(choice.get("delta"), choice.get("index", 0))
            yield from chunks.regular(chunk)
        raise answer.broken("broke off its stream: no [DONE] came" if event else "streamed a body without any event")

    def _chunk(self, answer: Answer, event: SseEvent) -> dict[str, Any]:
        chunk = self._parsed(answer, event.data)
        if event.name == "error":
            raise self._failed(chunk)
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise answer.broken("streamed a chunk without choices")
        return chunk

    def _parsed(self, answer: Answer, text: bytes | str) -> dict[str, Any]:
        parsed = parsed_object(answer, text)
        if parsed.get("error"):
            raise self._failed(parsed["error"])
        return parsed

    def _check(self, answer: Answer, choice: dict[str, Any]) -> None:
        """Raise what a choice says of its own failure: it is no end of an answer that could be trusted."""
        if choice.get("error"):
            raise self._failed(choice["error"])
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason in FAILURES:
            error = answer.broken(f"gave its answer up (finish_reason {reason!r})")
            error.status = FAILURES[reason]
            raise error

    def _failed(self, error: object) -> UpstreamError:
        said = error_object(error)
        return failure_inside(
            self.dialect.provider, said if said.get("message") else {**said, "message": "it gave no reason"},
            secret=self._secret,
        )


#: Finish reasons that say that the vendor failed, with the status that fits: OpenRouter's, and DeepSeek's for an
#: answer that ran out of machines.
FAILURES = {"error": 502, "insufficient_system_resource": 503}
