"""A stand-in for an Ollama server: ``/api/chat`` and ``/api/tags``, as docs/api.md and server/routes.go have them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from vendors.base import Exchange, Scenario, Vendor

NDJSON = "application/x-ndjson"
MADE = "2026-01-02T03:04:05.678901Z"
COUNTS = {"prompt_eval_count": 11, "prompt_eval_duration": 130_079_000, "eval_count": 7, "eval_duration": 9_000_000}
TIMES = {"total_duration": 191_583_709, "load_duration": 4_583_709}
#: How the bytes of a picture begin, by its media type.
_SIGNATURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp", b"GIF8": "image/gif"}


class OllamaExchange(Exchange):
    """Answers in lines, or in one object when ``stream`` is false."""

    def line_of(self, message: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """One object as the server writes it."""
        return {"model": self.model, "created_at": MADE, "message": {"role": "assistant", **message}, "done": False,
                **more}

    def say(self, *messages: Mapping[str, Any], reason: str = "stop", counts: Mapping[str, Any] = COUNTS) -> None:
        """The whole answer: these messages, then the line that says that it is done."""
        end = {"done": True, "done_reason": reason, **TIMES, **counts}
        if not self.streaming:
            self.answer(200, self.line_of(_joined(messages), **end))
            return
        self.open_stream(NDJSON)
        for message in messages:
            self.line(self.line_of({"content": "", **message}))
        self.line(self.line_of({"content": ""}, **end))
        self.end()

    def begin(self) -> None:
        """An answer that has said one word; a whole one has sent the first byte of its body."""
        if self.streaming:
            self.open_stream(NDJSON)
            self.line(self.line_of({"content": "Hello"}))
        else:
            self.open_body()

    @property
    def told(self) -> list[dict[str, Any]]:
        """The conversation."""
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages

    def last(self, role: str) -> dict[str, Any]:
        """The last message of this role; empty when there is none."""
        return next((message for message in reversed(self.told) if message["role"] == role), {})


def _joined(messages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The messages of a stream as the one that it has without."""
    whole: dict[str, Any] = {"content": ""}
    for message in messages:
        for key, value in message.items():
            whole[key] = whole[key] + value if key in whole else value
    return whole


def echo(exchange: OllamaExchange) -> None:
    """The last user text, word by word."""
    words = exchange.last("user").get("content", "").split(" ")
    exchange.say(*({"content": f"{word} "} for word in words[:-1]), {"content": words[-1]})


def system(exchange: OllamaExchange) -> None:
    exchange.say({"content": exchange.last("system").get("content", "")})


def call(city: str, **more: Any) -> dict[str, Any]:
    """One tool call; its arguments are an object."""
    return {"function": {"name": "get_weather", "arguments": {"city": city}}, **more}


def parallel_tools(exchange: OllamaExchange) -> None:
    """Two calls without ids, in one line each. Tools come with STOP."""
    exchange.say({"tool_calls": [call("Oslo")]}, {"tool_calls": [call("杭州")]})


def numbered_tools(exchange: OllamaExchange) -> None:
    """Newer servers number their calls, and may say something before."""
    first, second = call("Oslo", id="call_a1"), call("杭州", id="call_b2")
    second["function"]["index"] = 1
    exchange.say({"content": "Calling."}, {"tool_calls": [first, second]})


def tool_result(exchange: OllamaExchange) -> None:
    """The results it got. The server's template tells them apart by the tool's name alone."""
    results = [message for message in exchange.told if message["role"] == "tool"]
    called = [made["function"] for message in exchange.told for made in message.get("tool_calls", ())]
    if not all(message.get("tool_name") for message in results):
        exchange.answer(400, {"error": "a tool message needs its tool_name"})
    elif not all(isinstance(function["arguments"], dict) for function in called):
        exchange.answer(400, {"error": "json: cannot unmarshal string into Go struct field arguments"})
    else:
        exchange.say({"content": ", ".join(message["content"] for message in results)})


def image(exchange: OllamaExchange) -> None:
    """What the picture is. The native protocol wants base64 without a data URL around it."""
    try:
        data = base64.b64decode(exchange.last("user")["images"][0], validate=True)
    except (KeyError, ValueError):
        exchange.answer(400, {"error": "illegal base64 data at input byte 4"})
        return
    kind = next((name for begin, name in _SIGNATURES.items() if data.startswith(begin)), "unknown")
    exchange.say({"content": f"{kind} {len(data)}"})


def as_json(exchange: OllamaExchange) -> None:
    """An object, if ``format`` asks for one."""
    wanted = exchange.body.get("format")
    asked = wanted == "json" or (isinstance(wanted, dict) and wanted.get("type") == "object")
    exchange.say({"content": json.dumps({"answer": 42}) if asked else "no JSON was asked for"})


