"""The registry of one machine: a file beside the data, shared by its processes; or memory alone."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memoryos_tasks.adapters.plane.store import Kept
from memoryos_tasks.core.errors import RegistryDown
from memoryos_tasks.core.plane.nodes import Term

#: Seconds between two looks at the file, and between two words of this process that it is up to date.
LOOK, MOST = 0.25, 2.0


class MemoryStore:
    """See :class:`memoryos_tasks.adapters.plane.store.Store`, for a process that is alone."""

    def __init__(self) -> None:
        self._kept = Kept()
        self._guard = threading.Lock()

    def read(self) -> Kept:
        return self._kept

    def swap(self, revision: int, document: str, term: Term | None) -> bool:
        with self._guard:
            if revision != self._kept.revision:
                return False
            self._kept = Kept(document, revision + 1)
            return True

    def wait(self, revision: int, worker: int, stop: threading.Event) -> None:
        stop.wait(MOST)

    def close(self) -> None:
        return None


class FileStore:
    """See :class:`memoryos_tasks.adapters.plane.store.Store`. A lock file keeps writers apart, a rename makes each
    document whole. There is one machine, so terms are not checked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None

    def read(self) -> Kept:
        # Before the file itself: what comes in between is looked at again.
        self._seen = self._stamp()
        try:
            row = json.loads(self._path.read_text(encoding="utf-8"))
            return Kept(str(row["document"]), int(row["revision"]))
        except FileNotFoundError:
            return Kept()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RegistryDown(f"The registry's file {self._path} cannot be read: {error}.") from error

    def swap(self, revision: int, document: str, term: Term | None) -> bool:
        with self._alone():
            if self.read().revision != revision:
                return False
            fresh = self._path.with_suffix(".new")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"revision": revision + 1, "document": document}, file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self._path)
            return True

    def wait(self, revision: int, worker: int, stop: threading.Event) -> None:
        for _ in range(int(MOST / LOOK)):
            if stop.wait(LOOK) or self._stamp() != self._seen:
                return

    def close(self) -> None:
        return None

    def _stamp(self) -> tuple[int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_suffix(".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise RegistryDown(f"The registry's file {self._path} cannot be written: {error}.") from error
