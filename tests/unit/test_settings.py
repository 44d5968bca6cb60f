"""Settings: their three sources, their checks, and changes while running."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from memoryos_tasks.adapters.config.live import LiveSettings
from memoryos_tasks.adapters.config.toml import load, needs_restart, read
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.settings import Settings, is_loopback


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without a config.toml."""
    monkeypatch.chdir(tmp_path)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "named.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(environ: dict[str, str], path: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(environ, path)
    return caught.value.message


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    # Given a file that sets two keys and an environment that sets one of them
    path = written(tmp_path, '[gateway]\nport = 9001\nhost = "::1"\n[log]\nlevel = "debug"\n')
    # When they are loaded
    settings = load({"MEMORYOS_CONFIG": str(path), "MEMORYOS__GATEWAY__PORT": "9002"})
    # Then each comes from the strongest that has it
    assert (settings.gateway.port, settings.gateway.host, settings.log.level) == (9002, "::1", "debug")
    assert settings.gateway.threads == Settings().gateway.threads


def test_config_toml_in_the_working_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[memory]\nstm_capacity = 7\n", encoding="utf-8")
    assert load({}).memory.stm_capacity == 7


def test_every_problem_is_listed_with_its_key_and_a_fix(tmp_path: Path) -> None:
    # Given mistakes of every kind in both places
    path = written(tmp_path, "[gatway]\nport = 1\n[memory]\nstm_capacit = 3\nretrieve_limit = \"ten\"\n")
    environ = {"MEMORYOS__GATEWAY__PORT": "99999", "MEMORYOS__LOG__LEVEL": "loud", "MEMORYOS__NOPE__X": "1",
               "MEMORYOS_ASYNC_MEMORY_PIPELINE": "maybe", "QDRANT_URL": "localhost:6333"}
    # When they are loaded
    said = problems(environ, path)
    # Then each has its line
    for part in ("[gatway]", "Did you mean 'gateway'?", "memory.stm_capacit ", "Did you mean 'stm_capacity'?",
                 "memory.retrieve_limit", "Give a whole number.", "MEMORYOS__GATEWAY__PORT", "65535 or less",
                 "MEMORYOS__LOG__LEVEL", "one of: debug, info", "MEMORYOS__NOPE__X", "MEMORYOS_ASYNC_MEMORY_PIPELINE",
                 "true or false", "QDRANT_URL", "http://"):
        assert part in said
    assert len(said.splitlines()) == 1 + 8


@pytest.mark.parametrize(("environ", "named"), [
    ({"MEMORYOS__JOBS__RENEW_SECONDS": "15"}, "jobs.renew_seconds"),
    ({"MEMORYOS__REDIS__TIMEOUT": "10"}, "redis.timeout"),
    ({"MEMORYOS__LLM__FIRST_TOKEN_TIMEOUT": "601"}, "llm.first_token_timeout"),
    ({"MEMORYOS__REDIS__VISIBILITY_TIMEOUT": "600"}, "redis.visibility_timeout"),
    ({"MEMORYOS__JOBS__RESULT_TTL": "300"}, "jobs.result_ttl"),
    ({"MEMORYOS__AUTH__REQUIRED": "off", "MEMORYOS__GATEWAY__HOST": "0.0.0.0"}, "auth.required"),
    ({"MEMORYOS__CONTEXT__WINDOWS": "gpt-4"}, "context.windows"),
])
def test_settings_that_contradict_each_other_are_refused(environ: dict[str, str], named: str) -> None:
    assert f"  {named}:" in problems(environ)


@pytest.mark.parametrize("value", ["nan", "inf", "-1", ""])
def test_numbers_are_finite_and_in_range(value: str) -> None:
    assert "MEMORYOS__GATEWAY__ADD_DEADLINE" in problems({"MEMORYOS__GATEWAY__ADD_DEADLINE": value})


def test_a_secret_is_shown_neither_in_errors_nor_in_the_repr() -> None:
    secret = "sk-do-not-show"
    assert secret not in problems({"REDIS_URL": f"http://:{secret}@host"})
    assert secret not in repr(load({"MEMORYOS__LLM__OPENAI_API_KEY": secret, "REDIS_URL": f"redis://:{secret}@host"}))


@pytest.mark.parametrize(("text", "problem"), [
    ("[gateway\n", "not valid TOML"), ("gateway = 3\n", "is a section"), ("[gateway]\nport = true\n", "whole number"),
])
def test_a_file_that_cannot_be_understood_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in problems({}, written(tmp_path, text))


def test_a_named_file_that_is_missing_is_refused() -> None:
    assert "no such file" in problems({"MEMORYOS_CONFIG": "nowhere.toml"})


@pytest.mark.parametrize(("required", "host", "expected"), [
    ("auto", "127.0.0.1", False), ("auto", "localhost", False), ("auto", "::1", False), ("auto", "0.0.0.0", True),
    ("auto", "memory.example", True), ("on", "127.0.0.1", True), ("off", "127.0.0.1", False),
])
def test_keys_are_needed_where_others_can_reach(required: str, host: str, expected: bool) -> None:
    settings = load({"MEMORYOS__AUTH__REQUIRED": required, "MEMORYOS__GATEWAY__HOST": host})
    assert settings.auth_required is expected


