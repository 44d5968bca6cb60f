"""The plane's configuration, which follows its file while the process runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from memoryos_tasks.adapters.plane.files import Loaded, config_file, content_of, digest, load
from memoryos_tasks.adapters.plane.reload_watch import DirectoryWatch
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.plane.config import PlaneConfig
from memoryos_tasks.core.plane.config_changes import changed
from memoryos_tasks.core.plane.policy import Policy

log = logging.getLogger(__name__)

Listener = Callable[[PlaneConfig, PlaneConfig], None]
#: Seconds for which a file must stay the same before it is read: editors write in steps.
SETTLE_SECONDS = 0.1
#: Looks at a file that keeps changing.
_LOOKS = 20
#: Backstop of ``watch``, whose directory may be replaced under it; well under the 5 s in which a change applies.
BACKSTOP_SECONDS = 3.0
#: After so long a listener that failed is told again.
AGAIN_SECONDS = 1.0


class LivePlane:
    """The configuration in force. ``watch`` starts to follow the file; do so after the fork, since threads do not
    survive one.

    A changed file is taken over whole or not at all: one that is not valid is logged with the reason and leaves the
    old configuration in force. Listeners are called with the old and the new configuration, in the thread that
    noticed; one that fails is logged and called again until it succeeds. Raises :class:`ConfigError` at the start.
    """

    def __init__(self, environ: Mapping[str, str], path: Path | None = None) -> None:
        self._environ = dict(environ)
        self._path = config_file(self._environ, path)
        self._loaded = load(self._environ, self._path)
        #: What :meth:`under` has made last, and of what: it is asked for with every request.
        self._under: tuple[Loaded, Policy | None, PlaneConfig] | None = None
        self._refused = ""
        self._refused_digest = ""
        self._listeners: list[Listener] = []
        self._owed: list[tuple[Listener, PlaneConfig]] = []
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._watch: DirectoryWatch | None = None

    @property
    def current(self) -> PlaneConfig:
        """The configuration in force now; hold the answer for as long as it must not change."""
        return self._loaded.config

    @property
    def loaded(self) -> Loaded:
        """As ``current``, with the place each value came from."""
        return self._loaded

    def under(self, policy: Policy | None) -> PlaneConfig:
        """The configuration in force where the plane has this policy; what this process' environment sets stays."""
        loaded, known = self._loaded, self._under
        if known is None or known[0] is not loaded or known[1] is not policy:
            known = self._under = (loaded, policy, loaded.under(policy))
        return known[2]

    @property
    def owed(self) -> bool:
        """Whether somebody could not be told of the configuration in force yet."""
        return bool(self._owed)

    @property
    def refused(self) -> str:
        """Why the file as it stands now is not in force; empty when it is."""
        return self._refused

    def on_change(self, listener: Listener) -> None:
        """Call ``listener(old, new)`` after each change."""
        with self._lock:
            self._listeners.append(listener)

    def watch(self) -> None:
        """Start to follow the file as ``reload.mode`` says; a second call does nothing."""
        with self._lock:
            if self._thread is not None:
                return
            if self.current.reload.mode in ("watch", "hybrid"):
                self._watch = DirectoryWatch(self._path, self._wake.set)
                self._watch.start()
            self._thread = threading.Thread(target=self._follow, name="plane-config", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the watching and wait for it."""
        self._stopping.set()
        self._wake.set()
        if self._watch is not None:
            self._watch.stop()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def push(self) -> str:
        """Take over the file now, in every mode; the reason why it was refused, or nothing."""
        with self._lock:
            self._refused_digest = ""
            self._refresh()
            return self._refused

    def _follow(self) -> None:
        while not self._stopping.is_set():
            if self._wake.wait(self._pause()):
                # One save is several events, and a busy directory many.
                self._stopping.wait(SETTLE_SECONDS)
                self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                with self._lock:
                    self._tell_again()
                    if self.current.reload.mode != "push":
                        self._refresh()
            except Exception:
                log.exception("the control plane's configuration could not be checked for changes")

    def _pause(self) -> float | None:
        """Seconds until the next look; None: until something happens."""
        reload = self.current.reload
        regular = {"push": None, "watch": BACKSTOP_SECONDS}.get(reload.mode, reload.poll_seconds)
        return min(AGAIN_SECONDS, regular or AGAIN_SECONDS) if self._owed else regular

    def _refresh(self) -> None:
        try:
            content = self._settled()
            found = digest(content)
            if found == self._loaded.digest:
                self._back()
                return
            if found == self._refused_digest:
                return
            self._refused_digest = found
            loaded = load(self._environ, self._path, content)
        except ConfigError as error:
            self._refuse(error.message)
            return
        self._back()
        old, self._loaded = self._loaded, loaded
        self._apply(old, loaded)

    def _settled(self) -> bytes:
        """The file's bytes, once they stay the same for a moment; a file that never rests is read as it is."""
        last = content_of(self._path)
        for _ in range(_LOOKS):
            if digest(last) in (self._loaded.digest, self._refused_digest):
                return last
            self._stopping.wait(SETTLE_SECONDS)
            now = content_of(self._path)
            if now == last:
                return now
            last = now
        return last

    def _refuse(self, reason: str) -> None:
        if reason != self._refused:
            log.error("the changed configuration of the control plane was refused, the old one stays in force: %s",
                      reason)
        self._refused = reason

    def _back(self) -> None:
        self._refused = self._refused_digest = ""

    def _apply(self, before: Loaded, after: Loaded) -> None:
        old, new = before.config, after.config
        if old == new and before.policy == after.policy:
            return
        changes = changed(old, new)
        log.info("the changed configuration of the control plane is in force: %s", ", ".join(changes.applied) or "-")
        if changes.restart:
            log.warning("these changed keys apply after a restart: %s", ", ".join(changes.restart))
        for listener in list(self._listeners):
            self._tell(listener, old, new)

    def _tell(self, listener: Listener, old: PlaneConfig, new: PlaneConfig) -> None:
        try:
            listener(old, new)
        except Exception:
            log.exception("a listener for the changed configuration failed; it is told again")
            self._owed.append((listener, old))
            self._wake.set()

    def _tell_again(self) -> None:
        """Each listener that failed, once, from the configuration that it still has to the one in force."""
        owed, self._owed = self._owed, []
        first: dict[Listener, PlaneConfig] = {}
        for listener, old in owed:
            first.setdefault(listener, old)
        for listener, old in first.items():
            self._tell(listener, old, self.current)
