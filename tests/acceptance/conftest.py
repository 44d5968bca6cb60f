"""Systems for the acceptance tests: one shared by the tests that leave it whole, one of their own for the others."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from acceptance.system import System
from openai import OpenAI
from upstream import Upstream

# A shell that runs the tests in the background has them ignore Ctrl-C, and what they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    """A model vendor on this machine, honest or broken by model name."""
    with Upstream() as server:
        yield server


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[System]:
    """A running system that no test may break."""
    environment = {
        "MEMORYOS__LLM__OPENAI_BASE_URL": upstream.url,
        "MEMORYOS__LLM__FIRST_TOKEN_TIMEOUT": "1",
        "MEMORYOS__LLM__IDLE_TIMEOUT": "1",
        "MEMORYOS__JOBS__CHAT_DEADLINE": "5",
    }
    running = System(tmp_path_factory.mktemp("system"), environment)
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def make_system(tmp_path: Path) -> Iterator[Callable[..., System]]:
    """Starts systems for one test, and stops them after it."""
    started: list[System] = []

    def make(environment: Mapping[str, str] | None = None) -> System:
        made = System(tmp_path / f"data{len(started)}", environment)
        started.append(made)
        made.start()
        return made

    yield make
    for running in started:
        running.stop()


@pytest.fixture
def client(system: System) -> Iterator[OpenAI]:
    """The official client, pointed at the system."""
    with OpenAI(base_url=f"{system.url}/v1", api_key="unused", max_retries=0) as opened:
        yield opened
