"""The configuration changes under load, with a real server, a real worker and real endpoints: no request is lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from celery_processes import CeleryProcess, environment
from plane_process import PlaneProcess
from servers import ROLES, Servers
from waiting import until

#: Changes, and every how many of them one is invalid.
CHANGES, INVALID = 50, 10


class Glm(BaseHTTPRequestHandler):
    """Answers a prompt, or a list of them, with what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["prompt"]
        said = [{"text": f"re: {each}"} for each in asked] if isinstance(asked, list) else {"text": f"re: {asked}"}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def endpoints() -> Iterator[list[str]]:
    """The URLs of two that answer."""
    with ExitStack() as ends:
        urls = []
        for _ in range(2):
            server = ThreadingHTTPServer(("127.0.0.1", 0), Glm)
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
            ends.callback(server.server_close)
            ends.callback(server.shutdown)
            urls.append(f"http://127.0.0.1:{server.server_address[1]}/generate")
        yield urls


@pytest.mark.slow
def test_fifty_changes_under_load_lose_no_request(tmp_path: Path, endpoints: list[str]) -> None:
    with ExitStack() as house:
        # Given a plane, a worker, and clients that ask without a pause
        servers = house.enter_context(Servers(tmp_path))
        env = environment({role: servers.url(role) for role in ROLES}, tmp_path / "data",
                          MEMORYOS__VECTORS__ENGINE="none", MEMORYOS__WORKER__CONCURRENCY="32")
        process = PlaneProcess(tmp_path, env)
        house.callback(process.end)
        free = "limits: {rps: 0, user_rate: 0, ip_rate: 0}\n"
        process.configure(f"{{name: m, endpoint: '{endpoints[0]}'}}", free)
        house.enter_context(CeleryProcess("worker", "-l", "warning", env=env, log=tmp_path / "worker.log"))
        process.start()
        until(lambda: process.health() == "ready", seconds=60, what="the plane is ready")
        lost: list[str] = []
        counts = [0, 0, 0]
        ending = threading.Event()

        def ask(number: int) -> None:
            with requests.Session() as session:
                while not ending.is_set():
                    text = f"{number}/{counts[number]}"
                    answer = session.post(process.url + "/inference", json={"prompt": text}, timeout=30)
                    if answer.status_code != 200 or answer.json()["text"] != f"re: {text}":
                        lost.append(f"{answer.status_code} {answer.text}")
                    counts[number] += 1

        clients = [threading.Thread(target=ask, args=(number,)) for number in range(len(counts))]
        for client in clients:
            client.start()
        # When the file changes fifty times: endpoints come and go, weights change, and every tenth is invalid
        refused = 0
        for number in range(1, CHANGES + 1):
            asked = sum(counts)
            if number % INVALID == 0:
                process.configure(f"{{name: m, endpoint: '{endpoints[0]}', weight: none-{number}}}", free)
                until(lambda number=number: f"'none-{number}' is not a number" in process.log(), seconds=5,
                      what=f"the refusal of {number}")
                refused += 1
            else:
                urls = endpoints if number % 2 else endpoints[number // 2 % 2:][:1]
                models = ", ".join(f"{{name: m, endpoint: '{url}', timeout: {number + 1}}}" for url in urls)
                process.configure(models, free)
                until(lambda urls=urls: process.instances("m") == len(urls), seconds=5, what=f"change {number}")
            until(lambda asked=asked: sum(counts) > asked, seconds=10, what="requests go on")
        ending.set()
        for client in clients:
            client.join()
    # Then each request was answered, and each invalid file refused
    assert (lost, refused) == ([], CHANGES // INVALID)
