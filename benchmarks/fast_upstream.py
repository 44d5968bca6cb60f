"""A model vendor that costs almost nothing: one thread, answers made beforehand, in OpenAI's protocol.

``with FastUpstream() as upstream:`` runs it in a process of its own: ``python benchmarks/fast_upstream.py PORT``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

#: What it says; the caller looks for it.
WORDS = "It is a fine day in May."
_USAGE = {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}
_FRAME = {"id": "chatcmpl-fast", "created": 1700000000, "model": "echo"}


def _whole() -> bytes:
    message = {"role": "assistant", "content": WORDS}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return _answer({**_FRAME, "object": "chat.completion", "choices": [choice], "usage": _USAGE})


def _listing() -> bytes:
    return _answer({"object": "list", "data": [{"id": "echo", "object": "model", "created": 0, "owned_by": "bench"}]})


def _answer(body: object) -> bytes:
    data = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)


def _stream() -> bytes:
    def event(data: str) -> bytes:
        text = f"data: {data}\n\n".encode()
        return b"%x\r\n%b\r\n" % (len(text), text)

    def chunk(delta: object, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return event(json.dumps({**_FRAME, "object": "chat.completion.chunk", "choices": [choice]}))

    words = [chunk({"role": "assistant", "content": ""})]
    words += [chunk({"content": f"{word} "}) for word in WORDS.split(" ")]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return b"".join([head, *words, chunk({}, "stop"), event("[DONE]"), b"0\r\n\r\n"])


WHOLE, STREAM, LISTING = _whole(), _stream(), _listing()


class Exchange(asyncio.Protocol):
    """One kept-alive connection; requests on it come one after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while True:
            head, found, rest = self._heard.partition(b"\r\n\r\n")
            if not found:
                return
            length = _length(head)
            if len(rest) < length:
                return
            self._heard = rest[length:]
            if head.startswith(b"GET"):
                self._transport.write(LISTING)
                continue
            body = rest[:length]
            streamed = b'"stream":true' in body or b'"stream": true' in body
            self._transport.write(STREAM if streamed else WHOLE)


def _length(head: bytes) -> int:
    found = head.lower().find(b"\r\ncontent-length:")
    return int(head[found + 17 :].split(b"\r\n", 1)[0]) if found >= 0 else 0


class FastUpstream:
    """Serves between ``with`` and its end; ``url`` has the /v1."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> FastUpstream:
        self._process = subprocess.Popen([sys.executable, str(Path(__file__).resolve()), str(self.port)])
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            time.sleep(0.02)
        raise SystemExit("the upstream did not start")

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=10)


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Exchange, "127.0.0.1", port, backlog=512)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGINT, ended.set)
    async with server:
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
