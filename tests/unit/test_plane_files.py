"""The control plane's file: syntax, precedence, and where each value came from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memoryos_tasks.adapters.plane.files import config_file, load
from memoryos_tasks.adapters.plane.files_shown import lines
from memoryos_tasks.core.errors import ConfigError


def written(folder: Path, content: str | bytes, name: str = "mcp_config.yaml") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(path: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as refused:
        load(environ or {}, path)
    return refused.value.message


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    # Given the same configuration in both
    yaml = written(tmp_path, "server: {port: 9000}\nmodels:\n- name: 模型\n  endpoint: http://a\n  timeout: 500ms\n")
    table = {"server": {"port": 9000}, "models": [{"name": "模型", "endpoint": "http://a", "timeout": "500ms"}]}
    # When both are read, then they are the same
    assert load({}, yaml).config == load({}, written(tmp_path, json.dumps(table), "mcp_config.json")).config


@pytest.mark.parametrize(("content", "name", "said"), [
    ("server: {port: 1", "m.yaml", "is not valid YAML (line 1, column 17: "),
    ("server:\n  port: 1\nserver:\n  port: 2\n", "m.yaml", "(line 3: the key 'server' stands there twice)"),
    ("a: 1\n---\nb: 2\n", "m.yaml", "is not valid YAML (line 2, column 1: "),
    ("a: !!python/object/apply:os.system [id]", "m.yaml", "could not determine a constructor"),
    ("a: 2020-99-99", "m.yaml", "it holds a value that cannot be understood"),
    ("[" * 500, "m.yaml", "it holds a value that cannot be understood, or is nested too deeply"),
    (b"\xff\xfe\x00", "m.yaml", "is not UTF-8. Save it as UTF-8."),
    ("{", "m.json", "is not valid JSON (line 1, column 2: "),
    ('{"auth": {"api_key": "a", "api_key": "b"}}', "m.json", "the key 'api_key' stands there twice"),
    ("", "m.yaml", "m.yaml: is empty."),
    ("x" * 1_000_001, "m.yaml", "is larger than 1000000 bytes. Is it the right file?"),
])
def test_a_file_that_cannot_be_understood_is_told_where(
    tmp_path: Path, content: str | bytes, name: str, said: str
) -> None:
    assert said in refusal(written(tmp_path, content, name))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.yaml") == (
        f"{tmp_path}/none.yaml: there is no such file. Create it (mcp_config.example.yaml shows how) or name another "
        "with --config or MEMORYOS_MCP_CONFIG.")
    assert refusal(tmp_path) == f"{tmp_path}: is a directory. Name the file in it."


def test_nothing_of_a_broken_file_is_repeated(tmp_path: Path) -> None:
    assert "hush" not in refusal(written(tmp_path, "auth: {api_key: hush, enabled: [}"))


def test_the_environment_wins_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    # Given a value in each place
    path = written(tmp_path, """\
server: {port: 9000, host: 0.0.0.0}
auth: {enabled: true, api_key: hush}
service: {registry: local}
models: [{name: m, endpoint: 'http://a/x?key=hush', token: env:GLM}]
""")
    environ = {
        "MEMORYOS_MCP__SERVER__PORT": "9001", "MEMORYOS_MCP__MODELS__0__TIMEOUT": "2s", "MEMORYOS_MCP__RELOAD": "poll",
        "MEMORYOS_MCP__AUTH__ENABLED": "off", "GLM": "hush", "MEMORYOS_MCP_CONFIG": "elsewhere",
    }
    # When it is read
    loaded = load(environ, path)
    # Then the environment has won
    assert (loaded.config.server.port, loaded.config.server.host) == (9001, "0.0.0.0")
    assert (loaded.config.models[0].timeout, loaded.config.reload.mode) == (2.0, "poll")
    # And the list says where each value came from, without a secret
    said = {key: (value, source) for key, value, source in lines(loaded)}
    assert said["server.port"] == ("9001", "environment MEMORYOS_MCP__SERVER__PORT")
    assert said["server.host"] == ("0.0.0.0", "mcp_config.yaml")
    assert said["server.worker_threads"] == ("100", "default")
    assert said["auth.enabled"] == ("false", "environment MEMORYOS_MCP__AUTH__ENABLED")
    assert said["auth.api_key"] == ("(set)", "mcp_config.yaml")
    assert said["models[0].token"] == ("(set)", "mcp_config.yaml, env:GLM")
    assert said["models[0].endpoint"] == ("http://a/x?…", "mcp_config.yaml")
    assert said["sync.mode"] == ("local", "service.registry, mcp_config.yaml")
    assert "hush" not in str(said)


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "models: []\n")
    assert refusal(path, {"MEMORYOS_MCP__SERVER__PROT": "1"}) == (
        "MEMORYOS_MCP__SERVER__PROT: there is no such key. Did you mean 'port'?")
    assert refusal(path, {"MEMORYOS_MCP__MODELS": "m"}) == (
        "MEMORYOS_MCP__MODELS: is a list. Set an entry's keys by its number, as in MODELS__0__TOKEN.")


def test_which_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config_file({}) == tmp_path / "mcp_config.yaml"
    assert config_file({"MEMORYOS_MCP_CONFIG": "a.json"}) == tmp_path / "a.json"
    assert config_file({"MEMORYOS_MCP_CONFIG": "a.json"}, Path("b.yaml")) == tmp_path / "b.yaml"