def reasoning(exchange: OllamaExchange) -> None:
    exchange.say({"thinking": "Let me"}, {"thinking": " think."}, {"content": "Done."})


def length(exchange: OllamaExchange) -> None:
    exchange.say({"content": "Cut"}, reason="length")


def cached(exchange: OllamaExchange) -> None:
    """A prompt that was cached as a whole is not counted."""
    exchange.say({"content": "Hi"}, counts={"eval_count": 7})


def uncounted(exchange: OllamaExchange) -> None:
    exchange.say({"content": "Hi"}, counts={})


def silent(exchange: OllamaExchange) -> None:
    """An answer of no words."""
    exchange.say()


def loads(exchange: OllamaExchange) -> None:
    """What the server says when it takes the request for one to load the model."""
    exchange.answer(200, exchange.line_of({"content": ""}, done=True, done_reason="load"))


def truncated(exchange: OllamaExchange) -> None:
    exchange.begin()
    exchange.drop()


def unended(exchange: OllamaExchange) -> None:
    """The body ends in good order, and no line has said that it is done."""
    if exchange.streaming:
        exchange.begin()
        exchange.end()
    else:
        exchange.answer(200, exchange.line_of({"content": "Hello"}))


def error_mid_stream(exchange: OllamaExchange) -> None:
    """An error after the 200 is a line without ``done``."""
    if exchange.streaming:
        exchange.begin()
        exchange.line({"error": "an error was encountered while running the model"})
        exchange.end()
    else:
        exchange.answer(500, {"error": "an error was encountered while running the model"})


def error_200(exchange: OllamaExchange) -> None:
    exchange.answer(200, {"error": "model runner has unexpectedly stopped"})


def garbage(exchange: OllamaExchange) -> None:
    if exchange.streaming:
        exchange.begin()
        exchange.line('{"model": ')
        exchange.end()
    else:
        exchange.answer(200, b'{"model": ')


def halves(exchange: OllamaExchange) -> None:
    """Lines cut anywhere, also within a character, an empty one, and a last one without its newline."""
    exchange.open_stream(NDJSON)
    last = {"done": True, "done_reason": "stop", **COUNTS}
    told = [exchange.line_of({"content": "Grüße, "}), exchange.line_of({"content": "世界"}),
            exchange.line_of({"content": ""}, **last)]
    data = "\n\r\n".join(json.dumps(line, ensure_ascii=False) for line in told).encode()
    for start in range(0, len(data), 7):
        exchange.send(data[start : start + 7])
    exchange.end()


def slow_first_token(exchange: OllamaExchange) -> None:
    """The model is loaded first: not even headers come."""
    exchange.wait_gone()


def hang(exchange: OllamaExchange) -> None:
    exchange.begin()
    exchange.wait_gone()


def gated(exchange: OllamaExchange) -> None:
    exchange.begin()
    exchange.wait_released()
    exchange.line(exchange.line_of({"content": " world"}))
    exchange.line(exchange.line_of({"content": ""}, done=True, done_reason="stop", **COUNTS))
    exchange.end()


def page(exchange: OllamaExchange) -> None:
    exchange.answer(200, b"<html><body>Please sign in</body></html>", "text/html")


Play = Callable[[OllamaExchange], None]
_PLAYS: Mapping[str, Play] = {
    "echo": echo, "system": system, "parallel-tools": parallel_tools, "numbered-tools": numbered_tools,
    "tool-result": tool_result, "image": image, "json": as_json, "reasoning": reasoning, "length": length,
    "cached": cached, "uncounted": uncounted, "silent": silent, "load": loads, "truncated": truncated,
    "no-done": unended, "error-mid-stream": error_mid_stream, "error-200": error_200, "garbage": garbage,
    "halves": halves, "slow-first-token": slow_first_token, "hang": hang, "gated": gated, "html": page,
}


class OllamaVendor(Vendor):
    """The base URL is the bare host."""

    base_path = ""
    exchange = OllamaExchange
    scenarios: ClassVar[Mapping[str, Scenario]] = _PLAYS

    def model(self, path: str, body: Mapping[str, Any]) -> str | None:
        return str(body["model"]) if path == "/api/chat" else None

    def streams(self, path: str, body: Mapping[str, Any]) -> bool:
        """Unless the client says otherwise."""
        return body.get("stream") is not False

    def listing(self, path: str) -> object | None:
        named = [{"name": f"{name}:latest", "model": f"{name}:latest", "size": 1} for name in ("echo", "llama3.2")]
        return {"models": named} if path == "/api/tags" else None

    def error(self, status: int, message: str) -> object:
        """A text, and no object."""
        return {"error": message}
