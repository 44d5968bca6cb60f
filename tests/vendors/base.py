"""What every stand-in for a model vendor is built on: a server that records, answers, streams and breaks as told.

A dialect subclasses :class:`Vendor` with its paths, its error body and its table of scenarios (name → function of one
:class:`Exchange`). The model's name in a request names the scenario; a name that is not in the table gets ``echo``.
"""

from __future__ import annotations

import json
import re
import select
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

from local_server import LocalServer

PATIENCE = 10.0  # seconds that anything here waits at most
RETRY_AFTER = "7"  # what a 429 asks for, in seconds


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    connection: int
    model: str = field(default="")


class Exchange(BaseHTTPRequestHandler):
    """One connection; what a scenario needs to answer one request on it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 600
    server: Vendor
    body: dict[str, Any]
    model: str

    def do_GET(self) -> None:
        """The vendor's list of models."""
        listed = self.server.listing(self.path)
        if listed is None:
            self.answer(404, self.server.error(404, f"no such path: {self.path}"))
        else:
            self.answer(200, listed)

    def do_POST(self) -> None:
        """Run the scenario that the model names."""
        self.body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        model = self.server.model(self.path, self.body)
        self.model = model or ""
        if self.server.record:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.server.seen.append(Seen(self.path, headers, self.body, self.client_address[1], self.model))
        if model is None:
            self.answer(404, self.server.error(404, f"no such path: {self.path}"))
            return
        self.server.scenario(model)(self)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    @property
    def streaming(self) -> bool:
        """Whether a stream was asked for."""
        return self.server.streams(self.path, self.body)

    def answer(
        self, status: int, body: object, kind: str = "application/json", headers: Mapping[str, str] | None = None
    ) -> None:
        """A whole answer in one packet; ``bytes`` go out as they are, all else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        head = {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        self.wfile.write(f"HTTP/1.1 {status} Scripted\r\n{lines}\r\n".encode() + data)

    def open_stream(self, kind: str = "text/event-stream", *, close: bool = False) -> None:
        """The head of a stream: chunked, or to the end of the connection."""
        framing = "Connection: close" if close else "Transfer-Encoding: chunked"
        self.close_connection = close
        self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{framing}\r\n\r\n".encode())

    def open_body(self) -> None:
        """The head and the first byte of a JSON body of 1,000 bytes that will not come whole."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")

    def send(self, data: bytes) -> None:
        """A piece of a stream, in its own packet."""
        self.wfile.write(data if self.close_connection else b"%x\r\n%b\r\n" % (len(data), data))

    def event(self, data: object, name: str = "") -> None:
        """One server-sent event; a ``str`` goes out as it is, all else as JSON."""
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        head = f"event: {name}\n" if name else ""
        self.send(f"{head}data: {text}\n\n".encode())

    def comment(self, text: str) -> None:
        """A line that server-sent events call a comment."""
        self.send(f": {text}\n\n".encode())

    def line(self, data: object) -> None:
        """One line of NDJSON; a ``str`` goes out as it is, all else as JSON."""
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        self.send(f"{text}\n".encode())

    def end(self) -> None:
        """The proper end of a stream's body; the dialect's terminal event is the scenario's business."""
        if not self.close_connection:
            self.wfile.write(b"0\r\n\r\n")

    def drop(self) -> None:
        """End the connection here."""
        self.close_connection = True

    def wait_gone(self) -> None:
        """Be silent until the client hangs up (or the server stops); sets the vendor's ``disconnected``."""
        ready, _, _ = select.select([self.connection, self.server.stopped], [], [], PATIENCE)
        if self.connection in ready and not self.connection.recv(1, socket.MSG_PEEK):
            self.server.gone.append(self.model)
            self.server.disconnected.set()
        self.drop()

    def wait_released(self) -> None:
        """Be silent until the test calls the vendor's ``release``."""
        self.server.released.wait(PATIENCE)


Scenario = Callable[[Any], None]


class Vendor(LocalServer, ABC):
    """A vendor between ``with`` and its end."""

    #: What the vendor's own client takes after the host, such as ``/v1``.
    base_path: ClassVar[str] = ""
    #: What is done for which model; has at least ``echo``.
    scenarios: ClassVar[Mapping[str, Scenario]] = {}
    #: What a dialect adds to an exchange.
    exchange: ClassVar[type[Exchange]] = Exchange

    def __init__(self, port: int = 0, *, record: bool = True) -> None:
        super().__init__(port, self.exchange)
        self.record = record
        self.seen: list[Seen] = []
        #: The models whose clients hung up while ``wait_gone`` waited for it.
        self.gone: list[str] = []

    @abstractmethod
    def model(self, path: str, body: Mapping[str, Any]) -> str | None:
        """The model that a POST asks for; None: this vendor has no such path."""

    def streams(self, path: str, body: Mapping[str, Any]) -> bool:
        """Whether a POST asks for a stream."""
        return bool(body.get("stream"))

    def listing(self, path: str) -> object | None:
        """The answer to a GET; None: this vendor has no such path."""
        return None

    def error(self, status: int, message: str) -> object:
        """The body of an error, in the vendor's words."""
        return {"error": {"message": message}}

    def scenario(self, model: str) -> Scenario:
        """The table's function; ``status-NNN`` is one for every vendor."""
        if model in self.scenarios:
            return self.scenarios[model]
        status = re.fullmatch(r"status-(\d{3})", model)
        return self._refuses(int(status[1])) if status else self.scenarios["echo"]

    def _refuses(self, status: int) -> Scenario:
        headers = {"Retry-After": RETRY_AFTER} if status == 429 else None
        body = self.error(status, f"refused with {status}")
        return lambda exchange: exchange.answer(status, body, headers=headers)

    @property
    def url(self) -> str:
        """The base URL that the vendor's own client would take."""
        return f"http://127.0.0.1:{self.server_address[1]}{self.base_path}"

    def asked(self, model: str) -> list[Seen]:
        """The requests for this model, oldest first."""
        return [seen for seen in list(self.seen) if seen.model == model]
