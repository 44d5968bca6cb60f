"""Model servers that speak the plain protocol: ``POST {"prompt"}`` answered ``{"text"}``."""

from __future__ import annotations

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class GlmServer(ThreadingHTTPServer):
    """Answers with its name and the prompt, after ``seconds``; as a context it runs. ``die`` cuts all calls off."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, name: str, *, seconds: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.name = name
        self.seconds = seconds
        self.prompts: list[str] = []
        self._open: set[socket.socket] = set()
        self._dead = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/generate"

    def __enter__(self) -> GlmServer:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        """As a killed process does: nothing listens, and what was connected is cut off."""
        if self._dead:
            return
        self._dead = True
        self.shutdown()
        self.server_close()
        for connection in list(self._open):
            connection.close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever was cut off is nobody's error."""


class _Exchange(BaseHTTPRequestHandler):
    server: GlmServer
    protocol_version = "HTTP/1.1"
    #: Head and body are two writes; the second would wait for the first's acknowledgement.
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompts = asked["prompt"]
        time.sleep(self.server.seconds)
        if isinstance(prompts, list):
            self.server.prompts += prompts
            said: Any = {"text": [f"{self.server.name}: {each}" for each in prompts]}
        else:
            self.server.prompts.append(prompts)
            said = {"text": f"{self.server.name}: {prompts}"}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""
