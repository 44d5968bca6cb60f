"""HTTP clients that cost little: requests built beforehand, sent over plain sockets by one thread.

On a small machine a client of the usual kind takes half of the processor that it wants to measure.
"""

from __future__ import annotations

import heapq
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

#: Seconds without any answer after which the server counts as dead.
SILENCE = 30.0
#: Seconds before a refused request is sent again when the answer names none.
REFUSED_WAIT = 1.0


@dataclass(slots=True)
class Driven:
    """What a run of requests did. Times are in seconds; ``cpu`` is the processor time that the clients took."""

    seconds: float = 0.0
    cpu: float = 0.0
    calls: list[float] = field(default_factory=list)
    #: Answers by status; those that asked to come again later (429 and 503) were sent again.
    statuses: dict[int, int] = field(default_factory=dict)
    #: The first answer that was no success, for the message.
    complaint: str = ""

    def quantile(self, share: float) -> float:
        """The seconds below which this share of the calls lies."""
        return sorted(self.calls)[min(int(len(self.calls) * share), len(self.calls) - 1)]


def request(path: str, body: bytes, headers: Iterable[str] = ()) -> bytes:
    """A POST of JSON as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def drive(host: str, port: int, requests: Iterable[bytes], *, clients: int) -> Driven:
    """Send all requests, each client one after the other, and read every answer to its end."""
    waiting, done = deque(requests), Driven()
    later: list[tuple[float, int, bytes]] = []
    with selectors.DefaultSelector() as ears:
        free = [_Client(host, port, ears) for _ in range(clients)]
        busy: set[_Client] = set()
        cpu, started = time.process_time(), time.perf_counter()
        heard = started
        while waiting or later or busy:
            now = time.perf_counter()
            while later and later[0][0] <= now:
                waiting.append(heapq.heappop(later)[2])
            while waiting and free:
                client = free.pop()
                client.send(waiting.popleft())
                busy.add(client)
            for key, _ in ears.select(timeout=0.05):
                client = key.data
                heard = time.perf_counter()
                status = client.hear()
                if status is None:
                    continue
                busy.remove(client)
                free.append(client)
                done.statuses[status] = done.statuses.get(status, 0) + 1
                if 200 <= status < 300:
                    done.calls.append(heard - client.since)
                    continue
                done.complaint = done.complaint or client.answer[:400].decode(errors="replace")
                if status in (429, 503):
                    heapq.heappush(later, (heard + client.wait(), id(client), client.sent))
            if busy and time.perf_counter() - heard > SILENCE:
                raise SystemExit(f"no answer from {host}:{port} for {SILENCE:g} s")
        done.seconds = time.perf_counter() - started
        done.cpu = time.process_time() - cpu
        for client in free:
            client.close()
    return done


class _Client:
    """One kept-alive connection."""

    def __init__(self, host: str, port: int, ears: selectors.BaseSelector) -> None:
        self._address, self._ears = (host, port), ears
        self._socket: socket.socket | None = None
        self.sent = self.answer = b""
        self.since = 0.0

    def send(self, raw: bytes) -> None:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=SILENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ears.register(self._socket, selectors.EVENT_READ, self)
        self.sent, self.answer, self.since = raw, b"", time.perf_counter()
        self._socket.sendall(raw)

    def hear(self) -> int | None:
        """The status, once the answer is whole."""
        assert self._socket is not None
        piece = self._socket.recv(262_144)
        self.answer += piece
        if not piece and not self.answer:  # An idle connection was closed under the request: once more.
            self.close()
            self.send(self.sent)
            return None
        head, _, body = self.answer.partition(b"\r\n\r\n")
        if not piece or len(body) >= int(self._header(head, b"content-length", b"1000000000")):
            if not piece or self._header(head, b"connection", b"") == b"close":
                self.close()
            return int(self.answer[9:12])
        return None

    def wait(self) -> float:
        """How long the server asked to wait before the same request is sent again."""
        return float(self._header(self.answer, b"retry-after", str(REFUSED_WAIT).encode()))

    def close(self) -> None:
        if self._socket is not None:
            self._ears.unregister(self._socket)
            self._socket.close()
            self._socket = None

    @staticmethod
    def _header(head: bytes, name: bytes, default: bytes) -> bytes:
        found = head.lower().find(b"\r\n" + name + b":")
        return head[found + len(name) + 3 :].split(b"\r\n", 1)[0].strip().lower() if found >= 0 else default
