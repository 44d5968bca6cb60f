"""Two real Redis servers, configured as the stack runs them, empty at the start of every test."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis
from waiting import until

from memoryos_app.stack.engine import find_redis
from memoryos_app.stack.program import Role, redis_program
from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.redis import connections
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.codec import Codec

ROLES: tuple[Role, ...] = ("truth", "traffic")


@pytest.fixture(scope="session")
def redis_urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Role, str]]:
    """The URL of each role's server."""
    binary = find_redis()
    with ExitStack() as servers:
        yield {role: servers.enter_context(_server(role, binary, tmp_path_factory.mktemp(role))) for role in ROLES}


@contextmanager
def _server(role: Role, binary: str, directory: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    program = redis_program(role, binary, port, directory)
    url = f"redis://127.0.0.1:{port}/0"
    with (directory / "log").open("wb") as log, subprocess.Popen(program.argv, stdout=log, stderr=log) as server:
        try:
            until(lambda: _answers(url), seconds=10, what=f"the {role} server answers")
            yield url
        finally:
            server.terminate()


def _answers(url: str) -> bool:
    with redis.Redis.from_url(url, socket_timeout=1) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


@pytest.fixture
def redis_settings(redis_urls: dict[Role, str]) -> Settings:
    """Settings of the servers; their stores are empty."""
    for url in redis_urls.values():
        with redis.Redis.from_url(url) as client:
            client.flushall()
    return Settings(redis=options.Redis(truth_url=redis_urls["truth"], traffic_url=redis_urls["traffic"]))


@pytest.fixture
def truth(redis_settings: Settings) -> Iterator[redis.Redis]:
    """A client of the store of record."""
    with connections.truth(redis_settings) as client:
        yield client


@pytest.fixture
def traffic(redis_settings: Settings) -> Iterator[redis.Redis]:
    """A client of the store that may be lost; its reads may wait."""
    with connections.traffic(redis_settings, block=True) as client:
        yield client


@pytest.fixture
def codec(tmp_path: Path) -> Codec:
    """Seals with the keys of processes that have the test's folder for their data."""
    return SealedCodec(FileVault(tmp_path / "vault"))


@pytest.fixture
def journal(truth: redis.Redis, codec: Codec) -> RedisJournal:
    return RedisJournal(truth, codec, consumer="one")


@pytest.fixture
def ledger(truth: redis.Redis, codec: Codec) -> RedisLedger:
    return RedisLedger(truth, codec, options.Jobs())
