"""Owners on their way from one shard to another: noted in a file, so that a crash leaves each in one shard whole."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from memoryos_tasks.adapters.vectors.edge_shard import Shard
from memoryos_tasks.core.errors import VectorsDown
from memoryos_tasks.core.events import Owner

#: What the file says: the copies in the target are not complete; they are, and those in the source go.
COPYING, COPIED = "copying", "copied"


class Moves:
    """``path`` is the file; the shards are named by their places in ``shards``."""

    def __init__(self, path: Path, shards: Sequence[Shard]) -> None:
        self._path = path
        self._shards = shards

    def recover(self) -> None:
        """Complete or undo what a crash interrupted. Raises :class:`VectorsDown` when the file cannot be read."""
        if not self._path.exists():
            return
        try:
            note = json.loads(self._path.read_text())
            copied, owners = note["state"] == COPIED, [Owner(*owner) for owner in note["owners"]]
            surplus = self._shards[note["source"] if copied else note["target"]]
        except (ValueError, LookupError, TypeError) as error:
            raise VectorsDown(f"{self._path} is damaged: restore the vectors from a backup.") from error
        for owner in owners:
            surplus.clear(owner)
        surplus.flush()
        self._path.unlink()

    def move(self, owners: Sequence[Owner], source: int, target: int) -> None:
        """Copy the owners' points, and remove them where they were; nobody may write to them meanwhile."""
        self._note(COPYING, owners, source, target)
        for owner in owners:
            self._shards[target].copy(owner, self._shards[source])
        self._shards[target].flush()
        self._note(COPIED, owners, source, target)
        for owner in owners:
            self._shards[source].clear(owner)
        self._shards[source].flush()
        self._path.unlink()

    def _note(self, state: str, owners: Sequence[Owner], source: int, target: int) -> None:
        named = [[owner.tenant, owner.user] for owner in owners]
        text = json.dumps({"state": state, "owners": named, "source": source, "target": target})
        fresh = self._path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, text.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(fresh, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
