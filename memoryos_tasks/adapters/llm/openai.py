"""OpenAI's chat completions, and every server that speaks them."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from typing import Any, NoReturn

from memoryos_tasks.adapters.llm.refusal import error_object, safe_text
from memoryos_tasks.adapters.llm.sse import SseEvent, sse_events
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.adapters.llm.transport import Answer, Transport
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.ports.llm import ModelCall

BASE_URL = "https://api.openai.com/v1"

_NAME = "openai"
_PATH = "/chat/completions"

#: How long a vendor may take to end the body after its last event, in seconds, before the connection is dropped.
_LINGER = 0.05


#: Most models that are named of one vendor.
MOST_MODELS = 500
#: Seconds that listing them may take.
LISTING_SECONDS = 5.0


class OpenAIProvider:
    """Passes bodies and answers through untouched, and checks only that an answer is whole.

    ``base_url`` is what the vendor's own client takes, with ``/v1``. Without ``api_key`` no Authorization is sent.
    """

    def __init__(self, api_key: str, base_url: str, timeouts: Timeouts) -> None:
        self._secret = api_key.strip()
        if not (self._secret.isascii() and self._secret.isprintable()):
            raise ConfigError("llm.openai_api_key holds characters that no API key has.")
        headers = {"Authorization": f"Bearer {self._secret}"} if self._secret else {}
        self._transport = Transport(_NAME, base_url, headers, timeouts, secret=self._secret)

    def models(self) -> list[str]:
        """What the vendor lists, at most ``MOST_MODELS``. Raises :class:`UpstreamError` and its children."""
        with self._transport.get("/models", deadline=time.monotonic() + LISTING_SECONDS) as answer:
            listed = self._parsed(answer, answer.body()).get("data")
        rows = listed if isinstance(listed, list) else []
        names = [row.get("id") for row in rows if isinstance(row, dict)]
        return [name for name in names if isinstance(name, str) and name][:MOST_MODELS]

    def complete(self, call: ModelCall) -> dict[str, Any]:
        """The vendor's ``chat.completion``, as it came."""
        body = {**call.body, "model": call.model, "stream": False}
        body.pop("stream_options", None)  # the vendor refuses them without a stream
        with self._transport.post(_PATH, body, deadline=call.deadline, stream=False) as answer:
            completion = self._parsed(answer, answer.body())
        choices = completion.get("choices")
        if not isinstance(choices, list) or not choices:
            raise answer.broken("answered without choices")
        if not all(isinstance(choice, dict) and isinstance(choice.get("message"), dict) for choice in choices):
            raise answer.broken("answered with a choice that has no message")
        return completion

    def stream(self, call: ModelCall) -> Generator[dict[str, Any], None, None]:
        """The vendor's chunks, as they come. The request goes out when the first one is asked for."""
        body = {**call.body, "model": call.model, "stream": True}
        with self._transport.post(_PATH, body, deadline=call.deadline, stream=True) as answer:
            if answer.content_type in ("application/json", "text/html"):
                self._parsed(answer, answer.body())
                raise answer.broken("did not stream, though it was asked to")
            yield from self._chunks(answer)
            answer.finish(_LINGER)

    def _chunks(self, answer: Answer) -> Generator[dict[str, Any], None, None]:
        open_choices: set[str] = set()
        finished = False
        event: SseEvent | None = None
        for event in sse_events(answer.chunks()):
            answer.started()
            if event.data.strip() == "[DONE]":
                if open_choices or not finished:
                    raise answer.broken("ended its stream without a finish_reason")
                return
            chunk = self._chunk(answer, event)
            for choice in chunk["choices"]:
                index = str(choice.get("index"))
                if choice.get("finish_reason"):
                    open_choices.discard(index)
                    finished = True
                else:
                    open_choices.add(index)
            yield chunk
        raise answer.broken("broke off its stream: no [DONE] came" if event else "streamed a body without any event")

    def _chunk(self, answer: Answer, event: SseEvent) -> dict[str, Any]:
        chunk = self._parsed(answer, event.data)
        if event.name == "error":
            self._fail(answer, chunk)
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise answer.broken("streamed a chunk without choices")
        return chunk

    def _parsed(self, answer: Answer, text: bytes | str) -> dict[str, Any]:
        if not text.strip():
            raise answer.broken(f"answered {answer.status} with an empty body")
        try:
            parsed = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            markup = answer.content_type == "text/html" or text.lstrip()[:1] in (b"<", "<")
            kind = "HTML" if markup else "what is not JSON"
            raise answer.broken(f"answered {answer.status} with {kind}") from None
        if not isinstance(parsed, dict):
            raise answer.broken(f"answered {answer.status} with JSON that is not an object")
        if parsed.get("error"):
            self._fail(answer, parsed["error"])
        return parsed

    def _fail(self, answer: Answer, error: object) -> NoReturn:
        said = error_object(error)
        text = safe_text(said.get("message"), self._secret) or "it gave no reason"
        failure = answer.broken(f"failed while answering: {text}")
        if isinstance(said.get("code"), int):
            failure.upstream_status = said["code"]  # the status that it would have had before the stream began
        raise failure


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
