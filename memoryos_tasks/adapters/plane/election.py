"""Seats of nodes where there is no cluster: on one machine alone, and in Redis."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis

from memoryos_tasks.adapters.plane.notes import note_of, note_text
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.core.errors import RegistryDown, TruthDown
from memoryos_tasks.core.plane.nodes import Newest, NodeNote, NodeStatus, status


class LocalSeat:
    """See :class:`memoryos_tasks.ports.plane.election.Seat`. Each process knows itself; of several on one machine the
    one that holds the lock on the file is the scheduler, and its death gives the lock back."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock: int | None = None
        self._token = 0
        self._note: NodeNote | None = None

    def beat(self, note: NodeNote) -> int:
        self._note = note
        if not self._token and self._taken():
            self._token = time.time_ns()
        return self._token

    def look(self) -> Sequence[NodeStatus]:
        note = self._note
        if note is None:
            return []
        newest = Newest(note.revision, note.synced_at)
        return [status(note, scheduler=note.id if self._token else None, newest=newest, now=time.time())]

    def leave(self) -> None:
        self._token, self._note = 0, None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _taken(self) -> bool:
        if self._path is None:
            return True
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise RegistryDown(f"The lock file {self._path} cannot be opened: {error}.") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._lock = descriptor
        return True


class RedisSeat:
    """See :class:`memoryos_tasks.ports.plane.election.Seat`: notes with an expiry and a lock with a fencing token, on
    Redis' clock."""

    def __init__(self, truth: redis.Redis, *, lease_seconds: float) -> None:
        self._lease = int(lease_seconds * 1000)
        self._seat = secrets.token_hex(8)
        self._id = ""
        self._beat = script(truth, "plane_beat")
        self._look = script(truth, "plane_look")
        self._leave = script(truth, "plane_leave")

    def beat(self, note: NodeNote) -> int:
        self._id = note.id
        keys = [
            keyspace.PLANE_NODES, keyspace.PLANE_EXPIRY, keyspace.PLANE_SCHEDULER, keyspace.PLANE_FENCE]
        return int(self._ask(self._beat, keys, [note.id, note_text(note), self._lease, self._seat]))

    def look(self) -> Sequence[NodeStatus]:
        keys = [
            keyspace.PLANE_NODES, keyspace.PLANE_EXPIRY, keyspace.PLANE_SCHEDULER, keyspace.PLANE_REGISTRY]
        now, revision, at, held, *notes = self._ask(self._look, keys, [])
        scheduler = held.split(" ", 1)[1].rsplit(" ", 1)[0] if held else None
        newest = Newest(int(revision), int(at) / 1000)
        found = [status(note_of(note), scheduler=scheduler, newest=newest, now=int(now) / 1000) for note in notes]
        return sorted(found, key=lambda each: each.id)

    def leave(self) -> None:
        if self._id:
            keys = [keyspace.PLANE_NODES, keyspace.PLANE_EXPIRY, keyspace.PLANE_SCHEDULER]
            self._ask(self._leave, keys, [self._id, self._seat])

    def _ask(self, call: Any, keys: Sequence[str], args: Sequence[Any]) -> Any:
        try:
            with truth_errors():
                return call(keys, args)
        except TruthDown as error:
            raise RegistryDown(
                "The nodes in Redis (REDIS_URL) cannot be asked; try again.", retry_after=1) from error
