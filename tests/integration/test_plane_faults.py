"""Every fault at the start of the control plane is a line that names it and the fix, and the exit code is 2."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner
from servers import free_port

from memoryos_app import mcp_server
from memoryos_app.plane import checks_endpoints, checks_stores, serve
from memoryos_app.stack.program import Role

# A process without rights may not be able to read the sources; all is imported before.
assert checks_endpoints
assert checks_stores


class Start:
    """Starts the server by its command, with a broker and a store that are there."""

    def __init__(self, folder: Path, urls: dict[Role, str]) -> None:
        self.folder = folder
        self.path = folder / "mcp_config.yaml"
        self.port = free_port()
        self.environ = {"REDIS_URL": urls["truth"], "CELERY_BROKER_URL": urls["traffic"],
                        "MEMORYOS_DATA_DIR": str(folder / "data"), "MEMORYOS_MCP_CONFIG": ""}
        self.said = ""
        self.served = 0

    def write(self, text: str = "models: [{name: m, endpoint: 'http://127.0.0.1:1/'}]", *, port: int | None = None,
              more: str = "") -> None:
        self.path.write_text(f"{text}\nserver: {{port: {self.port if port is None else port}}}\n{more}\n")
        self.path.chmod(0o644)

    def faults(self) -> list[str]:
        """The lines on standard error; the exit code was 2, and nothing was served."""
        result = CliRunner().invoke(mcp_server.main, ["--config", str(self.path)], env=self.environ)
        self.said = result.stdout
        assert result.exit_code == 2, result.output
        assert self.served == 0
        lines = result.stderr.splitlines()
        assert all(line.startswith("fault ") for line in lines), lines
        return [line[6:].split(maxsplit=1)[1] for line in lines]


@pytest.fixture
def start(tmp_path: Path, redis_urls: dict[Role, str], monkeypatch: pytest.MonkeyPatch) -> Start:
    for url in redis_urls.values():
        with redis.Redis.from_url(url) as client:
            client.flushall()
    made = Start(tmp_path, redis_urls)

    def served(*_: object) -> None:
        made.served += 1

    monkeypatch.setattr(serve, "serve", served)
    return made


@contextmanager
def without_rights() -> Iterator[None]:
    """As a user who may do little; whoever is not root is one."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_file_that_is_missing(start: Start) -> None:
    assert start.faults() == [
        f"{start.path}: there is no such file. Create it (mcp_config.example.yaml shows how) or name another with "
        "--config or MEMORYOS_MCP_CONFIG."]


def test_yaml_that_is_invalid(start: Start) -> None:
    start.write("models: [")
    (said,) = start.faults()
    assert said.startswith(f"{start.path}: is not valid YAML (line 4, column 1: ")
    assert said.endswith("Correct it there.")


def test_a_port_in_use(start: Start) -> None:
    with socket.create_server(("127.0.0.1", start.port)):
        start.write()
        assert start.faults() == [
            f"Port {start.port} on 127.0.0.1 is in use. Stop what listens there, or change server.port."]


@pytest.mark.parametrize(("text", "said"), [
    ("models: [{name: '', endpoint: 'http://a'}]", "models[0].name in mcp_config.yaml: is empty. Give a value."),
    ("models: [{name: m, endpoint: }]", "models[0].endpoint in mcp_config.yaml: is empty. Give a value."),
    ("models: [{name: m}]",
     "models[0].endpoint in mcp_config.yaml: is missing. Every model needs its name and its endpoint."),
    ("auth: {enabled: true, api_key: ''}",
     "auth.api_key in mcp_config.yaml: is empty while auth.enabled is true. Set it, best as env:NAME."),
])
def test_a_required_field_that_is_empty(start: Start, text: str, said: str) -> None:
    start.write(text)
    assert start.faults() == [said]


def test_several_faults_are_a_line_each(start: Start) -> None:
    start.write("models: [{name: ''}]\nlimits: {rps: -1}")
    assert start.faults() == [
        "models[0].name in mcp_config.yaml: is empty. Give a value.",
        "limits.rps in mcp_config.yaml: -1 is too small. Give 0 or more.",
        "models[0].endpoint in mcp_config.yaml: is missing. Every model needs its name and its endpoint."]


def test_a_registry_that_is_not_ready(start: Start) -> None:
    # Given etcd's address, at which nobody listens
    closed = free_port()
    start.write(more=f"sync: {{mode: raft, etcd: ['127.0.0.1:{closed}']}}")
    (said,) = start.faults()
    assert said.startswith(f"The registry (raft at 127.0.0.1:{closed}) is not ready: ")
    assert said.endswith("Start it, or correct sync.etcd.")


