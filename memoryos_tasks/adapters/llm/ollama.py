"""Ollama, in its native protocol: ``/api/chat``, one JSON object a line.

Source: docs/api.md, docs/api/errors.mdx and server/routes.go of the Ollama repository.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

from memoryos_tasks.adapters.llm.credential import credential
from memoryos_tasks.adapters.llm.ndjson import lines
from memoryos_tasks.adapters.llm.ollama_request import request
from memoryos_tasks.adapters.llm.parsing import parsed_object
from memoryos_tasks.adapters.llm.refusal import error_object, safe_text
from memoryos_tasks.adapters.llm.reply import Reply, usage
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.adapters.llm.transport import Answer, Transport
from memoryos_tasks.core.completion import assemble
from memoryos_tasks.ports.keepsakes import Keepsakes, NoKeepsakes
from memoryos_tasks.ports.llm import ModelCall

BASE_URL = "http://127.0.0.1:11434"

_NAME = "ollama"
_PATH = "/api/chat"

#: How long the server may take to end the body after its last line, in seconds, before the connection is dropped.
_LINGER = 0.05
#: Most models that are named.
MOST_MODELS = 500
#: Seconds that listing them may take.
LISTING_SECONDS = 5.0

Chunks = Generator[dict[str, Any], None, None]


class OllamaProvider:
    """``base_url`` is the bare host. Without ``api_key`` no Authorization is sent; a local server needs none.

    Nothing has to be kept between two calls: reasoning that a client sends back goes along with its message.
    """

    def __init__(
        self,
        api_key: str,
        base_url: str,
        timeouts: Timeouts,
        *,
        keepsakes: Keepsakes = NoKeepsakes(),  # noqa: B008
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secret = credential(api_key, "llm.ollama_api_key holds characters that no API key has.")
        headers = {"Authorization": f"Bearer {self._secret}"} if self._secret else {}
        self._transport = Transport(_NAME, base_url, headers, timeouts, secret=self._secret)
        self._clock = clock

    def models(self) -> list[str]:
        """What the server has, at most ``MOST_MODELS``. Raises :class:`UpstreamError` and its children."""
        with self._transport.get("/api/tags", deadline=time.monotonic() + LISTING_SECONDS) as answer:
            listed = parsed_object(answer, answer.body()).get("models")
        rows = listed if isinstance(listed, list) else []
        names = [row.get("model") or row.get("name") for row in rows if isinstance(row, dict)]
        return [name for name in names if isinstance(name, str) and name][:MOST_MODELS]

    def complete(self, call: ModelCall) -> dict[str, Any]:
        """The answer as a ``chat.completion``."""
        body = request(call.body, call.model, stream=False)
        reply = Reply(call, self._clock)
        reply.wants_usage = True
        with self._transport.post(
            _PATH, body, deadline=call.deadline, stream=False, cancelled=call.cancelled
        ) as answer:
            return assemble(self._chunks(answer, reply, [answer.body()]))

    def stream(self, call: ModelCall) -> Chunks:
        """The answer as ``chat.completion.chunk`` objects, each as its line comes."""
        body = request(call.body, call.model, stream=True)
        reply = Reply(call, self._clock)
        with self._transport.post(
            _PATH, body, deadline=call.deadline, stream=True, cancelled=call.cancelled
        ) as answer:
            yield from self._chunks(answer, reply, lines(answer.chunks()))
            answer.finish(_LINGER)

    def _chunks(self, answer: Answer, reply: Reply, told: Iterable[bytes]) -> Chunks:
        calls, heard, spoke = 0, False, False
        for text in told:
            line = self._line(answer, text)
            heard = True
            message = line.get("message")
            for chunk in self._message(reply, message if isinstance(message, dict) else {}, calls):
                calls += sum(len(choice["delta"].get("tool_calls", ())) for choice in chunk["choices"])
                spoke = True
                yield chunk
            if line.get("done") is True:
                if not spoke:
                    yield reply.text("")
                yield from self._end(answer, reply, line, calls > 0)
                return
        raise answer.broken("broke off its answer: no line said that it was done" if heard else "sent an empty answer")

    def _line(self, answer: Answer, text: bytes) -> dict[str, Any]:
        line = parsed_object(answer, text)
        answer.started()
        if line.get("error"):
            said = safe_text(error_object(line["error"]).get("message"), self._secret) or "it gave no reason"
            raise answer.broken(f"failed while answering: {said}")
        return line

    @staticmethod
    def _message(reply: Reply, message: Mapping[str, Any], calls: int) -> Chunks:
        """What one line adds; ``calls`` is the number of tool calls before it."""
        if thinking := message.get("thinking"):
            yield reply.reasoning(thinking)
        if content := message.get("content"):
            yield reply.text(content)
        for place, call in enumerate(message.get("tool_calls") or (), calls):
            function = call.get("function") or {}
            yield reply.tool_call(
                place,
                # Only newer servers number their calls.
                id=call.get("id") or f"call_{uuid.uuid4().hex[:24]}",
                name=str(function.get("name") or ""),
                arguments=function.get("arguments") or {},
            )

    @staticmethod
    def _end(answer: Answer, reply: Reply, line: Mapping[str, Any], called: bool) -> Chunks:
        reason = line.get("done_reason") or "stop"  # old servers give none
        if reason in ("load", "unload"):
            raise answer.broken(f"said nothing: it only meant to {reason} the model")
        yield reply.finish("tool_calls" if called and reason == "stop" else str(reason))
        prompt, written = line.get("prompt_eval_count"), line.get("eval_count")
        # A prompt that was cached as a whole is not counted; of an answer that says neither, nothing is known.
        if reply.wants_usage and (prompt is not None or written is not None):
            yield reply.usage(usage(prompt or 0, written or 0))
