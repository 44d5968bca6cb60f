"""Figures of the machine, from files like those of /proc."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from memoryos_tasks.adapters.plane.machine import Machine


class Files:
    """A /proc and a cgroup of our own, and a clock."""

    def __init__(self, root: Path) -> None:
        self.proc, self.groups = root / "proc", root / "cgroup"
        (self.proc / "self").mkdir(parents=True)
        self.groups.mkdir()
        self.now = 0.0

    def stat(self, user: int, system: int, idle: int, iowait: int) -> None:
        (self.proc / "stat").write_text(f"cpu  {user} 0 {system} {idle} {iowait} 0 0 0 0 0\ncpu0 1 1 1 1\n")

    def machine(self) -> Machine:
        return Machine(self.proc, self.groups, lambda: self.now)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path)
    made.stat(100, 50, 800, 50)
    (made.proc / "loadavg").write_text("1.25 0.90 0.50 2/300 4242\n")
    (made.proc / "meminfo").write_text("MemTotal:  8000 kB\nMemFree: 100 kB\nMemAvailable:  6000 kB\n")
    (made.proc / "self" / "statm").write_text("9000 250 100 1 0 500 0\n")
    return made


def test_figures_are_read_as_linux_writes_them(files: Files) -> None:
    machine = files.machine()
    # When 300 ticks have passed, of which 60 were work and 40 waiting for a disk
    files.stat(140, 70, 1000, 90)
    look = machine.look()
    assert look.cpu == pytest.approx(60 / 300)
    assert (look.load, look.memory) == (1.25, 0.25)
    assert look.process_memory == 250 * os.sysconf("SC_PAGE_SIZE")
    assert look.cpus >= 1


def test_two_looks_within_a_second_are_one(files: Files) -> None:
    machine = files.machine()
    files.stat(200, 50, 800, 50)
    first = machine.look()
    files.stat(200, 50, 1800, 50)
    files.now = 0.9
    assert machine.look() is first
    # When a second has passed, the share is of the time since then
    files.now = 1.0
    assert machine.look().cpu == 0.0


def test_a_containers_limit_counts_where_there_is_one(files: Files) -> None:
    (files.groups / "memory.max").write_text("max\n")
    (files.groups / "memory.current").write_text("900\n")
    assert files.machine().look().memory == 0.25
    (files.groups / "memory.max").write_text("1000\n")
    assert files.machine().look().memory == 0.9


@pytest.mark.parametrize("text", ["", "cpu\n", "cpu a b c d e f g h\n"])
def test_what_cannot_be_read_is_unknown(files: Files, text: str) -> None:
    for name in ("stat", "loadavg", "meminfo", "self/statm"):
        (files.proc / name).write_text(text)
    assert {name: value for name, value in files.machine().look().described().items() if name != "cpus"} == {
        "cpu": None, "load": None, "memory": None, "process_memory": None}


def test_a_system_without_such_files_has_no_figures(tmp_path: Path) -> None:
    assert Machine(tmp_path / "none", tmp_path / "none").look().cpu is None


def test_the_machine_that_runs_this_can_be_read() -> None:
    look = Machine().look()
    assert look.process_memory is not None
    assert look.process_memory > 1_000_000
    assert look.memory is not None
    assert 0 < look.memory <= 1
