"""The control plane's configuration: what it takes, and what it says to what it does not take."""

from __future__ import annotations

from typing import Any

import pytest

from memoryos_tasks.core.errors import ConfigError, InvalidRequest
from memoryos_tasks.core.plane.config import Health, PlaneConfig, endpoint_id
from memoryos_tasks.core.plane.config_changes import changed
from memoryos_tasks.core.plane.config_parse import model_from, parse
from memoryos_tasks.core.plane.config_rows import config_of, config_row, endpoint_of, endpoint_row

MODEL = {"name": "autoglm", "endpoint": "http://127.0.0.1:9001/generate"}


def refusal(raw: object, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as refused:
        parse(raw, environ or {})
    return refused.value.message


def test_the_originals_file_loads() -> None:
    # Given the file of the original, with its three sections
    raw = {
        "server": {"host": "0.0.0.0", "port": 8080},
        "models": [{**MODEL, "token": "secret", "max_retries": 2}],
        "auth": {"enabled": True, "api_key": "key"},
    }
    # When it is read
    config = parse(raw, {})
    # Then it says what is written, and the rest has its defaults
    assert (config.server.host, config.server.port) == ("0.0.0.0", 8080)
    (model,) = config.models
    assert (model.model, model.url, model.token, model.max_retries) == (
        "autoglm", "http://127.0.0.1:9001/generate", "secret", 2)
    assert (model.provider, model.weight, model.batch_size, model.health) == ("glm", 1.0, 4, Health())
    assert (config.auth.enabled, config.auth.api_key, config.limits.rps) == (True, "key", 100.0)


def test_the_originals_other_templates_load_too() -> None:
    # Given every key of the other templates, in their spelling
    raw = {
        "server": {"context-path": "/mcp", "max-connections": 200, "worker-threads": 16},
        "logging": {"level": "debug", "file": "/var/log/mcp.log"},
        "service": {"name": "mcp", "port": 9000, "registry": "http://127.0.0.1:2379"},
        "mcp": {"enabled": True, "timeout": "5s"},
        "sync_mode": "raft", "heartbeat_interval": "500ms", "election_timeout": "2s", "replication_workers": 4,
        "models": [{**MODEL, "health": {"initialDelaySeconds": 5, "periodSeconds": 3, "failureThreshold": 2}}],
    }
    # When it is read, with etcd's members named
    config = parse({**raw, "sync": {"etcd": ["127.0.0.1:2379"]}}, {})
    # Then each means what it says
    server, sync = config.server, config.sync
    assert (server.context_path, server.max_connections, server.worker_threads) == ("/mcp", 200, 16)
    assert (config.logging.level, config.logging.file) == ("debug", "/var/log/mcp.log")
    assert (config.service.name, config.server.port, config.mcp.timeout) == ("mcp", 9000, 5.0)
    assert (sync.mode, sync.heartbeat_interval, sync.election_timeout) == ("raft", 0.5, 2.0)
    assert sync.replication_workers == 4
    health = config.models[0].health
    assert (health.initial_delay, health.period, health.failure_threshold) == (5.0, 3.0, 2)


@pytest.mark.parametrize(("registry", "mode", "etcd"), [
    ("http://a:2379,b:2379", "raft", ("a:2379", "b:2379")), ("redis", "redis", ()), ("local", "local", ()),
])
def test_a_services_registry_says_how_nodes_share(registry: str, mode: str, etcd: tuple[str, ...]) -> None:
    config = parse({"service": {"registry": registry}}, {})
    assert (config.sync.mode, config.sync.etcd) == (mode, etcd)


def test_what_is_said_of_the_server_wins_over_the_service() -> None:
    config = parse({"service": {"port": 9000, "registry": "local"}, "server": {"port": 9001}, "sync": "redis"}, {})
    assert (config.server.port, config.sync.mode) == (9001, "redis")


@pytest.mark.parametrize(("written", "seconds"), [("500ms", 0.5), ("2s", 2.0), ("1m", 60.0), (3, 3.0), ("1.5", 1.5)])
def test_durations_have_units(written: object, seconds: float) -> None:
    assert parse({"models": [{**MODEL, "timeout": written}]}, {}).models[0].timeout == seconds


@pytest.mark.parametrize(("raw", "said"), [
    ({"models": [{"endpoint": "http://a"}]},
     "models[0].name in mcp_config.yaml: is missing. Every model needs its name and its endpoint."),
    ({"models": [{"name": "", "endpoint": "http://a"}]}, "models[0].name in mcp_config.yaml: is empty. Give a value."),
    ({"models": [{"name": None, "endpoint": "http://a"}]}, "models[0].name in mcp_config.yaml: is empty. Give a"),
    ({"models": [{**MODEL, "endpoint": "ftp://a"}]},
     "models[0].endpoint in mcp_config.yaml: 'ftp://a' is not such a URL. "
     "Give a URL such as http://127.0.0.1:8000/generate."),
    ({"models": [{**MODEL, "endpoint": "http://u:p@a"}]},
     "models[0].endpoint in mcp_config.yaml: holds a password. Put it into the token."),
    ({"models": [MODEL, MODEL]},
     "models[1].endpoint in mcp_config.yaml: is the same as models[0], model and all. Remove one of them."),
    ({"models": [{**MODEL, "wieght": 2}]},
     "models[0].wieght in mcp_config.yaml: there is no such key. Did you mean 'weight'?"),
    ({"models": [{**MODEL, "weight": 0}]},
     "models[0].weight in mcp_config.yaml: 0 is too small. Give 0.01 or more."),
    ({"models": [{**MODEL, "provider": "abacus"}]}, "'abacus' is none of its choices. Give one of: openai, "),
    ({"models": [{**MODEL, "timeout": "soon"}]},
     "models[0].timeout in mcp_config.yaml: 'soon' is not a duration. Give a duration such as 500ms, 2s or 1.5."),
    ({"models": {"a": 1}}, "models in mcp_config.yaml: is not a list."),
    ({"models": [{}]}, "models[0] in mcp_config.yaml: is no model. Write its name and endpoint as keys."),
    ({"sync_mode": "local", "sync": {"mode": "redis"}},
     "sync.mode in mcp_config.yaml: is the same key as sync_mode. Keep one of them."),
    ({"models": ["a"]}, "models[0] in mcp_config.yaml: is no model. Write its name and endpoint as keys."),
    ({"server": {"port": "eighty"}},
     "server.port in mcp_config.yaml: 'eighty' is not a whole number. Give a whole number."),
    ({"server": {"port": 70000}}, "server.port in mcp_config.yaml: 70000 is too large. Give 65535 or less."),
    ({"server": {"port": True}}, "server.port in mcp_config.yaml: True is not a whole number."),
    ({"server": {"host": ""}}, "server.host in mcp_config.yaml: is empty. Give a value."),
    ({"server": 3}, "server in mcp_config.yaml: is a section, not a value. Write its keys below it: host, port, "),
    ({"models": [{**MODEL, "health": "/h"}]},
     "models[0].health in mcp_config.yaml: is a section, not a value. Write its keys below it: path, initial_delay, "),
    ({"server": {"port": {"a": 1}}}, "server.port in mcp_config.yaml: {'a': 1} is not a whole number."),
    ({"auth": {"api_key": 123}}, "auth.api_key in mcp_config.yaml: the value is not a text. Put it in quotes."),
    ({"server": {"context-path": "a/"}}, "server.context-path in mcp_config.yaml: 'a/' is no path."),
    ({"server": {"max-connections": 5, "max_connections": 6}},
     "server.max_connections in mcp_config.yaml: is the same key as server.max-connections. Keep one of them."),
    ({"auth": {"enabled": True}}, "auth.api_key in mcp_config.yaml: is empty while auth.enabled is true."),
    ({"sync": {"mode": "raft"}}, "sync.etcd in mcp_config.yaml: is empty while sync.mode is raft."),
    ({"sync": {"election_timeout": "500ms"}},
     "sync.election_timeout in mcp_config.yaml: is less than three times sync.heartbeat_interval"),
    ({"service": {"registry": "zookeeper"}}, "service.registry in mcp_config.yaml: is no registry. Give local"),
    ({"modells": []}, "modells in mcp_config.yaml: there is no such key. Did you mean 'models'?"),
    (["server"], "mcp_config.yaml: holds no keys and values."),
    (None, "mcp_config.yaml: is empty."),
])
def test_a_wrong_file_is_told_the_key_the_problem_and_the_fix(raw: object, said: str) -> None:
    assert said in refusal(raw)


def test_one_problem_is_one_line_and_several_are_a_line_each() -> None:
    assert "\n" not in refusal({"server": {"port": 0}})
    said = refusal({"server": {"port": 0}, "auth": {"enabled": "perhaps"}, "models": [{"weight": 1}]})
    assert [line.split()[0] for line in said.splitlines()[1:]] == [
        "server.port", "auth.enabled", "models[0].name", "models[0].endpoint"]


def test_secrets_come_from_the_environment_and_are_never_shown() -> None:
    # Given secrets by reference
    raw = {"models": [{**MODEL, "token": "env:GLM"}], "auth": {"enabled": True, "api_key": "env:KEY"}}
    # When they are there, then they are taken, and no text of the configuration shows them
    config = parse(raw, {"GLM": "hush-token", "KEY": "hush-key"})
    assert (config.models[0].token, config.auth.api_key) == ("hush-token", "hush-key")
    assert "hush" not in repr(config)
    # When they are not, then the variable is named
    assert "models[0].token in mcp_config.yaml: the environment variable GLM is not set or empty." in refusal(
        raw, {"KEY": "k"})
    # And a wrong secret is not repeated
    assert "hush" not in refusal({"auth": {"api_key": "hush中"}, "models": [{**MODEL, "token": "hush\n"}]})


def test_a_model_that_a_message_registers_reads_no_environment() -> None:
    assert model_from({**MODEL, "token": "t"}).token == "t"
    with pytest.raises(InvalidRequest, match="env:NAME is read only from the configuration file"):
        model_from({**MODEL, "token": "env:HOME"})
    with pytest.raises(InvalidRequest, match="name, endpoint: are missing"):
        model_from({})
    with pytest.raises(InvalidRequest, match="there is no such key"):
        model_from({**MODEL, "server": {"port": 1}})


def test_an_endpoints_id_is_what_it_is_and_not_how_it_is_used() -> None:
    first, second = (model_from({**MODEL, "weight": weight}) for weight in (1, 2))
    assert first.id == second.id == endpoint_id("autoglm", MODEL["endpoint"], "glm")
    assert model_from({**MODEL, "provider": "openai"}).id != first.id


def test_tables_give_the_same_back() -> None:
    config = parse({"models": [{**MODEL, "token": "t", "health": {"path": "/h"}}], "sync": {"etcd": ["a:1"]}}, {})
    assert config_of(config_row(config)) == config
    newer: dict[str, Any] = {**endpoint_row(config.models[0]), "colour": "blue"}
    assert endpoint_of(newer) == config.models[0]


def test_changes_are_named_without_their_values() -> None:
    old = parse({"models": [MODEL]}, {})
    new = parse({"models": [{**MODEL, "token": "t"}, {"name": "中文", "endpoint": "http://b"}], "limits": {"rps": 5},
                 "server": {"port": 1}}, {})
    found = changed(old, new)
    assert found.restart == ("server.port",)
    assert found.applied == ("limits.rps", f"model 中文 added ({new.models[1].id})",
                             f"model autoglm changed ({new.models[0].id})")
    assert changed(new, PlaneConfig()).applied[-1] == f"model 中文 removed ({new.models[1].id})"


def test_a_choice_may_be_written_in_capitals() -> None:
    assert parse({"logging": {"level": "INFO"}, "sync": {"mode": "Local"}}, {}).logging.level == "info"
