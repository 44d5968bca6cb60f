"""A stand-in for OpenAI, and what Azure, DeepSeek and OpenRouter answer in the same words.

Protocol: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from vendors.base import Exchange, Scenario, Vendor

CITIES = ("Oslo", "杭州")


class Chat(Exchange):
    """One exchange, with what the protocol's answers are made of."""

    def completion(self, message: Mapping[str, Any], finish: str = "stop", **extra: Any) -> dict[str, Any]:
        """A ``chat.completion``."""
        choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": finish}
        return {**self._frame("chat.completion"), "choices": [choice], "usage": self.usage(), **extra}

    def chunk(self, delta: Mapping[str, Any], finish: str | None = None, **extra: Any) -> dict[str, Any]:
        """A ``chat.completion.chunk``."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._frame("chat.completion.chunk"), "choices": [choice], **self._no_usage(), **extra}

    def usage(self) -> dict[str, Any]:
        """Tokens of every answer."""
        return {
            "prompt_tokens": 11,
            "completion_tokens": 7,
            "total_tokens": 18,
            "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 3},
        }

    @property
    def wants_usage(self) -> bool:
        """Whether a stream is to end with its usage."""
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    @property
    def texts(self) -> dict[str, list[str]]:
        """What each role said."""
        said: dict[str, list[str]] = {}
        for message in self.body["messages"]:
            content = message.get("content")
            parts = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
            said.setdefault(message["role"], []).append("".join(part.get("text", "") for part in parts))
        return said

    def say(self, *deltas: Mapping[str, Any], finish: str = "stop") -> None:
        """Answer with these pieces, or with what they add up to."""
        if not self.streaming:
            self.answer(200, self.completion(_added(deltas), finish))
            return
        self.begin()
        for delta in deltas:
            self.event(self.chunk(delta))
        self.end_with(finish)

    def begin(self) -> None:
        """The head of a stream and its first chunk."""
        self.open_stream()
        self.event(self.chunk({"role": "assistant", "content": ""}))

    def end_with(self, reason: str) -> None:
        """The end of a stream."""
        self.event(self.chunk({}, reason))
        if self.wants_usage:
            self.event({**self._frame("chat.completion.chunk"), "choices": [], "usage": self.usage()})
        self.done()

    def done(self) -> None:
        """The terminal event."""
        self.event("[DONE]")
        self.end()

    def _no_usage(self) -> dict[str, Any]:
        return {"usage": None} if self.wants_usage else {}

    def _frame(self, kind: str) -> dict[str, Any]:
        return {"id": "chatcmpl-7", "object": kind, "created": 1700000000, "model": self.model}


def _added(deltas: tuple[Mapping[str, Any], ...]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for delta in deltas:
        for name, value in delta.items():
            if name == "tool_calls":
                calls = [{key: part for key, part in call.items() if key != "index"} for call in value]
                whole[name] = whole.get(name, []) + calls
            else:
                whole[name] = whole.get(name, type(value)()) + value
    return whole


def pieces(text: str) -> Iterator[str]:
    """Words with the space after them."""
    words = text.split(" ")
    yield from (f"{word} " for word in words[:-1])
    yield words[-1]


def _echo(chat: Chat) -> None:
    chat.say(*({"content": piece} for piece in pieces(chat.texts.get("user", [""])[-1])))


def _system(chat: Chat) -> None:
    chat.say({"content": "\n".join(chat.texts.get("system", [])) or "no system prompt"})


def tool_calls(first: str = "call") -> tuple[dict[str, Any], ...]:
    """Two calls in one answer."""
    return tuple(
        {"tool_calls": [{
            "index": at, "id": f"{first}_{at}", "type": "function",
            "function": {"name": "get_weather", "arguments": json.dumps({"city": city}, ensure_ascii=False)},
        }]}
        for at, city in enumerate(CITIES)
    )  # fmt: skip


def _parallel_tools(chat: Chat) -> None:
    assert chat.body["tools"][0]["function"]["name"] == "get_weather"
    chat.say({"content": "Calling."}, *tool_calls(), finish="tool_calls")


def _tool_result(chat: Chat) -> None:
    called = [call["id"] for message in chat.body["messages"] for call in message.get("tool_calls") or ()]
    answered = [message["tool_call_id"] for message in chat.body["messages"] if message["role"] == "tool"]
    if called != answered:
        chat.answer(400, chat.server.error(400, f"tool calls {called} were answered by {answered}"))
    else:
        chat.say({"content": ", ".join(chat.texts["tool"])})


def _image(chat: Chat) -> None:
    [url] = [
        part["image_url"]["url"]
        for message in chat.body["messages"]
        for part in message["content"]
        if isinstance(part, dict) and part["type"] == "image_url"
    ]
    head, _, data = url.partition(";base64,")
    chat.say({"content": f"{head.removeprefix('data:')} {len(base64.b64decode(data))}"})


def _json(chat: Chat) -> None:
    form = (chat.body.get("response_format") or {}).get("type")
    chat.say({"content": '{"answer": 42}' if form in ("json_object", "json_schema") else "forty-two"})


def _reasoning(chat: Chat) -> None:
    """As vLLM calls it; OpenAI itself does not show what was thought."""
    chat.say({"reasoning": "Let me "}, {"reasoning": "think."}, {"content": "Done."})


def _length(chat: Chat) -> None:
    chat.say({"content": "Cut"}, finish="length")


def _blocked(chat: Chat) -> None:
    said = "Invalid prompt: your prompt was flagged as potentially violating our usage policy."
    chat.answer(400, {
        "error": {"message": said, "type": "invalid_request_error", "param": None, "code": "invalid_prompt"}
    })


def _cut(chat: Chat) -> None:
    chat.say({"content": "I will "}, finish="content_filter")


def begin(chat: Chat) -> None:
    """One word of a stream, or the beginning of a body."""
    if chat.streaming:
        chat.begin()
        chat.event(chat.chunk({"content": "Hello"}))
    else:
        chat.open_body()


def _truncated(chat: Chat) -> None:
    begin(chat)
    chat.drop()


def _error_mid_stream(chat: Chat) -> None:
    begin(chat)
    if chat.streaming:
        chat.event(chat.server.error(500, "The server had an error while processing your request."))
        chat.end()
    else:
        chat.drop()


def _no_done(chat: Chat) -> None:
    begin(chat)
    chat.event(chat.chunk({}, "stop"))
    chat.end()


def _slow(chat: Chat) -> None:
    if chat.streaming:
        chat.open_stream()
    chat.wait_gone()


def _hang(chat: Chat) -> None:
    begin(chat)
    chat.wait_gone()


SCENARIOS: Mapping[str, Scenario] = {
    "echo": _echo,
    "system": _system,
    "parallel-tools": _parallel_tools,
    "tool-result": _tool_result,
    "image": _image,
    "json": _json,
    "reasoning": _reasoning,
    "length": _length,
    "content-block": _blocked,
    "content-cut": _cut,
    "truncated": _truncated,
    "error-mid-stream": _error_mid_stream,
    "no-done": _no_done,
    "slow-first-token": _slow,
    "hang": _hang,
}


class OpenAIVendor(Vendor):
    """OpenAI, and any server that is compatible with it."""

    base_path: ClassVar[str] = "/v1"
    scenarios = SCENARIOS
    exchange = Chat

    def model(self, path: str, body: Mapping[str, Any]) -> str | None:
        return str(body["model"]) if path == f"{self.base_path}/chat/completions" else None

    def listing(self, path: str) -> object | None:
        if path != f"{self.base_path}/models":
            return None
        rows = [{"id": name, "object": "model", "created": 0, "owned_by": "tests"} for name in self.scenarios]
        return {"object": "list", "data": rows}

    def error(self, status: int, message: str) -> object:
        return {"error": {"message": message, "type": _TYPES.get(status, "invalid_request_error"), "param": None,
                          "code": _CODES.get(status)}}  # fmt: skip


_TYPES = {429: "requests", 500: "server_error", 503: "server_error"}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
