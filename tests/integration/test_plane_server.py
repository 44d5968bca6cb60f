"""The control plane as a server of its own, as a process: start, answers, reload, end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from celery_processes import environment
from plane_process import PlaneProcess
from servers import ROLES, Servers
from waiting import until

MODEL = "name: autoglm, endpoint: 'http://127.0.0.1:1/'"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[PlaneProcess]:
    """With real stores and no worker."""
    with Servers(tmp_path) as servers:
        made = PlaneProcess(tmp_path, environment({role: servers.url(role) for role in ROLES}, tmp_path / "data"))
        yield made
        made.end()


def test_a_life_from_start_to_end(process: PlaneProcess) -> None:
    # Given a server that starts
    process.configure(f"{{{MODEL}}}", "sync: {node_id: one, heartbeat_interval: 200ms}\n")
    running = process.start()
    until(process.models, seconds=30, what="the models are listed")

    # Then it said what it does, in the order in which it does it
    log = process.log()
    steps = ["config        ", "is valid", "autoglm, 1 endpoint", "the registry is connected",
             "this node has registered itself and reports its health"]
    places = [log.find(step) for step in steps]
    assert -1 not in places, log
    assert places == sorted(places)

    # And it is a node among the nodes
    nodes = until(lambda: process.get("/mcp/nodes")["nodes"], seconds=5, what="the node is registered")
    assert [(node["id"], node["address"]) for node in nodes] == [("one", f"127.0.0.1:{process.port}")]

    # And without a worker it answers 503 within two seconds, and says when to come again
    start = time.monotonic()
    answer = requests.post(process.url + "/inference", json={"prompt": "hello"}, timeout=5)
    assert (answer.status_code, time.monotonic() - start < 2.0) == (503, True)
    assert int(answer.headers["Retry-After"]) >= 1

    # When the file changes, then it applies within five seconds
    process.configure(f"{{{MODEL}}}, {{name: 中文, endpoint: 'http://127.0.0.1:2/'}}",
                      "sync: {node_id: one, heartbeat_interval: 200ms}\n")
    until(lambda: process.models() == ["autoglm", "中文"], seconds=5, what="the new model")

    # When it becomes invalid, then it is refused with the reason, on order too, and the old stays in force
    process.configure("{name: broken}")
    until(lambda: "models[0].endpoint in mcp_config.yaml: is missing" in process.log(), seconds=5, what="the refusal")
    refused = requests.post(process.url + "/mcp/reload", timeout=5)
    assert (refused.status_code, "is missing" in refused.json()["error"]["message"]) == (400, True)
    assert process.models() == ["autoglm", "中文"]

    # When its process dies meanwhile, then the next one has what was in force, not what was there at the start
    os.kill(process.children()[0], signal.SIGKILL)
    until(lambda: len(process.children()) == 2, seconds=10, what="another process")
    assert until(process.models, seconds=10, what="it answers again") == ["autoglm", "中文"]

    # When it is told to stop, then it ends in order and leaves the nodes
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=20) == 0


def test_sighup_reads_the_file_again_in_the_same_process(process: PlaneProcess) -> None:
    # Given a server that is told when to look
    process.configure(f"{{{MODEL}}}", "reload: push\nlogging: {file: own.log}\n")
    running = process.start()
    assert until(process.models, seconds=30, what="it answers") == ["autoglm"]
    # When the file changes, twice, and it is told
    for name in ("one", "two"):
        process.configure(f"{{{MODEL}}}, {{name: {name}, endpoint: 'http://127.0.0.1:2/'}}", "reload: push\n")
        running.send_signal(signal.SIGHUP)
        until(lambda name=name: process.models() == ["autoglm", name], seconds=5, what=name)
    # Then it has not been started anew
    assert len(process.children()) == 1
    # And its log is where the file says
    assert "the registry is connected" in (process.folder / "own.log").read_text()


def test_a_second_server_at_the_same_port_says_so(process: PlaneProcess) -> None:
    # Given a server
    process.configure(f"{{{MODEL}}}")
    process.start()
    until(process.models, seconds=30, what="it answers")
    # When another is started at its port, then that one ends with one line and exit code 2
    second = subprocess.run([sys.executable, "-m", "memoryos_app.mcp_server"], cwd=process.folder, env=process.env,
                            capture_output=True, text=True, timeout=30)
    assert second.returncode == 2
    assert second.stderr.splitlines() == [
        f"fault port          Port {process.port} on 127.0.0.1 is in use. Stop what listens there, or change "
        "server.port."]


def test_no_request_is_dropped_while_the_file_changes(process: PlaneProcess) -> None:
    # Given a server under load, at a path of its own
    process.configure(f"{{{MODEL}}}", "limits: {rps: 0, user_rate: 0, ip_rate: 0}\n")
    process.start()
    until(process.models, seconds=30, what="it answers")
    failed: list[object] = []
    with requests.Session() as session:
        # When the file changes ten times, twice to something invalid
        for number in range(10):
            process.configure(f"{{{MODEL}, weight: {number or 'none'}}}" if number % 5 else "{name: broken}",
                              "limits: {rps: 0, user_rate: 0, ip_rate: 0}\n")
            for _ in range(20):
                answer = session.get(process.url + "/mcp/models", timeout=5)
                if answer.status_code != 200 or len(answer.json()["models"]) != 1:
                    failed.append((number, answer.status_code, json.dumps(answer.json())))
    # Then each request was answered
    assert failed == []
