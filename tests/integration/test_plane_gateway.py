"""The control plane inside the gateway: on when ``MEMORYOS_MCP_CONFIG`` names a file, and only then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from waiting import until

from memoryos_app import create_app, parts
from memoryos_app.plane import start
from memoryos_app.stack.program import Role
from memoryos_tasks.adapters.plane import open as opening
from memoryos_tasks.core.errors import ConfigError, RegistryDown
from memoryos_tasks.core.settings import Settings


@pytest.fixture
def environ(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, redis_urls: dict[Role, str], redis_settings: Settings
) -> pytest.MonkeyPatch:
    """Of a gateway with empty stores."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", redis_urls["truth"])
    monkeypatch.setenv("CELERY_BROKER_URL", redis_urls["traffic"])
    monkeypatch.setenv("MEMORYOS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MEMORYOS__GATEWAY__PORT", "18080")
    monkeypatch.delenv("MEMORYOS_MCP_CONFIG", raising=False)
    return monkeypatch


def write(more: str = "") -> None:
    Path("plane.yaml").write_text(f"models: [{{name: m, endpoint: 'http://127.0.0.1:1/'}}]\n{more}")


@contextmanager
def gateway() -> Iterator[FlaskClient]:
    """One as the environment says, until its end."""
    app = create_app()
    yield app.test_client()
    start.leave(app)
    parts.close(app)


@pytest.fixture
def client(environ: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    write("sync: {heartbeat_interval: 100ms}\n")
    environ.setenv("MEMORYOS_MCP_CONFIG", "plane.yaml")
    with gateway() as made:
        yield made


def test_without_the_variable_there_is_no_plane(environ: pytest.MonkeyPatch) -> None:
    write()
    with gateway() as client:
        assert client.get("/mcp/models").status_code == 404


def test_a_file_that_turns_it_off(environ: pytest.MonkeyPatch) -> None:
    write("mcp: {enabled: false}\n")
    environ.setenv("MEMORYOS_MCP_CONFIG", "plane.yaml")
    with gateway() as client:
        assert client.get("/mcp/models").status_code == 404


def test_a_file_that_is_not_valid_is_refused_at_boot(environ: pytest.MonkeyPatch) -> None:
    write("modells: []\n")
    environ.setenv("MEMORYOS_MCP_CONFIG", "plane.yaml")
    with pytest.raises(ConfigError, match=r"modells in plane\.yaml: there is no such key"):
        create_app()


def test_the_gateway_is_a_node_and_answers_the_planes_calls_and_its_own(client: FlaskClient) -> None:
    # Given a gateway that has just been forked off and has had no request
    start.join(client.application)
    # When it is asked, then it knows the models of its file, and is a node at the gateway's own address
    said: Any = client.get("/mcp/models").json
    assert [each["name"] for each in said["models"]] == ["m"]
    nodes = until(lambda: client.get("/mcp/nodes").json["nodes"], seconds=5, what="the node registers")
    assert [node["address"] for node in nodes] == ["127.0.0.1:18080"]
    # And the gateway's own calls are there
    assert client.get("/v1/models").status_code == 200
    # And its file is followed
    Path("plane.yaml").write_text("models: [{name: n, endpoint: 'http://127.0.0.1:1/'}]\n")
    until(lambda: [each["name"] for each in client.get("/mcp/models").json["models"]] == ["n"], seconds=5, what="n")


def test_without_a_worker_an_inference_is_answered_503_in_time(client: FlaskClient) -> None:
    client.get("/mcp/models")
    begun = time.monotonic()
    answer = client.post("/inference", json={"prompt": "hello"})
    assert (answer.status_code, time.monotonic() - begun < 2.0) == (503, True)
    assert int(answer.headers["Retry-After"]) >= 1


def test_it_waits_for_a_registry_that_is_not_ready_and_starts_when_it_is(environ: pytest.MonkeyPatch) -> None:
    # Given a plane whose registry is away
    write()
    environ.setenv("MEMORYOS_MCP_CONFIG", "plane.yaml")
    environ.setattr(start, "AGAIN_SECONDS", 0.05)
    tries: list[str] = []
    real = opening.open_registry

    def away(*given: Any, **more: Any) -> Any:
        tries.append("once")
        if len(tries) < 3:
            raise RegistryDown("The registry is away.")
        return real(*given, **more)

    environ.setattr(opening, "open_registry", away)
    # When its process joins, then it tries until the registry is there, with no request needed
    with gateway() as client:
        start.join(client.application)
        until(lambda: len(tries) == 3, seconds=10, what="the third try")
        said = until(lambda: client.get("/mcp/models").json.get("models"), seconds=5, what="the models")
        assert [each["name"] for each in said] == ["m"]
