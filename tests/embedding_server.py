"""A server that speaks OpenAI's ``/embeddings`` and can misbehave. Its vectors follow from the words of a text."""

from __future__ import annotations

import base64
import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zlib import crc32


def vector(text: str, dimensions: int) -> list[float]:
    """A bag of words: each adds 1 at a place of its own."""
    numbers = [0.0] * dimensions
    for word in text.lower().split():
        numbers[crc32(word.strip(".,?!").encode()) % dimensions] += 1.0
    return numbers


class EmbeddingServer(ThreadingHTTPServer):
    """``asked`` holds the bodies of the requests. The fields below it say how to answer."""

    daemon_threads = True

    def __init__(self, dimensions: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.dimensions = dimensions
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        #: Statuses for the next requests; then all is well.
        self.fail: list[int] = []
        self.retry_after = ""
        #: The body to answer with, whatever was asked.
        self.body: bytes | None = None
        self.base64 = False
        self.shuffle = False
        #: Longest text that is taken, in characters.
        self.longest = 1_000_000
        self.down = False
        self.hang = False
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def answer(self, texts: list[str]) -> Any:
        rows = [{"object": "embedding", "index": at, "embedding": self._told(text)} for at, text in enumerate(texts)]
        return {"object": "list", "data": rows[::-1] if self.shuffle else rows, "model": "m", "usage": {}}

    def _told(self, text: str) -> list[float] | str:
        numbers = vector(text, self.dimensions)
        return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode() if self.base64 else numbers


class _Handler(BaseHTTPRequestHandler):
    server: EmbeddingServer

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        self.server.keys.append(self.headers.get("Authorization"))
        if self.server.hang:
            self.server.released.wait(10)
            return
        if self.server.down:
            self._send(503, b'{"error": {"message": "overloaded"}}')
        elif self.server.fail:
            self._send(self.server.fail.pop(0), b'{"error": {"message": "no: quoted secret words"}}')
        elif self.path != "/v1/embeddings":
            self._send(404, b"{}")
        elif any(len(text) > self.server.longest for text in asked["input"]):
            self._send(413, b'{"error": {"message": "quoted secret words are too long"}}')
        else:
            body = json.dumps(self.server.answer(asked["input"])).encode()
            self._send(200, self.server.body if self.server.body is not None else body)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if self.server.retry_after:
            self.send_header("Retry-After", self.server.retry_after)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def serving(dimensions: int = 8) -> Iterator[EmbeddingServer]:
    """A server on a free port of this machine."""
    made = EmbeddingServer(dimensions)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.released.set()
        made.shutdown()
        made.server_close()
        thread.join(timeout=5)
