"""The deployment files say what the code says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from memoryos_app.stack.program import app_programs

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def redis_settings(role: str) -> dict[str, str]:
    lines = (DEPLOY / f"redis-{role}.conf").read_text(encoding="utf-8").splitlines()
    pairs = [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines if line and not line.startswith("#")]
    return dict(pairs)


@pytest.fixture
def compose() -> dict[str, Any]:
    said = yaml.safe_load((DEPLOY / "docker-compose.standalone.yml").read_text(encoding="utf-8"))
    assert isinstance(said, dict)
    return said


def procfile() -> dict[str, list[str]]:
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    return {name: shlex.split(command) for name, command in (line.split(": ", 1) for line in lines)}


def test_the_truth_is_written_through_and_never_dropped() -> None:
    assert redis_settings("truth").items() >= {"appendonly": "yes", "appendfsync": "always",
                                               "maxmemory-policy": "noeviction"}.items()


def test_the_traffic_is_bounded_and_leaves_no_file() -> None:
    settings = redis_settings("traffic")
    assert settings.items() >= {"appendonly": "no", "save": '""', "maxmemory-policy": "volatile-ttl"}.items()
    assert re.fullmatch(r"\d+mb", settings["maxmemory"])


@pytest.mark.parametrize("role", ["truth", "traffic"])
def test_only_this_machine_reaches_redis(role: str) -> None:
    assert redis_settings(role)["bind"] == "127.0.0.1"
    assert redis_settings(role)["protected-mode"] == "yes"


def test_the_procfile_has_the_four_programs() -> None:
    said = procfile()
    assert list(said) == ["web", "worker", "beat", "flower"]
    assert said["web"] == ["gunicorn", "-c", "deploy/gunicorn.conf.py", "memoryos_app:create_app()"]
    for name in ("worker", "beat", "flower"):
        assert said[name][:4] == ["celery", "-A", "memoryos_tasks", name]


def test_the_supervised_programs_are_those_of_the_procfile() -> None:
    # Given the commands without the Python that runs them
    ours = {program.name: program.argv[2:] for program in app_programs()}
    # Then they are the same programs
    assert set(ours) == {"gateway", "worker", "beat"}
    for name, role in (("gateway", "web"), ("worker", "worker"), ("beat", "beat")):
        assert ours[name][0] == procfile()[role][0]
        assert ours[name][-1] == procfile()[role][-1] or role == "worker"


def test_a_chat_fleet_takes_the_chats_from_the_worker() -> None:
    # Given a stack with two processes for chats
    ours = {program.name: program.argv[2:] for program in app_programs(2)}
    # Then they run beside the worker, which takes everything else
    assert set(ours) == {"gateway", "worker", "beat", "chats"}
    assert ours["worker"][-2:] == ("-X", "chat")
    fleet = ours["chats"]
    assert fleet[fleet.index("-Q") + 1] == "chat"
    assert fleet[fleet.index("--concurrency") + 1] == "2"


def test_compose_has_every_role_and_checks_it(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"redis-truth", "redis-traffic", "web", "worker", "beat", "flower"}
    for name in ("redis-truth", "redis-traffic", "web", "worker"):
        assert services[name]["healthcheck"]["test"][0].startswith("CMD")
    assert services["flower"]["profiles"] == ["flower"]


def test_compose_publishes_on_loopback_only(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_compose_keeps_what_must_survive(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert "truth:/data" in services["redis-truth"]["volumes"]
    assert "data:/data" in services["worker"]["volumes"]
    assert set(compose["volumes"]) == {"truth", "data", "vault"}
    # And every process of ours has the same keys
    for name in ("web", "worker", "beat"):
        assert "vault:/vault" in compose["services"][name]["volumes"]
        assert compose["services"][name]["environment"]["MEMORYOS__VAULT__PATH"] == "/vault"


def test_compose_mounts_files_that_exist(compose: dict[str, Any]) -> None:
    mounts = [mount for service in compose["services"].values() for mount in service.get("volumes", [])]
    files = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    assert files
    assert all((DEPLOY / name).is_file() for name in files)
    assert DEPLOY / compose["x-memoryos"]["build"]["context"] == DEPLOY / ".."


def test_the_image_copies_files_that_exist_and_runs_as_nobody_special() -> None:
    said = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    steps = [line.split() for line in said.splitlines() if line and not line.startswith("#")]
    copied = [word for step in steps if step[0] == "COPY" and not step[1].startswith("--") for word in step[1:-1]]
    assert {"requirements.lock", "setup.cfg", "celeryconfig.py", "memoryos_app", "memoryos_tasks"} <= set(copied)
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert ["USER", "memoryos"] in steps
    assert [step[0] for step in steps].count("FROM") == 2


@pytest.mark.parametrize("script", ["scripts/run", "scripts/test", "scripts/lock", ".ci/run"])
def test_scripts_may_be_executed(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")
