"""Real Celery processes of the product for tests, each with a log of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOREIGN = ("MEMORYOS", "REDIS_URL", "CELERY_", "QDRANT_URL")


def environment(urls: Mapping[str, str], folder: Path, **more: str) -> dict[str, str]:
    """What a process needs to find two Redis servers, and nothing of the machine's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {
        "REDIS_URL": urls["truth"], "CELERY_BROKER_URL": urls["traffic"], "MEMORYOS_DATA_DIR": str(folder),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]), **more,
    }


class CeleryProcess:
    """``celery -A memoryos_tasks <arguments>``, killed at the end of its block if it still runs."""

    def __init__(self, *arguments: str, env: Mapping[str, str], log: Path) -> None:
        self.log = log
        command = [sys.executable, "-m", "celery", "-A", "memoryos_tasks", *arguments]
        with log.open("ab") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, env=dict(env), stdout=out, stderr=subprocess.STDOUT)
        self.pid = self.process.pid

    def __enter__(self) -> CeleryProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.kill()

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def says(self, word: str) -> bool:
        """Whether the log holds the word."""
        return word in self.log.read_text()

    def kill(self) -> None:
        """SIGKILL, and the end of it."""
        self.process.kill()
        self.process.wait(timeout=10)

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        self.process.send_signal(signal.SIGTERM)

    def ended(self, seconds: float) -> int:
        """The exit code; fails when it does not end in time."""
        return self.process.wait(timeout=seconds)


def worker(name: str, *, env: Mapping[str, str], log: Path) -> CeleryProcess:
    """A worker of that name."""
    return CeleryProcess("worker", "-n", f"{name}@%h", "--without-mingle", "--without-gossip", env=env, log=log)


def beat(*, env: Mapping[str, str], log: Path) -> CeleryProcess:
    """A beat."""
    return CeleryProcess("beat", "--pidfile=", env=env, log=log)
