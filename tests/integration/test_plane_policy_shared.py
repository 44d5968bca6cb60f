"""The policy in one node's file holds at the other nodes, and in the workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from flask.testing import FlaskClient
from plain_codec import PlainCodec
from waiting import until

from memoryos_app.parts import close
from memoryos_app.plane.app import create_plane_app
from memoryos_app.plane.start import Starter
from memoryos_tasks.adapters.config.live import LiveSettings
from memoryos_tasks.adapters.plane.reload import LivePlane
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.plane_parts import WorkersPlane

MODELS = "models: [{name: m, endpoint: 'http://127.0.0.1:1/'}]\nreload: {mode: hybrid, poll_seconds: 100ms}\n"

Node = Callable[..., FlaskClient]


@pytest.fixture
def node(redis_settings: Settings, tmp_path: Path) -> Iterator[Node]:
    """Starts nodes of one deployment, each with a file of its own."""
    settings = replace(redis_settings, data_dir=tmp_path)
    started: list[tuple[Starter, FlaskClient]] = []

    def make(file: Path, port: int, rules: str, **environ: str) -> FlaskClient:
        file.write_text(f"{MODELS}server: {{port: {port}}}\n{rules}")
        starter = Starter(LivePlane(environ, file), lambda: settings)
        client = create_plane_app(starter, lambda: settings).test_client()
        started.append((starter, client))
        assert client.get("/mcp/models").status_code == 200
        return client

    yield make
    for starter, client in started:
        starter.stop()
        close(client.application)


def bound(client: FlaskClient) -> str:
    return str(client.get("/mcp/models").headers.get("X-RateLimit-Limit"))


def test_a_limit_changed_in_one_file_holds_at_the_other_node_and_in_the_workers(
    node: Node, tmp_path: Path, redis_settings: Settings, truth: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two nodes whose files say the same, and a worker without a file
    rules = "limits: {rps: 500, user_rate: 0, ip_rate: 0}\nmcp: {timeout: 20s}\n"
    first = tmp_path / "one.yaml"
    one, two = node(first, 18091, rules), node(tmp_path / "two.yaml", 18092, rules)
    assert (bound(one), bound(two)) == ("500", "500")
    monkeypatch.delenv("MEMORYOS_MCP_CONFIG", raising=False)
    worker = WorkersPlane(LiveSettings({}), truth, PlainCodec())
    registry = worker.registry()
    try:
        assert worker.config.mcp.timeout == 20.0
        # When the first one's file changes
        changed = rules.replace("500", "120").replace("20s", "5s") + "breaker: {failures: 2}\n"
        first.write_text(f"{MODELS}server: {{port: 18091}}\n{changed}")
        # Then both nodes hold to it, and the worker
        until(lambda: bound(one) == bound(two) == "120", seconds=5, what="both nodes have the new limit")
        until(lambda: worker.config.mcp.timeout == 5.0, seconds=5, what="the worker has the new timeout")
        assert worker.rules().breaker.failures == 2
        assert two.get("/mcp/config").json["policy"]["breaker"]["failures"] == 2
        # And what is not valid reaches nobody
        first.write_text(f"{MODELS}server: {{port: 18091}}\nlimits: {{rps: many}}\n")
        assert "rps" in one.post("/mcp/reload").text
        assert (bound(one), bound(two)) == ("120", "120")
    finally:
        registry.close()


def test_what_a_nodes_environment_says_is_told_to_nobody(node: Node, tmp_path: Path) -> None:
    # Given a node, and another one with the same rules and a limit of its own
    first, rules = tmp_path / "one.yaml", "limits: {rps: 500, user_rate: 0, ip_rate: 0}\n"
    one = node(first, 18091, rules)
    two = node(tmp_path / "two.yaml", 18092, rules, MEMORYOS_MCP__LIMITS__RPS="70")
    assert (bound(one), bound(two)) == ("500", "70")
    # When a file changes, Then each still goes by what holds for it
    first.write_text(f"{MODELS}server: {{port: 18091}}\n{rules.replace('500', '300')}breaker: {{failures: 2}}\n")
    until(lambda: bound(one) == "300", seconds=5, what="the new limit")
    until(lambda: two.get("/mcp/config").json["policy"]["breaker"]["failures"] == 2, seconds=5, what="the new breaker")
    assert bound(two) == "70"
    # And a node whose file says nothing of it changes nothing
    three = node(tmp_path / "three.yaml", 18093, "")
    assert (bound(three), bound(one)) == ("300", "300")
