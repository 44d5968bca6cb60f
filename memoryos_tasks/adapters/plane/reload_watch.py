"""Tells when something happens in the directory of a file.

The directory, not the file: an atomic rename puts another file in its place, and a ConfigMap swaps the directory that
a link points to. A watch on the file itself hears neither.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileClosedNoWriteEvent, FileOpenedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

log = logging.getLogger(__name__)


class DirectoryWatch:
    """Calls ``tell`` from a thread of its own. Where the system has no watch to give, it stays silent and says so:
    whoever uses it looks now and then as well."""

    def __init__(self, path: Path, tell: Callable[[], None]) -> None:
        self._path = path
        self._handler = _Handler(tell)
        self._observer: BaseObserver | None = None

    def start(self) -> None:
        """Watch the file's directory, and the one where a link leads to."""
        observer = Observer()
        try:
            for folder in {self._path.parent, self._path.resolve().parent}:
                observer.schedule(self._handler, str(folder), recursive=False)
            observer.start()
        except OSError as error:
            log.warning("the directory of %s cannot be watched (%s); it is looked at every few seconds instead",
                        self._path, error.strerror)
            return
        self._observer = observer

    def stop(self) -> None:
        """End the thread."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(timeout=5)


class _Handler(FileSystemEventHandler):
    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell

    def on_any_event(self, event: FileSystemEvent) -> None:
        # Our own reading of the file is news too; it would never end.
        if not isinstance(event, FileOpenedEvent | FileClosedNoWriteEvent):
            self._tell()
