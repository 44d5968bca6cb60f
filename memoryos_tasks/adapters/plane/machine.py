"""How busy this machine and this process are, from Linux' own files under /proc.

They tell all that is needed, so that no compiled package is. Elsewhere, and where a file is missing, a figure is None.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from memoryos_tasks.core.plane.node_figures import NodeFigures

#: Seconds within which two looks give the same figures: a share of the processor needs some time to be one of.
FRESH_SECONDS = 1.0


class Machine:
    """Looks when it is asked, at most once a second. Shares of the processor are of the time since the look before."""

    def __init__(
        self,
        proc: Path = Path("/proc"),
        groups: Path = Path("/sys/fs/cgroup"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._proc = proc
        self._groups = groups
        self._clock = clock
        self._lock = threading.Lock()
        self._busy = self._processor()
        self._looked: tuple[float, NodeFigures] | None = None

    def look(self) -> NodeFigures:
        """The figures of now."""
        with self._lock:
            now = self._clock()
            if self._looked is None or now - self._looked[0] >= FRESH_SECONDS:
                self._looked = (now, self._figures())
            return self._looked[1]

    def _figures(self) -> NodeFigures:
        before, self._busy = self._busy, self._processor()
        return NodeFigures(
            cpus=_cpus(),
            cpu=_share(before, self._busy),
            load=self._load(),
            memory=self._memory(),
            process_memory=self._process_memory(),
        )

    def _processor(self) -> tuple[int, int] | None:
        """Ticks that the processors were busy, and all ticks, since boot (``proc_stat(5)``)."""
        with suppress(OSError, ValueError, IndexError):
            ticks = [int(each) for each in self._first("stat").split()[1:9]]
            idle = ticks[3] + ticks[4]  # Waiting for a disk is idling.
            return sum(ticks) - idle, sum(ticks)
        return None

    def _load(self) -> float | None:
        with suppress(OSError, ValueError, IndexError):
            return float(self._first("loadavg").split()[0])
        return None

    def _memory(self) -> float | None:
        """The share in use: of the container's limit where there is one (cgroup v2), else of the machine."""
        with suppress(OSError, ValueError, ZeroDivisionError):
            limit = int((self._groups / "memory.max").read_text().strip())
            return min(int((self._groups / "memory.current").read_text()) / limit, 1.0)
        with suppress(OSError, ValueError, KeyError, ZeroDivisionError):
            lines = (line.split(":") for line in (self._proc / "meminfo").read_text().splitlines())
            sizes = {name: int(rest.split()[0]) for name, rest in lines}
            return 1 - sizes["MemAvailable"] / sizes["MemTotal"]
        return None

    def _process_memory(self) -> int | None:
        with suppress(OSError, ValueError, IndexError):
            return int(self._first("self/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return None

    def _first(self, name: str) -> str:
        with (self._proc / name).open(encoding="ascii") as file:
            return file.readline()


def _cpus() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Only Linux has it.
        return os.cpu_count() or 1


def _share(before: tuple[int, int] | None, now: tuple[int, int] | None) -> float | None:
    if before is None or now is None or now[1] <= before[1]:
        return None
    return min(max((now[0] - before[0]) / (now[1] - before[1]), 0.0), 1.0)
