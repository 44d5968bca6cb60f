"""A model vendor for tests and benchmarks: speaks OpenAI's protocol fast, or breaks it as told by the model's name.

``with Upstream() as upstream:`` in a test, ``python tests/upstream.py --port N`` for a benchmark. A model that is not
in SCRIPTS gets its last user message back.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from local_server import LocalServer
from upstream_scripts import SCRIPTS, echo

PATIENCE = 10.0  # seconds that anything here waits at most


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    connection: int


class Upstream(LocalServer):
    """Between ``with`` and its end."""

    def __init__(self, port: int = 0, *, record: bool = True) -> None:
        super().__init__(port, Exchange)
        self.record = record
        self.seen: list[Seen] = []

    @property
    def url(self) -> str:
        """The base URL, with /v1."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Exchange(BaseHTTPRequestHandler):
    """One connection; what a script needs to answer one request on it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 600
    server: Upstream
    body: dict[str, Any]

    def do_GET(self) -> None:
        """The model list."""
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "tests"} for name in ("echo", *SCRIPTS)]
        self.answer(200, {"object": "list", "data": listed})

    def do_POST(self) -> None:
        """Run the script that the model names."""
        self.body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.server.record:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.server.seen.append(Seen(self.path, headers, self.body, self.client_address[1]))
        if self.path != "/v1/chat/completions":
            self.answer(404, {"error": {"message": f"no such path: {self.path}", "type": "invalid_request_error"}})
            return
        SCRIPTS.get(str(self.body["model"]), echo)(self)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    @property
    def streaming(self) -> bool:
        """Whether a stream was asked for."""
        return bool(self.body.get("stream"))

    @property
    def last_user_text(self) -> str:
        """What the echo says."""
        for message in reversed(self.body["messages"]):
            if message["role"] == "user":
                content = message["content"]
                return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        return ""

    def answer(
        self, status: int, body: object, kind: str = "application/json", headers: Mapping[str, str] | None = None
    ) -> None:
        """A whole answer in one packet."""
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        head = {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        self.wfile.write(f"HTTP/1.1 {status} Scripted\r\n{lines}\r\n".encode() + data)

    def open_stream(self, kind: str = "text/event-stream", *, close: bool = False) -> None:
        """The head of a stream: chunked, or to the end of the connection."""
        framing = "Connection: close" if close else "Transfer-Encoding: chunked"
        self.close_connection = close
        self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{framing}\r\n\r\n".encode())

    def send(self, data: bytes) -> None:
        """A piece of a stream, in its own packet."""
        self.wfile.write(data if self.close_connection else b"%x\r\n%b\r\n" % (len(data), data))

    def event(self, event: object) -> None:
        """One server-sent event."""
        text = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
        self.send(f"data: {text}\n\n".encode())

    def done(self) -> None:
        """The terminal event and the end of the stream, in one packet."""
        self.wfile.write(b"" if self.close_connection else b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")

    def drop(self) -> None:
        """End the connection here."""
        self.close_connection = True

    def wait_gone(self) -> None:
        """Wait until the client hangs up (or the server stops)."""
        ready, _, _ = select.select([self.connection, self.server.stopped], [], [], PATIENCE)
        if self.connection in ready and not self.connection.recv(1, socket.MSG_PEEK):
            self.server.disconnected.set()
        self.drop()

    def completion(self, message: Mapping[str, Any], finish: str = "stop") -> dict[str, Any]:
        """A ``chat.completion``."""
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
        return {**self._frame("chat.completion"), "choices": [choice], "usage": self.usage()}

    def chunk(self, delta: Mapping[str, Any], finish: str | None = None, **extra: Any) -> dict[str, Any]:
        """A ``chat.completion.chunk``."""
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {**self._frame("chat.completion.chunk"), "choices": [choice], **extra}

    def usage_chunk(self) -> dict[str, Any]:
        """The chunk that ``stream_options.include_usage`` asks for."""
        return {**self._frame("chat.completion.chunk"), "choices": [], "usage": self.usage()}

    def usage(self) -> dict[str, int]:
        """Made up, but always the same."""
        return {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}

    def _frame(self, kind: str) -> dict[str, Any]:
        return {
            "id": "chatcmpl-upstream",
            "object": kind,
            "created": int(time.time()),
            "model": self.body["model"],
            "system_fingerprint": "fp_upstream",
        }


def main() -> None:
    """Serve until interrupted, without keeping the requests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    upstream = Upstream(parser.parse_args().port, record=False)
    print(f"upstream is ready on {upstream.url}", flush=True)
    with suppress(KeyboardInterrupt):
        upstream.serve_forever()


if __name__ == "__main__":
    main()