def test_only_loopback_is_loopback() -> None:
    assert is_loopback("127.8.9.1")
    assert not is_loopback("127.evil.example")
    assert not is_loopback("")


def test_redis_is_found_in_the_data_directory(tmp_path: Path) -> None:
    # Given what a running stack leaves
    (tmp_path / "redis.url").write_text("redis://127.0.0.1:21000/0\n", encoding="utf-8")
    (tmp_path / "broker.url").write_text("redis://127.0.0.1:21001/0\n", encoding="utf-8")
    # When a process starts beside it
    settings = load({"MEMORYOS_DATA_DIR": str(tmp_path)})
    # Then it joins it, while read() tells that nobody has set a URL
    assert settings.redis.truth_url == "redis://127.0.0.1:21000/0"
    assert settings.redis.traffic_url == "redis://127.0.0.1:21001/0"
    assert read({"MEMORYOS_DATA_DIR": str(tmp_path)}).redis.truth_url == ""


def test_the_broker_is_the_given_redis_unless_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "broker.url").write_text("redis://127.0.0.1:21001/0\n", encoding="utf-8")
    one = load({"MEMORYOS_DATA_DIR": str(tmp_path), "REDIS_URL": "redis://a/1"})
    two = load({"REDIS_URL": "redis://a/1", "CELERY_BROKER_URL": "redis://b/2"})
    assert one.redis.traffic_url == "redis://a/1"
    assert (two.redis.truth_url, two.redis.traffic_url) == ("redis://a/1", "redis://b/2")


def test_without_anything_redis_is_on_its_usual_port() -> None:
    assert load({}).redis.truth_url == "redis://127.0.0.1:6379/0"


def test_the_consumer_has_a_name_of_its_own() -> None:
    assert load({}).worker.consumer.endswith(f"-{os.getpid()}")
    assert load({"MEMORYOS_WORKER_CONSUMER": "w1", "MEMORYOS_WORKER_GROUP": "g"}).worker.consumer == "w1"


def test_a_changed_file_applies_while_running(tmp_path: Path) -> None:
    # Given watched settings
    path = written(tmp_path, '[log]\nlevel = "info"\n')
    live = LiveSettings({}, path, interval=0.01)
    changed = threading.Event()
    seen: list[tuple[str, str]] = []
    live.on_change(lambda old, new: (seen.append((old.log.level, new.log.level)), changed.set())[1])
    live.watch()
    try:
        # When the file changes
        path.write_text('[log]\nlevel = "debug" # changed\n', encoding="utf-8")
        # Then they follow, and whoever asked is told
        assert changed.wait(5)
        assert live.current.log.level == "debug"
        assert seen == [("info", "debug")]
    finally:
        live.stop()


def test_an_invalid_change_leaves_all_old_settings_and_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Given settings from a file
    path = written(tmp_path, "[memory]\nstm_capacity = 7\n")
    live = LiveSettings({}, path)
    # When one of two changes is wrong
    path.write_text("[memory]\nstm_capacity = 9\nretrieve_limit = 0\n", encoding="utf-8")
    assert [live.refresh(), live.refresh()] == [False, False]
    # Then neither applies, and the log says why, once
    assert live.current.memory.stm_capacity == 7
    assert [record.getMessage().count("retrieve_limit") for record in caplog.records] == [1]
    # And a corrected file applies
    path.write_text("[memory]\nstm_capacity = 11\n", encoding="utf-8")
    assert live.refresh()
    assert live.current.memory.stm_capacity == 11


def test_a_failing_listener_does_not_stop_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, "[memory]\nstm_capacity = 7\n")
    live = LiveSettings({}, path)
    told: list[int] = []

    def broken(_old: Settings, _new: Settings) -> None:
        raise RuntimeError("broken")

    live.on_change(broken)
    live.on_change(lambda _old, new: told.append(new.memory.stm_capacity))
    path.write_text("[memory]\nstm_capacity = 12\n", encoding="utf-8")
    assert live.refresh()
    assert told == [12]
    assert "listener" in caplog.text


def test_what_needs_a_restart_is_known() -> None:
    old, new = load({}), load({"MEMORYOS__GATEWAY__PORT": "9", "MEMORYOS__MEMORY__STM_CAPACITY": "5",
                               "MEMORYOS__LOG__LEVEL": "debug"})
    assert needs_restart(old, new) == ["gateway.port", "memory.stm_capacity"]


@pytest.mark.parametrize("name", ["REDIS_URL", "CELERY_BROKER_URL"])
def test_sentinel_is_refused_and_the_error_says_that_it_is_not_supported(name: str) -> None:
    said = problems({name: "sentinel://:do-not-show@127.0.0.1:26379"})
    assert f"{name}: Sentinel is not supported yet" in said
    assert "do-not-show" not in said


def test_a_qdrant_server_is_named_by_its_url() -> None:
    settings = load({"QDRANT_URL": "https://qdrant.example:6333", "MEMORYOS__VECTORS__API_KEY": "sk-do-not-show"})
    assert (settings.vectors.url, settings.vectors.api_key) == ("https://qdrant.example:6333", "sk-do-not-show")
    assert "sk-do-not-show" not in repr(settings)
