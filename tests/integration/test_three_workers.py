"""Three worker processes and one user: adds and consolidation at once, and every event keeps one place."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
from celery_processes import CeleryProcess, environment, worker
from fakes import make_event
from waiting import until

from memoryos_app.stack.program import Role
from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.redis import connections, keyspace
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.presence import Presence, WorkerInfo
from memoryos_tasks.adapters.redis.runs import RedisRuns
from memoryos_tasks.adapters.redis.stm import RedisStm
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.adapters.vectors.queue import QueueStore
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Kind
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.runs import Saying
from memoryos_tasks.ports.vectors import Hit, Point, Where
from memoryos_tasks.publisher import Publisher
from memoryos_tasks.queues import CHAT, MAINTENANCE, MEMORY
from memoryos_tasks.services import wanted

ALICE = Owner("acme", "alice: 李")
SESSIONS = ("one", "two: 二", "three", "four")
#: Exchanges of each session, and events that it keeps while it goes on.
EXCHANGES, KEEP = 30, 6
NAMES = ("first", "second", "third")


class Fleet:
    """What one needs to talk to the workers, as gateway and beat do."""

    def __init__(self, urls: dict[Role, str], folder: Path) -> None:
        codec = SealedCodec(FileVault(folder / "vault"))
        self.settings = Settings(
            data_dir=folder, redis=options.Redis(truth_url=urls["truth"], traffic_url=urls["traffic"])
        )
        self.truth = connections.truth(self.settings)
        self.traffic = connections.traffic(self.settings, block=True)
        self.journal, self.stm = RedisJournal(self.truth, codec, consumer="asker"), RedisStm(self.truth, codec)
        self.ledger = RedisLedger(self.truth, codec, options.Jobs())
        self.runs, self.publisher = RedisRuns(self.traffic, codec), Publisher(self.settings)
        self.vectors = QueueStore(self.traffic, self.publisher, timeout=5)
        self.logs = [folder / name for name in NAMES]

    def workers(self) -> list[WorkerInfo]:
        return [info for info in Presence(self.traffic).workers() if info.warm]

    def say(self, session: str) -> list[str]:
        """A conversation, one message after the other; its event ids."""
        ids = []
        for number in range(EXCHANGES):
            asked = f"Note {number}: 我的花园 and the roses of {session}"
            for role, words in (("user", asked), ("assistant", "Noted.")):
                ids.append(f"{session} {role} {number}")
                event = make_event(ALICE, ids[-1], words, role=role, session=session)
                if self.journal.append(ALICE, [event]).ring:
                    self.publisher.ring("memory.ingest", queue=MEMORY)
        return ids

    def want(self, keep: int) -> None:
        """Want every session consolidated, and let beat look."""
        for session in SESSIONS:
            wanted.consolidate(self.ledger, ALICE, session, keep=keep)
        self.publisher.ring("maintenance.sweep", queue=MAINTENANCE)

    def events(self, session: str) -> list[dict[str, Any]]:
        """Every event of the session, page by page."""
        rows: list[dict[str, Any]] = []
        cursor = None
        while True:
            request_id = uuid.uuid4().hex
            self.runs.ask(ALICE, request_id, {"session_id": session, "cursor": cursor, "limit": 25})
            self.publisher.ring("memory.events", [ALICE.tenant, request_id], queue=CHAT)
            (end,) = until(lambda id=request_id: self.runs.replay(ALICE, id), seconds=15, what="the page is told")
            assert end.saying is Saying.DONE, end
            rows += end.data["events"]
            cursor = end.data["next_cursor"]
            if cursor is None:
                return rows

    def stored(self, kind: Kind) -> list[Hit]:
        return self.vectors.scroll(Where(ALICE, kinds=(kind.value,)))[0]


@pytest.fixture
def fleet(redis_urls: dict[Role, str], tmp_path: Path) -> Iterator[Fleet]:
    for url in redis_urls.values():
        with redis.Redis.from_url(url) as client:
            client.flushall()
    env = environment(redis_urls, tmp_path, MEMORYOS__WORKER__CONCURRENCY="4")
    made = Fleet(redis_urls, tmp_path)
    with ExitStack() as running:
        processes = [running.enter_context(worker(name, env=env, log=tmp_path / name)) for name in NAMES]
        until(lambda: len(made.workers()) == 3, seconds=60, what=_told("the workers are there", processes))
        yield made
        for process in processes:
            process.terminate()
        codes = [process.ended(20) for process in processes]
    assert codes == [0, 0, 0], _told("they end well", processes)
    logs = "".join(log.read_text() for log in made.logs)
    assert "task_crashed" not in logs, logs[-3000:]


def _told(what: str, processes: list[CeleryProcess]) -> str:
    return what + "".join(f"\n--- {one.log.name}\n{one.log.read_text()[-1500:]}" for one in processes)


def test_adds_and_consolidation_at_once_leave_every_event_one_place(fleet: Fleet) -> None:
    # Given three workers, of which one owns the vectors
    assert sorted(info.vectors for info in fleet.workers()) == ["client", "client", "owner"]
    # When four conversations of one user go on while all of them are consolidated, over and over
    with ThreadPoolExecutor(len(SESSIONS)) as pool:
        talks = {session: pool.submit(fleet.say, session) for session in SESSIONS}
        while not all(talk.done() for talk in talks.values()):
            fleet.want(KEEP)
            time.sleep(0.1)
    said = {session: talk.result() for session, talk in talks.items()}
    # And all that is left is consolidated in the end

    def moved() -> bool:
        fleet.want(0)
        return not any(fleet.stm.size(ALICE, session) for session in SESSIONS)

    until(moved, seconds=60, what="all is in mid-term memory")
    assert fleet.journal.pending(ALICE) == 0
    assert sum('"task": "memory.consolidate"' in log.read_text() for log in fleet.logs) > 1, "one worker did it all"
    # Then each event is told once, in order, and stands in the page that its place names
    told = {session: fleet.events(session) for session in SESSIONS}
    assert {session: [row["event_id"] for row in rows] for session, rows in told.items()} == said
    pages = fleet.stored(Kind.PAGE)
    paged = {event_id: page.id for page in pages for event_id in page.payload["sources"]}
    assert paged == {row["event_id"]: row["place"] for rows in told.values() for row in rows}
    assert sum(len(page.payload["sources"]) for page in pages) == len(paged), "an event stands in two pages"
    # And each page in the one segment that it names
    listed = Counter((page, hit.id) for hit in fleet.stored(Kind.SEGMENT) for page in hit.payload["pages"])
    assert listed == Counter((page.id, page.payload["segment"]) for page in pages)
    # When a run that lost its lock long ago writes, through any worker, then the store refuses it
    stale = int(str(fleet.truth.get(keyspace.fence(ALICE)))) - 10**9
    before = {hit.id: hit.payload for kind in (Kind.TURN, Kind.PAGE, Kind.SEGMENT) for hit in fleet.stored(kind)}
    for hit in (*pages[:3], *fleet.stored(Kind.SEGMENT)[:3], *fleet.stored(Kind.TURN)[:3]):
        fleet.vectors.upsert(ALICE, [Point(hit.id, {"kind": "page", "sources": []})], fence=stale)
        fleet.vectors.patch(ALICE, [hit.id], {"place": "nowhere", "pages": []}, fence=stale)
    after = {hit.id: hit.payload for kind in (Kind.TURN, Kind.PAGE, Kind.SEGMENT) for hit in fleet.stored(kind)}
    assert after == before
