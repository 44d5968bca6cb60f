"""The embedded store's files: who owns them, which store they are, and what the engine's failures mean."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from memoryos_tasks.core.errors import VectorsDown


def identity(path: Path) -> str:
    if not path.exists():
        path.write_text(uuid4().hex)
    return path.read_text().strip()


def take(path: Path) -> int:
    """Lock the file for this process; its descriptor keeps the lock. Raises :class:`VectorsDown`."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise VectorsDown(
            f"the vectors in {path.parent} belong to another running process: send work to it "
            "through the 'vectors' queue, or stop it"
        ) from error
    return descriptor


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """The engine raises bare ``Exception``; a panic in it is a ``BaseException`` of its own.

    Its words may quote a payload, so they stay behind in the error's cause, whose text no log shows.
    """
    try:
        yield
    except BaseException as error:
        if type(error) is Exception or type(error).__name__ == "PanicException":
            hint = ": its disk is full" if "No space left" in str(error) else "; try again"
            raise VectorsDown(f"The embedded vector store could not {doing}{hint}.") from error
        raise
