"""What the upstream of the tests does for each model name: answers, and every way to break one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from upstream import Exchange

Script = Callable[["Exchange"], None]

CONTEXT_ERROR = {
    "message": "This model's maximum context length is 8 tokens.",
    "type": "invalid_request_error",
    "param": "messages",
    "code": "context_length_exceeded",
}


def echo(exchange: Exchange) -> None:
    """The last user message, whole or word by word."""
    text = exchange.last_user_text
    if not exchange.streaming:
        exchange.answer(200, exchange.completion({"content": text}))
        return
    exchange.open_stream()
    exchange.event(exchange.chunk({"role": "assistant", "content": ""}))
    for word in pieces(text):
        exchange.event(exchange.chunk({"content": word}))
    exchange.event(exchange.chunk({}, "stop"))
    if (exchange.body.get("stream_options") or {}).get("include_usage"):
        exchange.event(exchange.usage_chunk())
    exchange.done()


def pieces(text: str) -> Iterator[str]:
    """Words with the space after them."""
    words = text.split(" ")
    yield from (f"{word} " for word in words[:-1])
    yield words[-1]


def status(code: int, error: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Script:
    """A script that answers with an error."""
    return lambda exchange: exchange.answer(code, {"error": error}, headers=headers)


def page(code: int, text: bytes, kind: str = "text/html") -> Script:
    """A script that answers with what is not JSON."""
    return lambda exchange: exchange.answer(code, text, kind)


def begun(then: Script, *, close: bool = False) -> Script:
    """A script that streams one word and goes on with ``then``; without a stream it begins a body of 1,000 bytes."""

    def script(exchange: Exchange) -> None:
        if exchange.streaming:
            exchange.open_stream(close=close)
            exchange.event(exchange.chunk({"role": "assistant", "content": "Hello"}))
        else:
            exchange.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
        then(exchange)

    return script


def _gated(exchange: Exchange) -> None:
    exchange.server.released.wait(10)
    exchange.event(exchange.chunk({"content": " world"}))
    exchange.event(exchange.chunk({}, "stop"))
    exchange.done()


def _hang(exchange: Exchange) -> None:
    exchange.wait_gone()


def _slow(exchange: Exchange) -> None:
    if exchange.streaming:
        exchange.open_stream()
    exchange.wait_gone()


def _drop(exchange: Exchange) -> None:
    exchange.drop()


def _last(exchange: Exchange) -> None:
    """A good answer, after which the connection is closed without a word about it."""
    echo(exchange)
    exchange.drop()


def _redirect(exchange: Exchange) -> None:
    exchange.answer(307, b"", headers={"Location": "/v1/elsewhere"})


def _end(exchange: Exchange) -> None:
    exchange.wfile.write(b"0\r\n\r\n")


def _done(exchange: Exchange) -> None:
    exchange.done()


def _error(exchange: Exchange) -> None:
    exchange.event({"error": {"message": "the engine is overloaded", "type": "server_error", "code": 503}})
    _end(exchange)


def _garbage(exchange: Exchange) -> None:
    exchange.event('{"choices": [')
    _end(exchange)


def _comments(exchange: Exchange) -> None:
    exchange.open_stream()
    for _ in range(500):
        if exchange.server.disconnected.wait(0.02):
            return
        exchange.send(b": still thinking\n\n")


def _trickle(exchange: Exchange) -> None:
    for _ in range(500):
        if exchange.server.disconnected.wait(0.02):
            return
        if exchange.streaming:
            exchange.event(exchange.chunk({"content": "…"}))
        else:
            exchange.wfile.write(b" ")


def _tool_calls(exchange: Exchange) -> None:
    function = {"name": "get_weather", "arguments": '{"city":"杭州"}'}
    call = {"id": "call_1", "type": "function", "function": function}
    if not exchange.streaming:
        exchange.answer(200, exchange.completion({"content": None, "tool_calls": [call]}, "tool_calls"))
        return
    exchange.open_stream()
    exchange.event(exchange.chunk({"role": "assistant", "tool_calls": [{"index": 0, **call}]}))
    exchange.event(exchange.chunk({}, "tool_calls"))
    exchange.done()


def _vendor_fields(exchange: Exchange) -> None:
    if not exchange.streaming:
        message = {"content": "Hi", "reasoning_content": "well"}
        exchange.answer(200, {**exchange.completion(message), "citations": ["a"]})
        return
    exchange.open_stream()
    exchange.event(exchange.chunk({"reasoning_content": "well"}, citations=["a"]))
    exchange.event(exchange.chunk({"content": "Hi"}, "stop"))
    exchange.done()


def _close(exchange: Exchange) -> None:
    """A stream without framing: it ends when the connection does."""
    exchange.open_stream(close=True)
    exchange.event(exchange.chunk({"content": "Hello"}, "stop"))
    exchange.wfile.write(b"data: [DONE]")


SCRIPTS: dict[str, Script] = {
    "ok": echo,
    "gated": begun(_gated),
    "slow-first-token": _slow,
    "hang": _hang,
    "stall": begun(_hang),
    "stall-close": begun(_hang, close=True),
    "trickle": begun(_trickle),
    "comments": _comments,
    "truncated": begun(_drop),
    "no-done": begun(_end),
    "no-finish": begun(_done),
    "error-mid-stream": begun(_error),
    "garbage-mid-stream": begun(_garbage),
    "drop": _drop,
    "last": _last,
    "close": _close,
    "html": page(200, b"<html><body>Please sign in</body></html>"),
    "html-502": page(502, b"<html><body>Bad gateway</body></html>"),
    "empty": page(200, b"", "application/json"),
    "empty-stream": page(200, b"", "text/event-stream"),
    "text": page(200, b"It works!", "text/plain"),
    "error-200": status(200, {"message": "model is loading"}),
    "no-choices": page(200, b'{"object": "chat.completion", "choices": []}', "application/json"),
    "redirect": _redirect,
    "400": status(400, CONTEXT_ERROR),
    "401": status(401, {"message": "Incorrect API key provided: sk-test-secret.", "code": "invalid_api_key"}),
    "403": status(403, {"message": "Key sk-test-secret may not use this model."}),
    "404": status(404, {"message": "The model does not exist", "code": "model_not_found", "param": None}),
    "413": status(413, {"message": "too large"}),
    "422": status(422, {"message": "x" * 5000}),
    "429": status(429, {"message": "slow down", "code": "rate_limit_exceeded"}, {"Retry-After": "7"}),
    "500": status(500, {"message": "the engine failed"}),
    "503": status(503, {"message": "overloaded"}, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
    "504": status(504, {"message": "the engine timed out"}),
    "tool-calls": _tool_calls,
    "vendor-fields": _vendor_fields,
}
