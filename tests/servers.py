"""Two Redis servers that a test may kill and start again, with their files kept."""

from __future__ import annotations

import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

import redis
from waiting import until

from memoryos_app.stack.engine import find_redis
from memoryos_app.stack.program import Role, redis_program
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.settings import Settings


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


ROLES: tuple[Role, ...] = ("truth", "traffic")


class Servers:
    """A server a role; as a context they run."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ports = {role: free_port() for role in ROLES}
        self._running: dict[Role, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Servers:
        for role in ROLES:
            self.start(role)
        return self

    def __exit__(self, *_: object) -> None:
        for role in list(self._running):
            self.kill(role)

    def url(self, role: Role) -> str:
        return f"redis://127.0.0.1:{self._ports[role]}/0"

    def settings(self) -> Settings:
        return Settings(redis=options.Redis(truth_url=self.url("truth"), traffic_url=self.url("traffic")))

    def start(self, role: Role) -> None:
        """Return when it answers."""
        place = self._directory / role
        place.mkdir(exist_ok=True)
        program = redis_program(role, find_redis(), self._ports[role], place)
        with ExitStack() as files:
            log = files.enter_context((place / "log").open("ab"))
            self._running[role] = subprocess.Popen(program.argv, stdout=log, stderr=log)
        until(lambda: self._answers(role), seconds=10, what=f"the {role} server answers")

    def kill(self, role: Role) -> None:
        """As a crash does."""
        server = self._running.pop(role)
        server.kill()
        server.wait()

    def _answers(self, role: Role) -> bool:
        with redis.Redis.from_url(self.url(role), socket_timeout=1) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False
