"""The programs that make up a stack, as plain data."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from memoryos_app.stack.places import deploy_file
from memoryos_tasks.queues import CHAT

#: Messages in hand for each process of the chat fleet: with one, it would idle while the next is fetched.
FLEET_PREFETCH = 4

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


def app_programs(chat_processes: int = 0) -> list[Program]:
    """The worker, beat and the gateway, run by this Python; with ``chat_processes`` the fleet for the chats as well."""
    python = sys.executable
    celery = (python, "-m", "celery", "-A", "memoryos_tasks")
    # Mingle waits a second at start for other workers' revoked tasks, and gossip feeds nothing here; the ledger knows
    # both. Names of their own, so that a worker started by hand (celery@host) does not collide with them.
    worker = (*celery, "worker", "--without-mingle", "--without-gossip", "-n")
    others = ("-X", CHAT) if chat_processes else ()
    programs = [
        # A warm shutdown gives running tasks 8 s.
        Program("worker", (*worker, "memoryos@%h", *others), stop_seconds=10),
        Program("gateway", (python, "-m", "gunicorn", "-c", str(deploy_file("gunicorn.conf.py")),
                            "memoryos_app:create_app()")),
        Program("beat", (*celery, "beat", "--pidfile=")),
    ]
    if chat_processes:
        # Celery takes "prefork" for its own default, before which the configured pool goes; "processes" is the same.
        fleet = ("-Q", CHAT, "--pool", "processes", "--concurrency", str(chat_processes),
                 "--prefetch-multiplier", str(FLEET_PREFETCH))
        programs.append(Program("chats", (*worker, "chats@%h", *fleet), stop_seconds=10))
    return programs
