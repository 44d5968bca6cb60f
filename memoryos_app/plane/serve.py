"""The control plane's own HTTP process, under gunicorn."""

from __future__ import annotations

import logging
import os
import signal
import threading
from dataclasses import replace
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from memoryos_app.plane.app import create_plane_app
from memoryos_app.plane.start import Starter, join, keep, leave
from memoryos_app.stack import leash
from memoryos_tasks import logs
from memoryos_tasks.adapters.plane.reload import LivePlane
from memoryos_tasks.core.plane.config import PlaneConfig
from memoryos_tasks.core.settings import Settings

#: Seconds that open requests may take to end when the server is told to stop.
GRACE_SECONDS = 30


def serve(live: LivePlane, settings: Settings) -> None:
    """Listen until a signal ends it; SIGHUP reads the configuration again."""
    log_to(live, settings)
    Server(live, settings).run()


class _Arbiter(Arbiter):  # type: ignore[misc]
    """gunicorn's SIGHUP starts every process anew; here each takes the file over, and no connection is lost."""

    def reload(self) -> None:
        """SIGHUP."""
        self.kill_workers(signal.SIGHUP)


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with one process of many threads: requests mostly wait."""

    def __init__(self, live: LivePlane, settings: Settings) -> None:
        self.live = live
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """gunicorn's settings; what this version of it does not know is left out."""
        for name, value in options(self.live.current).items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def run(self) -> None:
        """Serve."""
        _Arbiter(self).run()

    def load(self) -> Flask:
        """The application, made in the process that was forked off."""
        log_to(self.live, self._settings)
        self.live.on_change(_level)
        starter = Starter(self.live, lambda: self._settings)
        path = self.live.current.server.context_path
        app = create_plane_app(starter, lambda: self._settings, prefix="" if path == "/" else path)
        keep(app, starter)
        return app


def options(config: PlaneConfig) -> dict[str, Any]:
    """gunicorn's settings for this configuration; deploy/gunicorn.conf.py has the reasons for those of the gateway."""
    server = config.server
    return {
        "bind": f"[{server.host}]:{server.port}" if ":" in server.host else f"{server.host}:{server.port}",
        "worker_class": "memoryos_app.lingering.Worker",
        "workers": 1,
        "threads": min(server.worker_threads, server.max_connections),
        "worker_connections": server.max_connections,
        "keepalive": 30,
        "timeout": 60,
        "graceful_timeout": GRACE_SECONDS,
        "backlog": 512,
        "errorlog": "-",
        "loglevel": config.logging.level,
        "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,
        "control_socket_disable": True,
        "proc_name": config.service.name,
        "post_fork": _post_fork,
        "post_worker_init": _post_worker_init,
        "worker_exit": _worker_exit,
    }


def log_to(live: LivePlane, settings: Settings) -> None:
    """Send the log where the plane's file says, else where the settings do."""
    said = live.current.logging
    given = ("logging", "level") in live.loaded.given
    logs.configure(replace(settings.log, level=said.level) if given else settings.log)
    if said.file:
        root = logging.getLogger()
        handler = WatchedFileHandler(Path(said.file).expanduser(), encoding="utf-8")
        handler.setFormatter(root.handlers[0].formatter)
        root.handlers[:] = [handler]


def _level(old: PlaneConfig, new: PlaneConfig) -> None:
    if old.logging.level != new.logging.level:
        logs.set_level(new.logging.level)


def _post_fork(server: Any, _worker: Any) -> None:
    """A worker ends with its master, even when that is killed, so that the port is free for the next one."""
    leash.tie(server.pid)


def _post_worker_init(worker: Any) -> None:
    """Join the nodes now, not with the first request; and read the configuration again when told to."""
    live: LivePlane = worker.app.live
    # In a thread of its own: a handler must not wait for a lock that its own thread may hold.
    signal.signal(signal.SIGHUP, lambda *_: threading.Thread(target=live.push, daemon=True).start())
    join(worker.wsgi)
    print(f"The control plane listens on {worker.cfg.bind[0]}", flush=True)


def _worker_exit(_server: Any, worker: Any) -> None:
    """Tell the other nodes."""
    if worker.app.callable is not None:
        leave(worker.app.callable)