@pytest.mark.parametrize(("variable", "what"), [("CELERY_BROKER_URL", "broker"), ("REDIS_URL", "store")])
def test_a_broker_or_a_store_that_is_away(start: Start, variable: str, what: str) -> None:
    closed = free_port()
    start.environ[variable] = f"redis://:hush@127.0.0.1:{closed}/0"
    start.write()
    (said,) = start.faults()
    assert said == (f"No Redis answers at 127.0.0.1:{closed} (Connection refused). Start it ('memoryos up' starts one)"
                    f", or name another with {variable}.")


def test_the_keys_of_another_store(start: Start, redis_urls: dict[Role, str]) -> None:
    with redis.Redis.from_url(redis_urls["truth"]) as client:
        client.set("mos:_system:vault", "another")
    start.write()
    (said,) = start.faults()
    assert said.startswith("vault.path: the keys in ")


def test_a_directory_that_is_read_only(start: Start) -> None:
    # Given directories of somebody else, which others may look into only
    with tempfile.TemporaryDirectory() as shared:
        folder = Path(shared)
        start.path = folder / "mcp_config.yaml"
        (folder / "logs").mkdir()
        start.write(more=f"logging: {{file: {folder}/logs/plane.log}}")
        start.environ["MEMORYOS_DATA_DIR"] = str(folder)
        for place in (folder / "logs", folder):
            place.chmod(0o555)
        # When a user without rights starts the server, then both are named
        with without_rights():
            faults = start.faults()
        folder.chmod(0o755)
    assert faults[:2] == [
        f"{folder} cannot be written to (Permission denied). Make it a directory that this user may write to, "
        "or name another with MEMORYOS_DATA_DIR.",
        f"{folder}/logs cannot be written to (Permission denied). Make it a directory that this user may write to, "
        "or set logging.file elsewhere."]


def test_a_privileged_port(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a kernel that keeps low ports for root, as most do; the others are made to
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        monkeypatch.setattr(socket, "socket", _Refusing)
    with tempfile.TemporaryDirectory() as shared:
        Path(shared).chmod(0o777)
        start.path = Path(shared) / "mcp_config.yaml"
        start.environ["MEMORYOS_DATA_DIR"] = shared
        start.write(port=80)
        # When a user without rights asks for one, then it is told
        with without_rights():
            assert start.faults() == ["server.port: 80 may not be opened by this user. Choose one above 1023."]


class _Refusing(socket.socket):
    def bind(self, address: object) -> None:
        raise PermissionError(13, "Permission denied")


def test_a_plane_that_is_turned_off(start: Start) -> None:
    start.write(more="mcp: {enabled: false}")
    assert start.faults() == ["mcp.enabled is false, so there is nothing to start. Set it to true or remove it."]


def test_without_a_fault_it_prints_each_check_and_the_models_and_serves(start: Start) -> None:
    # Given all that is needed but a worker
    start.write("models: [{name: 模型, endpoint: 'http://127.0.0.1:1/'}, {name: 模型, endpoint: 'http://127.0.0.1:2/'}]")
    # When it is started
    result = CliRunner().invoke(mcp_server.main, ["--config", str(start.path)], env=start.environ)
    # Then each check is a line, the missing worker is a warning, the models follow, and it serves
    assert (result.exit_code, start.served, result.stderr) == (0, 1, "")
    lines = result.stdout.splitlines()
    assert [line.split()[1] for line in lines] == [
        "python", "packages", "config", "directory", "port", "broker", "store", "vault", "clock", "queues", "registry",
        "模型,"]
    assert [line.split()[0] for line in lines] == [*["ok"] * 9, "warn", "ok", "model"]
    assert "The queue 'chat' has no consumer, and 0 messages wait in it. Start a worker: celery" in lines[9]
    assert lines[-1].split(maxsplit=1) == ["model", "模型, 2 endpoints"]


def test_tokens_in_variables_are_named_since_workers_need_them(start: Start) -> None:
    start.write("models: [{name: m, endpoint: 'http://127.0.0.1:1/', token: env:GLM_TOKEN}]")
    environ = {**start.environ, "GLM_TOKEN": "hush"}
    result = CliRunner().invoke(mcp_server.main, ["--config", str(start.path), "--check"], env=environ)
    said = [line.split(maxsplit=2)[2] for line in result.stdout.splitlines() if line.split()[1] == "tokens"]
    assert said == ["are read from GLM_TOKEN; the workers need these variables too"]
    assert "hush" not in result.output


def test_workers_need_the_file_where_the_registry_is_not_in_redis(start: Start) -> None:
    start.write("sync: {mode: local}")
    result = CliRunner().invoke(mcp_server.main, ["--config", str(start.path), "--check"], env=start.environ)
    said = [line for line in result.stdout.splitlines() if line.split()[:2] == ["warn", "workers"]]
    assert len(said) == 1
    assert "MEMORYOS_MCP_CONFIG" in said[0]
    assert result.exit_code == 0


def test_check_alone_does_not_serve(start: Start) -> None:
    start.write()
    result = CliRunner().invoke(mcp_server.main, ["--config", str(start.path), "--check"], env=start.environ)
    assert (result.exit_code, start.served) == (0, 0)
