"""The supervisor with real Redis servers and stand-ins for the other programs, killed on purpose."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).with_name("stack_stand_in.py")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(check: Callable[[], bool], seconds: float) -> float:
    """Wait for ``check``; the seconds that it took."""
    started = time.monotonic()
    while not check():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - started


def children(pid: int) -> dict[int, str]:
    """The living child processes with their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if int(stat[1]) == pid and stat[0] != "Z":
                found[int(entry.name)] = words
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Running:
    """One stack, from outside."""

    def __init__(self, data: Path, port: int, *argv: str, **environ: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("MEMORYOS_", "REDIS_URL"))}
        self.data, self.port, self.said = data, port, ""
        self.process = subprocess.Popen(
            argv or (sys.executable, str(STAND_IN)), text=True, cwd=ROOT, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env={**clean, "PYTHONPATH": str(ROOT), "MEMORYOS_DATA_DIR": str(data),
                                           "MEMORYOS__GATEWAY__PORT": str(port), **environ})

    def ready(self) -> Running:
        """Read its output up to the ready line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if line == f"MemoryOS is ready on http://127.0.0.1:{self.port}\n":
                return self
        raise AssertionError(f"it ended before it was ready:\n{self.said}")

    @property
    def supervisor(self) -> int:
        return next(iter(children(self.process.pid)))

    def program(self, words: str) -> int:
        """The pid of the child whose command line holds ``words``, 0 when there is none."""
        found = children(self.supervisor)
        return next((pid for pid, said in found.items() if words in said and "leash" not in said), 0)

    def end_by_itself(self) -> int:
        """Wait for it to end, and the exit code."""
        self.said += self.process.communicate(timeout=20)[0]
        return self.process.returncode

    def end(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.said += self.process.communicate(timeout=20)[0]
        return self.process.returncode


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts stacks, and ends what still runs."""
    made: list[Running] = []

    def make(name: str = "data", port: int = 0, *argv: str, **environ: str) -> Running:
        made.append(Running(tmp_path / name, port or free_port(), *argv, **environ))
        return made[-1]

    yield make
    for running in made:
        if running.process.poll() is None:
            running.end()
        assert running.process.stdout is not None
        running.process.stdout.close()


def test_it_starts_says_so_and_stops_without_a_trace(start: Callable[..., Running]) -> None:
    # Given a running stack
    stack = start().ready()
    pids = [stack.supervisor, *children(stack.supervisor)]
    assert len(pids) == 5
    assert stack.data.stat().st_mode & 0o777 == 0o700
    # Then both Redis roles are what they must be
    truth = redis.Redis.from_url((stack.data / "redis.url").read_text().strip(), socket_timeout=2)
    traffic = redis.Redis.from_url((stack.data / "broker.url").read_text().strip(), socket_timeout=2)
    assert truth.config_get("append*")["appendfsync"] == "always"
    assert truth.config_get("appendonly") == {"appendonly": "yes"}
    assert traffic.config_get("appendonly") == {"appendonly": "no"}
    assert int(traffic.config_get("maxmemory")["maxmemory"]) > 0
    assert truth.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert traffic.config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-ttl"}
    truth.close()
    traffic.close()
    # When it is asked to stop
    started = time.monotonic()
    code = stack.end()
    # Then it does so cleanly and soon
    assert code == 0
    assert time.monotonic() - started < 10
    assert not [pid for pid in pids if alive(pid)]
    assert stack.said.splitlines()[-1] == "Stopped."


@pytest.mark.parametrize("words", ["stand_in.py gateway", "stand_in.py worker", "redis-server"])
def test_a_killed_program_is_back_within_two_seconds(start: Callable[..., Running], words: str) -> None:
    stack = start().ready()
    old = stack.program(words)
    # When it is killed in a way that it cannot notice
    os.kill(old, signal.SIGKILL)
    # Then another one runs in its place
    until(lambda: stack.program(words) not in (0, old), 2.0)


