"""The scripts for operators, run for real."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from acceptance.scripts import environment, run
from acceptance.system import ROOT, System, until

DEMO = str(ROOT / "scripts" / "demo_async_pipeline.sh")


def lines(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


# Smoke


@pytest.mark.parametrize("pipeline", ["false", "true"])
def test_the_smoke_test_passes_with_both_pipelines(
    make_system: Callable[..., System], tmp_path: Path, pipeline: str
) -> None:
    # Given a running system, and a directory that is not its own
    system = make_system({"MEMORYOS_ASYNC_MEMORY_PIPELINE": pipeline})
    # When the script is told where its data are
    ran = run("smoke_async_pipeline.sh", tmp_path, MEMORYOS_DATA_DIR=str(system.data_dir))
    # Then every check passed, that of a raw entry too, and nothing died of it
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(lines(ran.stdout, "PASS")) == 7, ran.stdout
    assert ("accepted" if pipeline == "true" else "add: ok") in ran.stdout
    assert system.get("/v1/admin/dlq").json()["letters"] == []


def test_the_smoke_test_knows_only_a_url(system: System, tmp_path: Path) -> None:
    ran = run("smoke_async_pipeline.sh", tmp_path, MEMORYOS_URL=system.url)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(lines(ran.stdout, "PASS")) == 6
    assert len(lines(ran.stdout, "SKIP")) == 1


def test_the_smoke_test_fails_without_a_system(tmp_path: Path) -> None:
    ran = run("smoke_async_pipeline.sh", tmp_path, MEMORYOS_URL="http://127.0.0.1:9")
    assert ran.returncode == 1
    assert "FAIL" in ran.stderr
    assert "PASS" not in ran.stdout


def test_the_smoke_test_fails_when_nothing_is_applied(make_system: Callable[..., System], tmp_path: Path) -> None:
    # Given a system whose worker stands still
    system = make_system({"MEMORYOS_ASYNC_MEMORY_PIPELINE": "true"})
    workers = system.pids("celery", " worker ")
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        # Then the script says so, within its bound
        ran = run("smoke_async_pipeline.sh", tmp_path, MEMORYOS_URL=system.url, WAIT="4")
        assert ran.returncode == 1
        assert "FAIL" in ran.stderr
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)


# Replay; how letters are replayed by it stands in test_dead_letters.py


def test_replay_finds_nothing_to_do(system: System, tmp_path: Path) -> None:
    for dry_run in ("1", "0"):
        ran = run("replay_dlq.sh", tmp_path, MEMORYOS_URL=system.url, DRY_RUN=dry_run, QUEUE="chat")
        assert ran.returncode == 0, ran.stderr
        assert "There are no such dead letters." in ran.stdout


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"COUNT": "0"}, "COUNT"), ({"COUNT": "many"}, "COUNT"), ({"DRY_RUN": "yes"}, "DRY_RUN"),
     ({"QUEUE": "nonsense"}, "nonsense"), ({"MEMORYOS_URL": "http://127.0.0.1:9"}, "No server answers")],
)  # fmt: skip
def test_replay_refuses_what_it_does_not_understand(
    system: System, tmp_path: Path, wrong: dict[str, str], said: str
) -> None:
    ran = run("replay_dlq.sh", tmp_path, **{"MEMORYOS_URL": system.url, **wrong})
    assert ran.returncode != 0
    assert said in ran.stderr


# Demo


class Demo:
    """The demo, with a mark in the environment of all that it starts, and a place for its temporary files."""

    def __init__(self, folder: Path) -> None:
        self.mark = uuid.uuid4().hex
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.output = folder / "output"
        with self.output.open("w") as file:
            self.process = subprocess.Popen(
                [DEMO], cwd=folder, stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
                # Settings of another system, which is none of its business.
                env=environment({"TMPDIR": str(self.temporary), "DEMO_MARK": self.mark,
                                 "REDIS_URL": "redis://127.0.0.1:9/0"}),
            )  # fmt: skip

    def said(self, text: str) -> bool:
        return text in self.output.read_text()

    def running(self) -> list[str]:
        """What it started and still runs."""
        found = []
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdigit() and self._mine(process):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def _mine(self, process: Path) -> bool:
        # Redis writes its title over its environment, so it is known by where it works.
        marked = self.mark.encode() in (process / "environ").read_bytes()
        return marked or str(self.temporary) in os.readlink(process / "cwd")

    def end(self, seconds: float) -> int:
        """Its exit code; then nothing of it is left."""
        code = self.process.wait(timeout=seconds)
        until(lambda: not self.running(), seconds=3, what=f"nothing runs any more; {self.running()}")
        assert list(self.temporary.iterdir()) == []
        return code


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """The demo, running."""
    started = Demo(tmp_path)
    yield started
    if started.process.poll() is None:
        os.killpg(started.process.pid, signal.SIGINT)
        started.process.wait(timeout=30)


def test_the_demo_shows_an_event_travel_and_leaves_nothing(demo: Demo) -> None:
    started = time.monotonic()
    until(lambda: demo.said("Ready on"), seconds=60, what="its system is ready")
    assert any("redis-server" in line for line in demo.running())
    assert demo.end(60) == 0, demo.output.read_text()
    assert time.monotonic() - started < 60
    for text in ("XLEN chat_log -> 1", "-> succeeded", "demo-1 is in stm",
                 '"status":"duplicate"', "-> 20 of 20 events of the trip"):  # fmt: skip
        assert demo.said(text), demo.output.read_text()
    # As it was said, or as the fact that was learned from it
    assert re.search(r"retrieve -> .*sailing boat.*Nimbus", demo.output.read_text())


@pytest.mark.parametrize("moment", ["== Starting", "== 1.", "== 7."])
def test_the_demo_leaves_nothing_after_ctrl_c(demo: Demo, moment: str) -> None:
    until(lambda: demo.said(moment), seconds=60, what=moment)
    # When the terminal signals the whole group, as it does for Ctrl-C
    os.killpg(demo.process.pid, signal.SIGINT)
    assert demo.end(30) == 130, demo.output.read_text()


def test_the_demo_leaves_nothing_when_it_is_terminated(demo: Demo) -> None:
    until(lambda: demo.said("== 1."), seconds=60, what="the first step")
    demo.process.terminate()
    assert demo.end(30) == 143, demo.output.read_text()
