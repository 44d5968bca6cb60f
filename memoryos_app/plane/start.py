"""Starts the control plane in a process: the registry, then this node in it, then its reports."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog
from flask import Flask

from memoryos_app.plane.app_parts import plane
from memoryos_tasks.adapters.plane.files import VARIABLE, Loaded
from memoryos_tasks.adapters.plane.reload import LivePlane
from memoryos_tasks.core.errors import MemoryOSError
from memoryos_tasks.core.plane.config import PlaneConfig, model_names
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.plane.registry import Registry

if TYPE_CHECKING:
    from memoryos_tasks.adapters.plane.nodes import ControlNode

log = structlog.get_logger(__name__)

_EXTENSION = "memoryos.plane.start"
#: Seconds until a registry that is not ready is tried again.
AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane that runs in this process."""

    live: LivePlane
    registry: Registry
    node: ControlNode

    def stop(self) -> None:
        """Leave the nodes, and end the threads."""
        self.live.stop()
        self.node.close()
        self.registry.close()


class Starter:
    """Makes the plane of this process on its first call, and the same from then on. Raises :class:`Unavailable` while
    the registry is not ready; the next call tries again.

    ``live`` may be made before a fork, the call comes after it: threads do not survive one.
    """

    def __init__(self, live: LivePlane, settings: Callable[[], Settings], *, inside: bool = False) -> None:
        self.live = live
        self._settings = settings
        self._inside = inside
        self._lock = threading.Lock()
        self._made: Plane | None = None
        self._pid = 0
        self._stopping = threading.Event()

    def __call__(self) -> Plane:
        with self._lock:
            if self._made is None or self._pid != os.getpid():
                self._made, self._pid = self._start(), os.getpid()
            return self._made

    def stop(self) -> None:
        """Stop what this process has started."""
        self._stopping.set()
        if self._pid == os.getpid() and self._made is not None:
            self._made.stop()

    def join(self, app: Flask) -> None:
        """Start now, in the background, rather than with the first request; tries until it succeeds."""
        threading.Thread(target=self._join, args=(app,), name="plane-start", daemon=True).start()

    def _join(self, app: Flask) -> None:
        said = ""
        with app.app_context():
            while not self._stopping.is_set():
                try:
                    plane()
                    return
                except MemoryOSError as error:
                    if error.message != said:
                        log.error("the control plane has not started, it is tried again", reason=error.message)
                    said = error.message
                self._stopping.wait(AGAIN_SECONDS)

    def _start(self) -> Plane:
        from memoryos_tasks.adapters.plane.open import open_node, open_registry

        # The file may have changed since the process was forked off.
        self.live.push()
        settings, config = self._settings(), self._config()
        # A file that is refused seeds nothing: what the nodes have in force is newer than what this process began with.
        loaded = self.live.loaded
        registry = open_registry(config, settings, seed=not self.live.refused, policy=loaded.policy)
        log.info("the registry is connected", mode=config.sync.mode, revision=registry.revision())
        node = open_node(config, settings, registry)
        node.start()
        log.info("this node has registered itself and reports its health", node=node.id)
        self.live.on_change(_Share(self.live, registry, loaded))
        self.live.watch()
        log.info("models", available=model_names(registry.endpoints()))
        return Plane(self.live, registry, node)

    def _config(self) -> PlaneConfig:
        """Inside the gateway, the gateway's address is where this node answers."""
        config, gateway = self.live.current, self._settings().gateway
        if not self._inside:
            return config
        return replace(config, server=replace(config.server, host=gateway.host, port=gateway.port))


class _Share:
    """Tells all nodes what the changed file says for them."""

    def __init__(self, live: LivePlane, registry: Registry, told: Loaded) -> None:
        self._live = live
        self._registry = registry
        self._told = told

    def __call__(self, _old: PlaneConfig, _new: PlaneConfig) -> None:
        told, now = self._told, self._live.loaded
        if (told.config.models, told.policy) != (now.config.models, now.policy):
            self._registry.apply(now.config.models, now.policy)
        self._told = now


def inside_gateway(environ: Mapping[str, str], settings: Callable[[], Settings]) -> Starter | None:
    """The plane of a gateway, when ``MEMORYOS_MCP_CONFIG`` names its file and the file does not turn it off.

    Raises :class:`ConfigError`.
    """
    if not environ.get(VARIABLE):
        return None
    live = LivePlane(environ)
    return Starter(live, settings, inside=True) if live.current.mcp.enabled else None


def keep(app: Flask, starter: Starter) -> None:
    """Remember the starter for :func:`join` and :func:`leave`."""
    app.extensions[_EXTENSION] = starter


def join(app: Flask) -> None:
    """For a server that has just forked a process off: start its plane, if it has one."""
    starter = app.extensions.get(_EXTENSION)
    if isinstance(starter, Starter):
        starter.join(app)


def leave(app: Flask) -> None:
    """For a server whose process ends: tell the other nodes."""
    starter = app.extensions.get(_EXTENSION)
    if isinstance(starter, Starter):
        starter.stop()
