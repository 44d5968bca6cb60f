"""What the plane's calls need of the world, wired once per process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from flask import Flask, current_app

from memoryos_tasks.core.errors import MemoryOSError, RegistryDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.config import Endpoint, PlaneConfig
from memoryos_tasks.core.plane.nodes import NodeStatus
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.plane.observation import Observed, Unobserved
from memoryos_tasks.ports.plane.registry import Registry
from memoryos_tasks.ports.plane.scheduling import EndpointState
from memoryos_tasks.ports.plane.sessions import Sessions

_EXTENSION = "memoryos.plane"
#: Seconds for which a plane that could not start is not started again: requests would queue up for it.
REFUSED_SECONDS = 0.5


class Watcher(Protocol):
    """Hears who asks."""

    def asked(self, owner: Owner, ip: str) -> None:
        """An authenticated request has come, whatever becomes of it."""

    def refused(self, ip: str) -> None:
        """A request has failed to authenticate."""


class Deaf:
    """Nobody watches."""

    def asked(self, owner: Owner, ip: str) -> None:
        """Nothing."""

    def refused(self, ip: str) -> None:
        """Nothing."""


@dataclass(frozen=True)
class PlaneParts:
    """``states`` raises :class:`TrafficDown`; ``reload`` reads the file again: "" or why it is refused."""

    config: Callable[[], PlaneConfig]
    registry: Registry
    nodes: Callable[[], Sequence[NodeStatus]]
    states: Callable[[Sequence[Endpoint]], Mapping[str, EndpointState]]
    sessions: Sessions
    reload: Callable[[], str]
    watcher: Watcher = field(default_factory=Deaf)
    observed: Observed = field(default_factory=Unobserved)


@dataclass
class _Holder:
    make: Callable[[], PlaneParts]
    #: Seconds that only grow.
    clock: Callable[[], float]
    lock: threading.Lock = field(default_factory=threading.Lock)
    pid: int = 0
    made: PlaneParts | None = None
    #: Why it could not be made, and until when (by the clock) it is not tried again.
    failed: MemoryOSError | None = None
    not_before: float = 0.0

    def get(self) -> PlaneParts:
        if self.made is not None and self.pid == os.getpid():
            return self.made
        with self.lock:
            if self.made is not None and self.pid == os.getpid():
                return self.made
            if self.failed is not None and self.clock() < self.not_before:
                raise self.failed
            try:
                self.made, self.pid, self.failed = self.make(), os.getpid(), None
            except MemoryOSError as error:
                self.failed, self.not_before = error, self.clock() + REFUSED_SECONDS
                raise
            return self.made


def hold(app: Flask, make: Callable[[], PlaneParts], clock: Callable[[], float] = time.monotonic) -> None:
    """Remember how to make the parts; nothing is opened yet."""
    app.extensions[_EXTENSION] = _Holder(make, clock)


def plane() -> PlaneParts:
    """The parts of this process, made on first use, so that a fork before is harmless. Raises what keeps the plane from
    starting."""
    holder: _Holder = current_app.extensions[_EXTENSION]
    return holder.get()


def wired(running: Any, settings: Settings) -> PlaneParts:
    """The real parts of a plane that runs here: with its ``live`` configuration, its ``registry`` and its ``node``."""
    from memoryos_tasks.adapters.codec.sealed import SealedCodec
    from memoryos_tasks.adapters.plane.observation import Observation
    from memoryos_tasks.adapters.plane.plan import Rules
    from memoryos_tasks.adapters.plane.records import Records
    from memoryos_tasks.adapters.plane.scheduler import RedisScheduler
    from memoryos_tasks.adapters.plane.sessions import RedisSessions
    from memoryos_tasks.adapters.redis.connections import traffic, truth
    from memoryos_tasks.adapters.vault.files import FileVault

    live, registry, record, news = running.live, running.registry, truth(settings), traffic(settings)

    def config() -> PlaneConfig:
        now: PlaneConfig = live.under(registry.policy())
        return now

    def reload() -> str:
        refused: str = live.push()
        if not refused and live.owed:
            raise RegistryDown("The file is valid, but the registry cannot be reached to tell the other nodes; that is "
                               "tried again until it succeeds.", retry_after=2)
        return refused

    observed = Observation(record, news, settings)
    observed.telling(running.node.id).start()
    return PlaneParts(
        config,
        registry,
        running.node.nodes,
        RedisScheduler(news, lambda: Rules(config().scheduling, config().breaker)).states,
        RedisSessions(record, SealedCodec(FileVault(settings.vault_dir))),
        reload,
        Records(record, news, settings.observe),
        observed,
    )