@pytest.mark.parametrize("victim", ["up", "supervisor"])
def test_nothing_outlives_a_killed_supervisor(start: Callable[..., Running], victim: str) -> None:
    # Given a running stack
    stack = start().ready()
    supervisor = stack.supervisor
    pids = [stack.process.pid, supervisor, *children(supervisor)]
    # When the supervisor, or the command that started it, is killed
    os.kill(stack.process.pid if victim == "up" else supervisor, signal.SIGKILL)
    code = stack.process.wait(10)
    # Then nothing is left of it, and the same directory and port can be used again
    until(lambda: not [pid for pid in pids if alive(pid)], 3.0)
    assert code == (-signal.SIGKILL if victim == "up" else 1)
    assert start("data", stack.port).ready().end() == 0


def test_what_was_written_survives_a_kill_of_everything(start: Callable[..., Running]) -> None:
    stack = start().ready()
    url = (stack.data / "redis.url").read_text().strip()
    with redis.Redis.from_url(url, socket_timeout=2) as truth:
        truth.set("kept", "yes")
    os.kill(stack.process.pid, signal.SIGKILL)
    stack.process.wait(10)
    again = start("data", stack.port).ready()
    assert (again.data / "redis.url").read_text().strip() == url
    with redis.Redis.from_url(url, socket_timeout=2) as truth:
        assert truth.get("kept") == b"yes"


def test_a_program_that_keeps_failing_is_tried_again_and_hinders_nobody(start: Callable[..., Running]) -> None:
    # Given a stack with a program that always fails
    stack = start(STAND_IN_BROKEN="1").ready()
    log = stack.data / "logs" / "supervisor.log"
    # Then it is tried again and again and never given up
    until(lambda: log.read_text().count("exited: broken") >= 3, 10)
    assert "FATAL" not in log.read_text()
    assert stack.end() == 0
    assert "broken stopped right after its start; trying again." in stack.said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_the_terminal_ends_it(start: Callable[..., Running], number: signal.Signals) -> None:
    stack = start().ready()
    supervisor = stack.supervisor
    stack.process.send_signal(number)
    assert stack.process.wait(10) == 0
    assert not alive(supervisor)


def test_two_stacks_live_side_by_side(start: Callable[..., Running]) -> None:
    one, two = start("one").ready(), start("two").ready()
    urls = {(each.data / name).read_text() for each in (one, two) for name in ("redis.url", "broker.url")}
    assert len(urls) == 4


UP = (sys.executable, "-m", "memoryos_app.cli", "up")


def test_a_second_stack_in_the_same_directory_is_refused(start: Callable[..., Running]) -> None:
    first = start().ready()
    second = start("data", 0, *UP)
    assert second.end_by_itself() == 2
    assert "another stack runs in" in second.said
    assert f"process {first.process.pid}" in second.said
    assert len(second.said.splitlines()) == 1


def test_a_port_in_use_is_one_clear_line(start: Callable[..., Running]) -> None:
    first = start("one").ready()
    second = start("two", first.port, *UP)
    assert second.end_by_itself() == 2
    assert second.said == (f"Port {first.port} on 127.0.0.1 is in use. "
                           "Stop what listens there or choose another with --port.\n")


def test_a_wrong_configuration_starts_nothing(start: Callable[..., Running]) -> None:
    stack = start("data", 0, *UP, MEMORYOS__LOG__LEVEL="loud")
    assert stack.end_by_itself() == 2
    assert "MEMORYOS__LOG__LEVEL" in stack.said
    assert not stack.data.exists()


def test_data_of_a_newer_engine_is_refused(start: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "engine.json").write_text('{"redis": [99, 0]}')
    stack = start("data", 0, *UP)
    assert stack.end_by_itself() == 2
    assert "was written by Redis 99.0" in stack.said


def test_given_redis_servers_replace_the_embedded_ones(start: Callable[..., Running]) -> None:
    lender = start("lender").ready()
    url = (lender.data / "redis.url").read_text().strip()
    stack = start("data", REDIS_URL=url).ready()
    assert not stack.program("redis-server")
    assert (stack.data / "redis.url").read_text().strip() == url
    assert (stack.data / "broker.url").read_text().strip() == url
