"""A running system and two servers of the plane beside it, over three etcd members: one dies, no request is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from acceptance.plane.load import Load
from acceptance.system import ROOT, System, free_port, until
from etcd_cluster import Cluster
from vendors.glm import Glm

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.core.plane.config import Sync
from memoryos_tasks.core.plane.nodes import pace

SYNC = Sync(mode="raft")
#: Seconds within which a death shows.
BOUND = SYNC.election_timeout + pace(
    SYNC.heartbeat_interval, SYNC.election_timeout, whole_seconds=True).lease + 1.0


class Server:
    """``mcp_server`` with all its processes, which die together as those of a machine do."""

    def __init__(self, folder: Path, config: dict[str, Any], environment: dict[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._file = folder / f"{self.port}.yaml"
        self._log = folder / f"{self.port}.log"
        self._file.write_text(json.dumps({**config, "server": {"host": "127.0.0.1", "port": self.port}}))
        self._environment = environment
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "memoryos_app.mcp_server", "--config", str(self._file)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True)

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=10)

    def end(self) -> None:
        if self._process.poll() is None:
            self.kill()


def nodes(url: str) -> list[dict[str, Any]]:
    try:
        return list(requests.get(f"{url}/mcp/nodes", timeout=10).json().get("nodes", []))
    except (requests.RequestException, ValueError):
        return []


def settled(urls: list[str], count: int) -> bool:
    """Whether all of these show this many nodes, and the same scheduler."""
    views = [[(each["id"], each["role"]) for each in nodes(url)] for url in urls]
    return all(view == views[0] for view in views) and len(views[0]) == count and [
        role for _, role in views[0]].count("scheduler") == 1


def register(url: str, model: str, endpoint: str) -> None:
    message = {"opcode": "0x03", "session_id": "s", "payload": {"name": model, "endpoint": endpoint}}
    requests.post(f"{url}/mcp/messages", json=message, timeout=20).raise_for_status()


def models(url: str) -> set[str]:
    return {each["name"] for each in requests.get(f"{url}/mcp/models", timeout=10).json()["models"]}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_member_and_a_node_die_under_load_and_no_request_is_lost(
    make_system: Callable[..., System], tmp_path: Path, stack: ExitStack, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given three etcd members, a system whose gateway is a node, and two nodes beside it
    (tmp_path / "etcd").mkdir()
    cluster = stack.enter_context(Cluster(tmp_path / "etcd", 3))
    glm = stack.enter_context(Glm("healthy", seconds=0.05, record=False))
    config: dict[str, Any] = {
        "models": [{"name": "glm", "endpoint": glm.url}],
        "limits": {"rps": 0, "user_rate": 0, "ip_rate": 0},
        "sync": {"mode": "raft", "etcd": list(cluster.addresses)},
    }
    file = tmp_path / "mcp_config.yaml"
    file.write_text(json.dumps(config))
    system = make_system({"MEMORYOS_MCP_CONFIG": str(file), "MEMORYOS__REDIS__TIMEOUT": "5"})
    servers = [Server(tmp_path, config, system.environment) for _ in range(2)]
    for server in servers:
        stack.callback(server.end)
    urls = [system.url, *(server.url for server in servers)]
    until(lambda: settled(urls, 3), seconds=40, what="three nodes know each other")

    took: dict[str, float] = {}
    truth = stack.enter_context(redis.Redis.from_url(system.truth_url, decode_responses=True))
    with Load(system.url, 4) as load:
        until(lambda: load.answered > 10, seconds=20, what="requests are answered")
        until(lambda: truth.zcard(keyspace.due("infer")), seconds=10, what="open jobs are seen in the ledger")
        # When the etcd member that leads dies, endpoints can be added by every node, and all know them
        cluster.kill(cluster.leader())
        began = time.monotonic()
        for number, url in enumerate(urls):
            register(url, f"model-{number}", f"http://127.0.0.1:9/{number}")
        expected = {"glm", "model-0", "model-1", "model-2"}
        until(lambda: all(models(url) == expected for url in urls), seconds=BOUND, what="all know the new models")
        took["etcd leader"] = time.monotonic() - began

        # When a node dies, and comes back
        for number, server in enumerate(servers):
            with Load(server.url, 2) as cut_off:
                until(lambda load=cut_off: load.answered > 5, seconds=20, what="it answers requests")
                server.kill()
            began = time.monotonic()
            left = [url for url in urls if url != server.url]
            until(lambda left=left: settled(left, 2), seconds=BOUND, what="the node has gone, one is the scheduler")
            took[f"node {number}"] = time.monotonic() - began
            server.start()
            until(lambda: settled(urls, 3), seconds=100, what="it is back")
            assert models(server.url) == expected

    # Then every request to the node that lived was answered, and whatever any node accepted was done
    assert set(load.told) == {"answered"}, load.told
    until(lambda: truth.zcard(keyspace.due("infer")) == 0, seconds=20, what="no job is open")
    ended = {truth.hget(key, "status") for key in truth.scan_iter("mos:*:job:*", count=1000)}
    assert ended == {"succeeded"}
    with capsys.disabled():
        print(f"\nplane over HTTP: {load.answered} answers, seconds until it shows "
              f"{({name: round(each, 1) for name, each in took.items()})}, bound {BOUND:g}")
