"""An HTTP server of the tests on 127.0.0.1, which knows when its clients go and can hold an answer back."""

from __future__ import annotations

import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

Self = TypeVar("Self", bound="LocalServer")


class LocalServer(ThreadingHTTPServer):
    """Serves from a thread of its own, between ``with`` and its end."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, exchange: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", port), exchange)
        self.released = threading.Event()
        self.disconnected = threading.Event()
        self.ended = threading.Event()
        self._wake, self.stopped = socket.socketpair()

    def release(self) -> None:
        """Let a gated answer go on."""
        self.released.set()

    def __enter__(self: Self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._wake.close()
        self.shutdown()
        self.server_close()
        self.stopped.close()

    def shutdown_request(self, request: Any) -> None:
        """A connection is over."""
        super().shutdown_request(request)
        self.ended.set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is part of the tests."""
        if isinstance(sys.exc_info()[1], ConnectionError):
            self.disconnected.set()
        else:
            super().handle_error(request, client_address)
