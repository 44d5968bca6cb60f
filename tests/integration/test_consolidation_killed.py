"""A consolidating process is killed at each of its writes; the next one completes what it began."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from fakes import WordEmbedder, make_event
from plain_codec import PlainCodec

from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.locks import RedisLocks
from memoryos_tasks.adapters.redis.stm import RedisStm
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Kind
from memoryos_tasks.ports.vectors import Where
from memoryos_tasks.services.consolidation import Consolidation
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

ALICE = Owner("acme", "alice: 李")
SAID = (("u1", "user"), ("a1", "assistant"), ("u2", "user"), ("a2", "assistant"), ("u3", "user"))
#: Pages, segments, the places of three pages in one call that makes three, short-term memory.
WRITES = 4

_VICTIM = """
import os, signal, sys
import redis
from test_consolidation_killed import ALICE, House

class Fuse:
    def __init__(self, inner, names):
        self.inner, self.names = inner, names
    def __getattr__(self, name):
        call = getattr(self.inner, name)
        def write(*args, **options):
            global left
            left -= name in self.names
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **options)
        return write

left = int(sys.argv[3])
house = House(redis.Redis.from_url(sys.argv[1], decode_responses=True), sys.argv[2],
              vectors=lambda inner: Fuse(inner, ("upsert", "patch_many")), stm=lambda inner: Fuse(inner, ("drop",)))
house.consolidation.run(ALICE, "s", keep=0)
"""


class House:
    """Consolidation over a real truth and a real embedded store, with locks that run out soon."""

    def __init__(
        self,
        truth: redis.Redis,
        folder: str,
        vectors: Callable[[Any], Any] = lambda store: store,
        stm: Callable[[Any], Any] = lambda store: store,
    ) -> None:
        codec, embedder = PlainCodec(), WordEmbedder()
        self.store = EdgeStore(folder, embedder.dimensions)
        self.stm = RedisStm(truth, codec)
        fused = vectors(self.store)
        self.recall = Recall(fused, embedder, codec)
        locks = RedisLocks(truth, lease_seconds=0.5)
        segments = Segments(fused, self.recall, codec)
        self.consolidation = Consolidation(stm(self.stm), segments, embedder, locks, lambda: 1.0)


@pytest.mark.parametrize("done", range(WRITES))
def test_what_a_killed_process_began_is_completed(
    truth: redis.Redis, journal: RedisJournal, tmp_path: Path, done: int
) -> None:
    # Given a session that is indexed, and a process that is killed when so many of its writes are done
    house = House(truth, str(tmp_path / "v"))
    journal.append(ALICE, [make_event(ALICE, id, f"words of {id}", role=role, session="s") for id, role in SAID])
    entries = journal.admit(journal.read(count=99))
    house.recall.index([entry.event for entry in entries], {})
    journal.applied(entries)
    house.store.close()
    url = "redis://{host}:{port}/{db}".format(**truth.connection_pool.connection_kwargs)
    here = Path(__file__).parent
    victim = subprocess.run(
        [sys.executable, "-c", _VICTIM, url, str(tmp_path / "v"), str(done)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (here, here.parent, here.parents[1])))},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert victim.returncode == -signal.SIGKILL, victim.stderr
    # When the reply that was missing comes, and another process consolidates
    house = House(truth, str(tmp_path / "v"))
    journal.append(ALICE, [make_event(ALICE, "a3", "words of a3", role="assistant", session="s")])
    entries = journal.admit(journal.read(count=99))
    house.recall.index([entry.event for entry in entries], {})
    journal.applied(entries)
    began = {hit.id: hit.payload["sources"] for hit in house.store.scroll(Where(ALICE, kinds=("page",)))[0]}
    house.consolidation.run(ALICE, "s", keep=0)
    # Then every event stands in one page, its turn says so, and each page in the segment that it names
    turns, pages, segments = (
        house.store.scroll(Where(ALICE, kinds=(kind.value,)))[0] for kind in (Kind.TURN, Kind.PAGE, Kind.SEGMENT)
    )
    assert house.stm.size(ALICE, "s") == 0
    paged = Counter((id, page.id) for page in pages for id in page.payload["sources"])
    assert paged == Counter((turn.payload["event_id"], turn.payload["place"]) for turn in turns)
    assert {id for id, _ in paged} == {id for id, _ in SAID} | {"a3"}
    listed = Counter((page, segment.id) for segment in segments for page in segment.payload["pages"])
    assert listed == Counter((page.id, page.payload["segment"]) for page in pages)
    # And a page that was there before has the events that it had
    assert {page.id: page.payload["sources"] for page in pages}.items() >= began.items()
    house.store.close()
