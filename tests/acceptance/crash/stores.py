"""What a stopped system holds, read from its stores and not from its mouth."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from acceptance.system import answers, free_port, until

from memoryos_app.stack.program import redis_program
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Kind
from memoryos_tasks.ports.vectors import Hit, Where


@dataclass(slots=True)
class Held:
    """What one user's memory holds."""

    #: Event ids in short-term memory, per session in its order.
    slots: dict[str, list[str]] = field(default_factory=dict)
    #: Page id → event ids, and segment id → page ids.
    pages: dict[str, list[str]] = field(default_factory=dict)
    segments: dict[str, list[str]] = field(default_factory=dict)
    turns: list[dict[str, Any]] = field(default_factory=list)

    def places(self, event_id: str) -> list[str]:
        """Where the event stands: ``stm`` for a slot, else the page's id; as often as it stands there."""
        slots = ["stm" for events in self.slots.values() for each in events if each == event_id]
        return slots + [page for page, events in self.pages.items() for each in events if each == event_id]


@contextmanager
def truth_of(data_dir: Path, redis_server: str) -> Iterator[redis.Redis]:
    """The store of record of a stopped system, served again from its file."""
    port = free_port()
    argv = redis_program("truth", redis_server, port, data_dir / "truth").argv
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    try:
        url = f"redis://127.0.0.1:{port}/0"
        until(lambda: answers(url), seconds=10, what="the store of record answers")
        with redis.Redis.from_url(url, socket_timeout=5, decode_responses=True) as client:
            yield client
    finally:
        process.terminate()
        process.wait(timeout=10)


def read(data_dir: Path, redis_server: str, users: Iterable[str]) -> dict[str, Held]:
    """What a stopped system holds of these users."""
    folder = data_dir / "vectors"
    size = json.loads((folder / "shard" / "edge_config.json").read_text())["vectors"]["dense"]["size"]
    held = {}
    with truth_of(data_dir, redis_server) as truth, closing(EdgeStore(folder, size)) as vectors:
        for user in users:
            owner = Owner("default", user)
            held[user] = _held(vectors, owner)
            for key in truth.scan_iter(keyspace.stm(owner, "") + "*", count=1000):
                session = keyspace.unpart(key.rpartition(":")[2])
                held[user].slots[session] = [json.loads(row)["event_id"] for row in _rows(truth, key)]
    return held


def _rows(truth: redis.Redis, key: str) -> list[str]:
    rows: Any = truth.zrange(key, 0, -1)
    return list(rows)


def _held(vectors: EdgeStore, owner: Owner) -> Held:
    return Held(
        pages={hit.id: list(hit.payload["sources"]) for hit in _all(vectors, owner, Kind.PAGE)},
        segments={hit.id: list(hit.payload["pages"]) for hit in _all(vectors, owner, Kind.SEGMENT)},
        turns=[dict(hit.payload) for hit in _all(vectors, owner, Kind.TURN)],
    )


def _all(vectors: EdgeStore, owner: Owner, kind: Kind) -> Iterator[Hit]:
    cursor = None
    while True:
        hits, cursor = vectors.scroll(Where(owner, kinds=(kind.value,)), cursor=cursor)
        yield from hits
        if cursor is None:
            return
