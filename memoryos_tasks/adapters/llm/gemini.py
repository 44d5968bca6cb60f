"""Google Gemini over its own protocol: generateContent and streamGenerateContent."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from memoryos_tasks.adapters.llm.credential import credential
from memoryos_tasks.adapters.llm.gemini_errors import bare, blocked, failed, refused
from memoryos_tasks.adapters.llm.gemini_messages import called
from memoryos_tasks.adapters.llm.gemini_reply import GeminiReply
from memoryos_tasks.adapters.llm.gemini_request import request
from memoryos_tasks.adapters.llm.parsing import parsed_object
from memoryos_tasks.adapters.llm.sse import sse_events
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.adapters.llm.transport import Answer, Transport
from memoryos_tasks.core.completion import assemble
from memoryos_tasks.core.errors import UpstreamTimeout
from memoryos_tasks.ports.keepsakes import Keepsakes, NoKeepsakes
from memoryos_tasks.ports.llm import ModelCall

BASE_URL = "https://generativelanguage.googleapis.com"

_NAME = "gemini"
_MODELS = "/v1beta/models"
#: Under what name a signature is kept.
_SIGNATURE = "thought_signature"
#: Seconds that Gemini may take to end a stream in which every answer has ended: there is no terminal event.
_LINGER = 2.0
#: Bytes at the end of a stream in which an error is looked for.
_TAIL = 16_384

#: Most models that are named of one vendor, and that it lists on a page.
MOST_MODELS = 500
#: Seconds that listing them may take.
LISTING_SECONDS = 5.0


class GeminiProvider:
    """``base_url`` is the bare host.

    What Gemini wants back with the results of tools and OpenAI's clients drop (thoughtSignature) is kept in
    ``keepsakes``, and is also shown and taken as ``extra_content.google.thought_signature`` of a tool call.
    ``clock`` gives seconds since the epoch.
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
        self._secret = credential(api_key, "llm.gemini_api_key holds characters that no API key has.")
        headers = {"x-goog-api-key": self._secret} if self._secret else {}
        self._transport = Transport(_NAME, base_url, headers, timeouts, secret=self._secret, refused=refused)
        self._keepsakes: Keepsakes = keepsakes or NoKeepsakes()
        self._clock = clock

    def models(self) -> list[str]:
        """The models that can chat, at most ``MOST_MODELS``. Raises :class:`UpstreamError` and its children."""
        deadline = time.monotonic() + LISTING_SECONDS
        query = urlencode({"pageSize": MOST_MODELS})
        with self._transport.get(f"{_MODELS}?{query}", deadline=deadline) as answer:
            listed = self._parsed(answer, answer.body()).get("models")
        rows = [row for row in listed if isinstance(row, Mapping)] if isinstance(listed, list) else []
        names = [row.get("name") for row in rows if "generateContent" in (row.get("supportedGenerationMethods") or ())]
        return [name.removeprefix("models/") for name in names if isinstance(name, str)][:MOST_MODELS]

    def complete(self, call: ModelCall) -> dict[str, Any]:
        """The answer as a ``chat.completion``."""
        with self._post(call, "generateContent", stream=False) as answer:
            reply = self._reply(call, answer)
            whole = assemble([*reply.chunks(self._parsed(answer, answer.body())), *reply.end()])
        return {**whole, "usage": reply.usage} if reply.usage else whole

    def stream(self, call: ModelCall) -> Generator[dict[str, Any], None, None]:
        """The answer as ``chat.completion.chunk`` objects; the request goes out when the first is asked for."""
        with self._post(call, "streamGenerateContent?alt=sse", stream=True) as answer:
            if answer.content_type in ("application/json", "text/html"):
                self._parsed(answer, answer.body())
                raise answer.broken("did not stream, though it was asked to")
            yield from self._chunks(answer, self._reply(call, answer))

    def _chunks(self, answer: Answer, reply: GeminiReply) -> Generator[dict[str, Any], None, None]:
        pieces = _Pieces(answer.chunks())
        try:
            for event in sse_events(pieces):
                answer.started()
                yield from reply.chunks(self._parsed(answer, event.data))
                if reply.whole:
                    answer.hurry(_LINGER)
        except UpstreamTimeout:
            if not reply.whole:
                raise
        error = {} if reply.whole else bare(pieces.tail)
        if error:
            raise failed(_NAME, error, secret=self._secret)
        yield from reply.end()

    def _post(self, call: ModelCall, method: str, *, stream: bool) -> Answer:
        path = f"{_MODELS}/{quote(call.model.removeprefix('models/'), safe='')}:{method}"
        body = request(call.body, call.model, self._signatures(call))
        return self._transport.post(path, body, deadline=call.deadline, stream=stream, cancelled=call.cancelled)

    def _reply(self, call: ModelCall, answer: Answer) -> GeminiReply:
        def keep(id: str, signature: str) -> None:
            if call.owner is not None:
                self._keepsakes.keep(call.owner, {id: {_SIGNATURE: signature}})

        return GeminiReply(call, answer, keep, self._clock, self._secret)

    def _signatures(self, call: ModelCall) -> dict[str, str]:
        ids = called(call.body.get("messages") or ())
        kept = self._keepsakes.kept(call.owner, ids) if ids and call.owner is not None else {}
        found = {id: kept[id].get(_SIGNATURE) for id in ids if id in kept}
        return {id: signature for id, signature in found.items() if isinstance(signature, str)}

    def _parsed(self, answer: Answer, text: bytes | str) -> dict[str, Any]:
        said = parsed_object(answer, text)
        if said.get("error"):
            raise failed(_NAME, said["error"], secret=self._secret)
        refusal = None if said.get("candidates") else blocked(_NAME, said.get("promptFeedback"))
        if refusal is not None:  # With a 200, and without any candidate.
            raise refusal
        return said


class _Pieces:
    """The pieces of a body; ``tail`` is the last of it."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.tail = b""

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.tail = (self.tail + piece)[-_TAIL:]
            yield piece
