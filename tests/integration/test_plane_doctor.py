"""``memoryos doctor`` and ``memoryos mcp config``: what they say of a system that runs, and of one that does not."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner
from servers import free_port

from memoryos_app.cli import main
from memoryos_app.plane import checks_stores
from memoryos_app.plane.checks import Level
from memoryos_app.stack.program import Role
from memoryos_tasks.adapters.plane.files import load
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.keyspace import WORKERS
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.plane.config import Auth, Model, PlaneConfig, endpoint
from memoryos_tasks.core.settings import Settings


class Answers(BaseHTTPRequestHandler):
    """Says of each path what the server was made with."""

    def do_GET(self) -> None:
        status, body = self.server.said.get(self.path, (404, {}))  # type: ignore[attr-defined]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Web:
    """A server on a port of its own; ``said`` are its answers by path."""

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.said: dict[str, tuple[int, object]] = {}
        self.server.said = self.said  # type: ignore[attr-defined]
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def web() -> Iterator[Web]:
    made = Web()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def environ(tmp_path: Path, redis_urls: dict[Role, str]) -> dict[str, str]:
    for url in redis_urls.values():
        with redis.Redis.from_url(url) as client:
            client.flushall()
    return {"REDIS_URL": redis_urls["truth"], "CELERY_BROKER_URL": redis_urls["traffic"], "MEMORYOS_MCP_CONFIG": "",
            "MEMORYOS_DATA_DIR": str(tmp_path / "data")}


def examined(environ: dict[str, str], *arguments: str) -> tuple[int, dict[str, list[tuple[str, str]]]]:
    """The exit code, and (level, text) of each line by what it is about."""
    result = CliRunner().invoke(main, ["doctor", *arguments], env=environ)
    found: dict[str, list[tuple[str, str]]] = {}
    for line in result.output.splitlines():
        level, what, said = line.split(maxsplit=2)
        found.setdefault(what, []).append((level, said))
    return result.exit_code, found


def worker(traffic: redis.Redis, *queues: str, warm: bool = True) -> None:
    traffic.hset(WORKERS, "one", json.dumps({
        "name": "one", "pid": 1, "queues": queues, "warm": warm, "vectors": "owner", "models": [],
        "seen_at": time.time()}))


def test_a_system_that_is_well(
    environ: dict[str, str], web: Web, redis_urls: dict[Role, str], tmp_path: Path
) -> None:
    # Given stores, a worker of every queue, a gateway with a plane in it, and two endpoints that answer
    with redis.Redis.from_url(redis_urls["traffic"]) as traffic:
        worker(traffic, "chat", "memory", "maintenance", "vectors")
    web.said |= {"/health/ready": (200, {"missing": []}), "/mcp/health": (200, {"missing": []}), "/alive": (404, {})}
    file = tmp_path / "mcp_config.yaml"
    file.write_text(f"models:\n- {{name: a, endpoint: '{web.url}/x'}}\n"
                    f"- {{name: a, endpoint: '{web.url}/y', health: {{path: /alive}}}}\n")
    # When the doctor comes, then all is well; the path's 404 is an answer
    code, found = examined(environ, "--url", web.url, "--config", str(file))
    assert {level for said in found.values() for level, _ in said} == {"ok"}, found
    assert code == 0
    assert set(found) == {"python", "packages", "directory", "broker", "store", "vault", "clock", "queues", "gateway",
                          "config", "plane", "registry", "endpoint"}
    assert len(found["endpoint"]) == 2


def test_what_is_wrong_is_named_with_what_to_do(
    environ: dict[str, str], web: Web, redis_urls: dict[Role, str], tmp_path: Path
) -> None:
    # Given a worker that serves one queue, messages in another, no gateway, and endpoints that are dead or sick
    with redis.Redis.from_url(redis_urls["traffic"]) as traffic:
        worker(traffic, "chat")
        traffic.lpush("memory", "one", "two")
    closed, plane = free_port(), free_port()
    web.said["/sick"] = (503, {})
    file = tmp_path / "mcp_config.yaml"
    file.write_text(f"server: {{port: {plane}}}\nmodels:\n- {{name: dead, endpoint: 'http://127.0.0.1:{closed}/x'}}\n"
                    f"- {{name: sick, endpoint: '{web.url}/y', health: {{path: /sick}}}}\n")
    # When the doctor comes
    code, found = examined(environ, "--url", f"http://127.0.0.1:{closed}", "--config", str(file))
    # Then each is a line with the fix
    assert code == 1
    said = {text for _, text in found["queues"]}
    assert ("The queue 'memory' has no consumer, and 2 messages wait in it. Start a worker: "
            "celery -A memoryos_tasks worker -Q memory") in said
    assert not any("'chat'" in text for text in said)
    assert found["gateway"] == [("fault", f"No server answers at http://127.0.0.1:{closed}. Start it with "
                                          "'memoryos up', or name it with --url.")]
    assert found["plane"] == [("fault", f"No server answers at http://127.0.0.1:{plane}. Start it: mcp-server --config "
                                        f"{file}, or set MEMORYOS_MCP_CONFIG for the gateway and restart it.")]
    texts = [text for _, text in found["endpoint"]]
    assert texts[0].startswith(f"dead at 127.0.0.1:{closed} cannot be reached (Connection refused). Start it or")
    assert texts[1].startswith(f"sick at 127.0.0.1:{web.port} answers its health path with 503. Look at its log")


def test_what_answers_is_something_else(environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        def hang_up() -> None:
            client, _ = other.accept()
            client.recv(1000)
            client.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")
            client.close()

        threading.Thread(target=hang_up, daemon=True).start()
        _, found = examined(environ, "--url", f"http://127.0.0.1:{port}")
    assert found["gateway"] == [("fault", f"What answers at http://127.0.0.1:{port} does not answer as MemoryOS does. "
                                          "See what listens there.")]


def test_a_plane_that_was_not_named_is_hinted_at(environ: dict[str, str], redis_urls: dict[Role, str]) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    assert "plane" not in examined(environ, "--url", closed)[1]
    with redis.Redis.from_url(redis_urls["truth"]) as truth:
        truth.hset(keyspace.PLANE_REGISTRY, "revision", "1")
    ((level, text),) = examined(environ, "--url", closed)[1]["plane"]
    assert (level, "--config" in text) == ("warn", True)


def test_a_broker_that_is_away_stops_no_other_check(environ: dict[str, str], web: Web) -> None:
    web.said["/health/ready"] = (503, {"missing": ["traffic"]})
    environ["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{free_port()}/0"
    code, found = examined(environ, "--url", web.url)
    assert (code, found["broker"][0][0], found["store"][0][0]) == (1, "fault", "ok")
    assert found["gateway"] == [
        ("warn", f"{web.url} is not ready: traffic is missing. The lines above say what to start.")]


def test_a_clock_that_is_off_is_told_by_how_much(
    redis_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    stores = checks_stores.Stores(redis_settings)
    assert stores.clock().level is Level.OK
    for skew, said in ((-90.0, "90.0 s behind Redis'"), (7.0, "7.0 s ahead of Redis'")):
        monkeypatch.setattr(checks_stores.time, "time", lambda skew=skew: real() + skew)
        found = stores.clock()
        assert (found.level, said in found.said) == (Level.WARN, True), found
    stores.close()


def test_a_store_that_may_lose_what_it_acknowledged(redis_urls: dict[Role, str]) -> None:
    # Given the traffic role's server in the place of the store of record
    url = redis_urls["traffic"]
    stores = checks_stores.Stores(Settings(redis=options.Redis(truth_url=url, traffic_url=url)))
    found = list(stores.safe())
    stores.close()
    assert [each.level for each in found] == [Level.WARN]
    assert "set appendonly yes, appendfsync always, maxmemory-policy noeviction in its redis.conf." in found[0].said


def test_config_show_tells_where_each_value_came_from(environ: dict[str, str], tmp_path: Path) -> None:
    # Given a file, a variable over it, and a secret
    file = tmp_path / "mcp_config.yaml"
    file.write_text("models: [{name: m, endpoint: 'http://a', token: env:GLM}]\nserver: {host: 0.0.0.0}\n")
    environ |= {"MEMORYOS_MCP_CONFIG": str(file), "MEMORYOS_MCP__SERVER__PORT": "9000", "GLM": "hush"}
    # When it is shown
    result = CliRunner().invoke(main, ["mcp", "config", "show"], env=environ)
    # Then each line names the place, and no secret is in it
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in result.stdout.splitlines()}
    assert result.exit_code == 0
    assert rows["server.port"] == ["9000", "environment MEMORYOS_MCP__SERVER__PORT"]
    assert rows["server.host"] == ["0.0.0.0", "mcp_config.yaml"]
    assert rows["limits.rps"] == ["100", "default"]
    assert "hush" not in result.output


def test_config_check(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "mcp_config.yaml"
    file.write_text("models: []\n")
    assert CliRunner().invoke(main, ["mcp", "config", "check", "--config", str(file)], env=environ).exit_code == 0
    file.write_text("modells: []\n")
    result = CliRunner().invoke(main, ["mcp", "config", "check", "--config", str(file)], env=environ)
    assert (result.exit_code, result.stderr.strip()) == (
        2, "modells in mcp_config.yaml: there is no such key. Did you mean 'models'?")


def test_the_example_says_the_defaults(tmp_path: Path) -> None:
    # Given the example, as it is and with its commented keys in force
    text = Path("mcp_config.example.yaml").read_text()
    file = tmp_path / "mcp_config.yaml"
    secrets = {"GLM_TOKEN": "t", "MCP_API_KEY": "k"}
    for content in (text, re.sub(r"(?m)^( *)# ?( *[a-z_-]+:( .*)?)$", r"\1\2", text)):
        file.write_text(content)
        # When it is read
        config = load(secrets, file).config
        # Then it is what holds without it, but for the models, a secret and etcd's members
        assert replace(config, models=(), auth=Auth(), sync=replace(config.sync, etcd=())) == PlaneConfig()
        first = config.models[0]
        assert replace(first, token="", token_from="") == endpoint(Model(first.model, first.url))
    assert (first.token, config.auth.api_key, config.sync.etcd) == ("t", "k", ("127.0.0.1:2379",))
