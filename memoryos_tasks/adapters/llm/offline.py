"""The provider that calls no model: it answers from memory, extractively."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Generator, Mapping
from typing import Any

from memoryos_tasks.core.answer import answer
from memoryos_tasks.core.chat import text_of
from memoryos_tasks.core.errors import InvalidRequest
from memoryos_tasks.core.tokens import estimate
from memoryos_tasks.ports.llm import ModelCall

MODEL = "offline"

#: Says to whoever looks that no language model wrote the answer.
FINGERPRINT = "memoryos-offline-no-llm"

_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef"
#: What a stream sends at a time: a word with the space before it, or up to four characters of CJK.
_PIECES = re.compile(rf"\s*(?:[{_CJK}]{{1,4}}|[^\s{_CJK}]+)|\s+")


class OfflineProvider:
    """Needs nothing. ``clock`` gives seconds since the epoch, UTC.

    Token counts are estimates, as is the cut at ``max_tokens``. Raises :class:`InvalidRequest` for what only a
    language model can do.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def models(self) -> list[str]:
        """The one model."""
        return [MODEL]

    def complete(self, call: ModelCall) -> dict[str, Any]:
        """The answer as a ``chat.completion``."""
        text, finish = self._answer(call)
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        return {
            **self._frame(call, "chat.completion"),
            "choices": [choice],
            "usage": _usage(call, text),
        }

    def stream(self, call: ModelCall) -> Generator[dict[str, Any], None, None]:
        """The answer as ``chat.completion.chunk`` objects, with usage when ``stream_options`` ask for it."""
        text, finish = self._answer(call)
        frame = self._frame(call, "chat.completion.chunk")
        with_usage = bool((call.body.get("stream_options") or {}).get("include_usage"))
        usage: dict[str, Any] = {"usage": None} if with_usage else {}

        def chunk(delta: Mapping[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
            return {**frame, "choices": [choice], **usage}

        yield chunk({"role": "assistant", "content": ""})
        for piece in _PIECES.findall(text):
            yield chunk({"content": piece})
        yield chunk({}, finish)
        if with_usage:
            yield {**frame, "choices": [], "usage": _usage(call, text)}

    def _frame(self, call: ModelCall, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{call.id}",
            "object": kind,
            "created": int(self._clock()),
            "model": MODEL,
            "system_fingerprint": FINGERPRINT,
        }

    def _answer(self, call: ModelCall) -> tuple[str, str]:
        _refuse_what_needs_a_model(call.body)
        text = answer(call.question, call.facts, call.recalled, self._clock(), memory=call.memory)
        limit = _limit(call.body)
        if limit is None or estimate(text) <= limit:
            return text, "stop"
        fits = bisect_right(range(1, len(text) + 1), limit, key=lambda length: estimate(text[:length]))
        return text[:fits], "length"


def _limit(body: Mapping[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        limit = body.get(name)
        if limit is None:
            continue
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise InvalidRequest(f"{name} must be a whole number of at least 1.", param=name)
        return limit
    return None


def _refuse_what_needs_a_model(body: Mapping[str, Any]) -> None:
    if body.get("n") not in (None, 1):
        raise InvalidRequest("The offline model gives one answer: leave n at 1.", param="n")
    if body.get("tool_choice") not in (None, "none", "auto"):
        raise InvalidRequest("The offline model calls no tools: leave tool_choice out.", param="tool_choice")
    form = body.get("response_format")
    if form is not None and (not isinstance(form, dict) or form.get("type") != "text"):
        raise InvalidRequest("The offline model writes plain text only.", param="response_format")


def _usage(call: ModelCall, text: str) -> dict[str, Any]:
    prompt = sum(estimate(text_of(message.get("content"))) for message in call.body.get("messages", ()))
    written = estimate(text)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
        "estimated": True,
    }
