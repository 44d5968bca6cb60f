"""The programs that make up a stack, as plain data."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from memoryos_app.stack.places import deploy_file

#: The two Redis servers.
Role = Literal["truth", "traffic"]


@dataclass(frozen=True, slots=True)
class Program:
    """One supervised child. The ``app`` group stops before the ``redis`` group, each within ``stop_seconds``."""

    name: str
    argv: tuple[str, ...]
    group: Literal["redis", "app"] = "app"
    stop_seconds: int = 5


def redis_program(role: Role, binary: str, port: int, directory: Path) -> Program:
    """An embedded Redis: the configuration of its role, on loopback only."""
    argv = (binary, str(deploy_file(f"redis-{role}.conf")), "--bind", "127.0.0.1", "--port", str(port),
            "--dir", str(directory), "--daemonize", "no")
    return Program(f"redis-{role}", argv, "redis", 3)


def app_programs() -> list[Program]:
    """The worker, beat and the gateway, run by this Python."""
    python = sys.executable
    celery = (python, "-m", "celery", "-A", "memoryos_tasks")
    return [
        # A name of its own, so that a worker started by hand (celery@host) does not collide with it. Mingle waits a
        # second at start for other workers' revoked tasks, and gossip feeds nothing here; the ledger knows both.
        Program("worker", (*celery, "worker", "-n", "memoryos@%h", "--without-mingle", "--without-gossip"),
                # A warm shutdown gives running tasks 8 s.
                stop_seconds=10),
        Program("gateway", (python, "-m", "gunicorn", "-c", str(deploy_file("gunicorn.conf.py")),
                            "memoryos_app:create_app()")),
        Program("beat", (*celery, "beat", "--pidfile=")),
    ]
