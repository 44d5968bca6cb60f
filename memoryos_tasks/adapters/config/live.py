"""Settings that follow their file while the process runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from memoryos_tasks.adapters.config.toml import config_path, load, needs_restart
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.settings import Settings

log = logging.getLogger(__name__)

Listener = Callable[[Settings, Settings], None]
_Stamp = tuple[int, int, int] | None


class LiveSettings:
    """The settings in force; ``watch`` starts a thread that takes over a changed file, all or nothing.

    A file that is not valid is logged once and leaves the old settings in force. Listeners are called with
    the old and the new settings, in the watcher's thread; one that fails is logged and stops nobody.
    """

    def __init__(self, environ: Mapping[str, str], path: Path | None = None, *, interval: float = 1.0) -> None:
        self._environ = dict(environ)
        self._path = path
        self._interval = interval
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._seen = self._stamp()
        self._current = load(self._environ, path)

    @property
    def current(self) -> Settings:
        """The settings in force now; hold the answer for as long as they must not change."""
        return self._current

    def on_change(self, listener: Listener) -> None:
        """Call ``listener(old, new)`` after each change."""
        with self._lock:
            self._listeners.append(listener)

    def watch(self) -> None:
        """Start to follow the file; a second call does nothing."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name="settings-watcher", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the watcher and wait for it."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def refresh(self) -> bool:
        """Take over the file if it has changed since it was last read; whether the settings changed."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        try:
            new = load(self._environ, self._path)
        except ConfigError as error:
            log.error("the changed configuration was refused, the old one stays in force: %s", error.message)
            return False
        with self._lock:
            old, self._current = self._current, new
            listeners = list(self._listeners)
        if old == new:
            return False
        restart = needs_restart(old, new)
        if restart:
            log.warning("these changed settings apply after a restart: %s", ", ".join(restart))
        for listener in listeners:
            self._tell(listener, old, new)
        return True

    @staticmethod
    def _tell(listener: Listener, old: Settings, new: Settings) -> None:
        try:
            listener(old, new)
        except Exception:
            log.exception("a listener for changed settings failed")

    def _stamp(self) -> _Stamp:
        path = config_path(self._environ, self._path)
        if path is None:
            return None
        try:
            stat = path.stat()
        except OSError:
            return (0, 0, 0)
        return (stat.st_mtime_ns, stat.st_size, stat.st_ino)

    def _follow(self) -> None:
        while not self._stopping.wait(self._interval):
            try:
                self.refresh()
            except Exception:
                log.exception("the configuration could not be checked for changes")
