"""The directory that holds all that a stack keeps; one stack at a time."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from memoryos_tasks.core.errors import ConfigError

#: A stack that was killed a moment ago may still hold the lock for this long (seconds).
_GRACE = 1.5
#: The file with the URL of the gateway.
GATEWAY = "gateway.url"


def running_url(path: Path) -> str | None:
    """Where the gateway of the stack that runs in ``path`` answers; None when none runs there or does not say."""
    try:
        url = (path / GATEWAY).read_text(encoding="utf-8").strip()
        with (path / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return url or None
    except (OSError, UnicodeDecodeError):
        return None
    return None


class DataDir:
    """A data directory, made private to its user, and locked until the last holder of ``lock`` ends.

    Raises :class:`ConfigError` when it cannot be made or another stack runs in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            for name in ("logs", "truth", "traffic"):
                (path / name).mkdir(mode=0o700, exist_ok=True)
            self.lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(f"data_dir: {path} cannot be used ({error}). Give a directory of this user.") from error
        self._take()

    def _take(self) -> None:
        until = time.monotonic() + _GRACE
        while True:
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    owner = os.pread(self.lock, 200, 0).decode(errors="replace").strip()
                    os.close(self.lock)
                    raise ConfigError(f"data_dir: another stack runs in {self.path} ({owner}). "
                                      "Stop it, or give this one another --data-dir.") from None
                time.sleep(0.05)
        os.ftruncate(self.lock, 0)
        os.pwrite(self.lock, f"process {os.getpid()}\n".encode(), 0)

    def log(self, program: str) -> Path:
        """The log file of a program."""
        return self.path / "logs" / f"{program}.log"

    def write(self, name: str, text: str) -> Path:
        """Put ``text`` into a file that only this user can read, whole or not at all."""
        fresh = self.path / f"{name}.new"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        return fresh.replace(self.path / name)

    def release(self) -> None:
        """Give the directory up; the supervisor may still hold it."""
        os.close(self.lock)
