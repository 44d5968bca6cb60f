"""A worker as `celery -A memoryos_tasks worker` starts it, fed through Redis alone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import redis
from celery import Celery
from celery_processes import ROOT, environment
from fakes import make_event
from waiting import until

from memoryos_app.stack.program import Role
from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.redis import connections, keyspace
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.presence import Presence
from memoryos_tasks.adapters.redis.runs import RedisRuns
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.ports.runs import Message, Saying
from memoryos_tasks.publisher import Publisher
from memoryos_tasks.queues import QUEUES
from memoryos_tasks.services import wanted

T = TypeVar("T")


class Worker:
    """A running worker and what one needs to talk to it."""

    def __init__(self, settings: Settings, log: Path, env: dict[str, str]) -> None:
        self.settings, self.log = settings, log
        self.truth, self.traffic = connections.truth(settings), connections.traffic(settings, block=True)
        self.codec = SealedCodec(FileVault(settings.vault_dir))
        self.journal = RedisJournal(self.truth, self.codec, consumer="asker")
        self.ledger = RedisLedger(self.truth, self.codec, options.Jobs())
        self.runs = RedisRuns(self.traffic, self.codec)
        self.publisher = Publisher(settings)
        command = [sys.executable, "-m", "celery", "-A", "memoryos_tasks", "worker", "-n", "tested@%h",
                   "--without-mingle", "--without-gossip"]
        with log.open("wb") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT)

    def ring(self, task: str, *args: Any) -> None:
        self.publisher.ring(task, args, queue=_queue(task))

    def applied(self, owner: Owner, event_id: str) -> bool:
        row: Any = self.truth.hget(keyspace.events(owner), event_id)
        return bool(row) and row.endswith(" a")

    def read(self, owner: Owner, task: str, **request: Any) -> dict[str, Any]:
        """The answer to a read that a gateway asks for."""
        request_id = uuid.uuid4().hex
        self.runs.ask(owner, request_id, request)
        self.ring(task, owner.tenant, request_id)
        end = self.end(owner, request_id)
        assert end.saying is Saying.DONE, end
        return dict(end.data)

    def end(self, owner: Owner, job_id: str) -> Message:
        """The last word of a run."""
        return until(lambda: next((m for m in self.runs.replay(owner, job_id) if m.terminal), None),
                     seconds=15, what=f"{job_id} ends")

    def sweeping(self, look: Callable[[], T | None], *, what: str) -> T:
        """The first true value of ``look`` while the sweeper is rung for, as beat would."""
        next_bell = 0.0

        def ringing() -> T | None:
            nonlocal next_bell
            if time.monotonic() >= next_bell:
                next_bell = time.monotonic() + 0.5
                self.ring("maintenance.sweep")
            return look()

        return until(ringing, seconds=15, what=what)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def _queue(task: str) -> str:
    return "chat" if task in ("memory.retrieve", "memory.profile") else task.split(".")[0]


@pytest.fixture(scope="module")
def worker(redis_urls: dict[Role, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One worker for the tests of this file; each uses owners of its own."""
    folder = tmp_path_factory.mktemp("worker")
    for url in redis_urls.values():
        with redis.Redis.from_url(url) as client:
            client.flushall()
    env = environment(redis_urls, folder, MEMORYOS__WORKER__CONCURRENCY="4", MEMORYOS__MEMORY__PROMOTE_HEAT="0.5")
    settings = Settings(
        data_dir=folder, redis=options.Redis(truth_url=redis_urls["truth"], traffic_url=redis_urls["traffic"])
    )
    started = Worker(settings, folder / "log", env)
    try:
        until(lambda: Presence(started.traffic).workers() or started.process.poll() is not None, seconds=40,
              what="the worker is there")
        assert started.process.poll() is None, started.log.read_text()
        yield started
    finally:
        code = started.stop()
    assert code == 0, started.log.read_text()[-3000:]


@pytest.fixture
def anybody() -> Owner:
    """A user whom no other test knows."""
    return Owner("acme", f"user {uuid.uuid4().hex[:8]}: 王")


def test_it_serves_every_queue_and_says_so(worker: Worker) -> None:
    (info,) = Presence(worker.traffic).workers()
    assert (set(info.queues), info.warm, info.vectors, info.pid) == (set(QUEUES), True, "owner", worker.process.pid)
    celery = Celery(broker=worker.settings.redis.traffic_url, set_as_current=False)
    try:
        (queues,) = (celery.control.inspect(timeout=5).active_queues() or {}).values()
    finally:
        celery.close()
    assert {queue["name"] for queue in queues} == set(QUEUES)


@pytest.mark.parametrize("bell", ["memory.ingest", "maintenance.sweep"])
def test_an_event_put_there_by_hand_is_remembered_within_seconds(worker: Worker, bell: str) -> None:
    # Given an entry as `redis-cli XADD chat_log '*' event_id … payload …` writes it
    owner = Owner("default", f"hand {uuid.uuid4().hex[:8]}")
    payload = json.dumps({"user_id": owner.user, "content": "My name is Zoë and my parrot is called 彩虹."})
    worker.truth.xadd("chat_log", {"event_id": "raw-1", "payload": payload})
    # When any bell rings
    worker.ring(bell)
    # Then it is memory like any other
    until(lambda: worker.applied(owner, "raw-1"), seconds=10, what="the event is applied")
    results = worker.read(owner, "memory.retrieve", query="What is my parrot called?", limit=3)["results"]
    assert any("彩虹" in row["content"] and row["sources"] == ["raw-1"] for row in results)


def test_an_entry_that_cannot_be_read_goes_to_the_dead_letters(worker: Worker, anybody: Owner) -> None:
    stream_id = worker.truth.xadd("chat_log", {"event_id": "broken", "payload": "{"})
    worker.journal.append(anybody, [make_event(anybody, "e1", "after it")])
    worker.ring("memory.ingest")
    until(lambda: worker.applied(anybody, "e1"), seconds=10, what="the next event is applied")
    letters: Any = worker.truth.xrange(keyspace.DEAD_LETTERS)
    assert [letter["event_id"] for _, letter in letters if letter["stream_id"] == stream_id] == ["broken"]


def test_an_ingest_job_ends_for_who_waits_for_it(worker: Worker, anybody: Owner) -> None:
    receipt = worker.journal.append(anybody, [make_event(anybody, "e1", "I live in Oslo.")], inbox="gw-test")
    assert receipt.job_id is not None
    worker.ring("memory.ingest")
    assert worker.end(anybody, receipt.job_id).saying is Saying.DONE
    assert worker.ledger.get("acme", receipt.job_id).status is Status.SUCCEEDED
    assert worker.journal.pending(anybody) == 0


def test_a_session_becomes_pages_and_facts(worker: Worker, anybody: Owner) -> None:
    # Given a conversation in short-term memory
    said = ["My name is Kim.", "I live in Oslo.", "I work as a nurse.", "我喜欢爬山。"]
    events = []
    for number, text in enumerate(said):
        events += [make_event(anybody, f"u{number}", text),
                   make_event(anybody, f"a{number}", "Noted.", role="assistant")]
    worker.journal.append(anybody, events)
    worker.ring("memory.ingest")
    until(lambda: worker.journal.pending(anybody) == 0, seconds=10, what="all is applied")
    # When all but the newest two events are consolidated
    wanted.consolidate(worker.ledger, anybody, "default", keep=2)
    key = keyspace.stm(anybody, "default")
    worker.sweeping(lambda: worker.truth.zcard(key) == 2, what="the session is consolidated")
    # Then the older ones are mid-term memory, with their pages
    def mid_term() -> list[Any]:
        answer = worker.read(anybody, "memory.retrieve", query="Where do I live?", limit=20)
        return [row for row in answer["mid_term"] if row["kind"] in ("page", "segment")] and answer["results"]

    results = until(mid_term, seconds=10, what="pages are found")
    tiers = {row["sources"][0]: row["tier"] for row in results if row["kind"] == "turn"}
    assert tiers["u1"] == "mid_term"
    assert tiers["u3"] == "short_term"
    # And what was said is known
    profile = worker.read(anybody, "memory.profile")
    values = {fact["attribute"]: fact["value"] for fact in profile["profile"]}
    assert (values["name"], values["residence"], values["occupation"]) == ("Kim", "Oslo", "nurse")


def test_promotion_counts_visits_and_learns_once(worker: Worker, anybody: Owner) -> None:
    worker.journal.append(anybody, [make_event(anybody, "u0", "I am allergic to peanuts.")])
    worker.ring("memory.ingest")
    until(lambda: worker.journal.pending(anybody) == 0, seconds=10, what="all is applied")
    wanted.consolidate(worker.ledger, anybody, "default", keep=0)
    worker.sweeping(lambda: not worker.truth.exists(keyspace.stm(anybody, "default")), what="it is consolidated")
    # When the page is read, and promotion is rung for twice
    for _ in range(2):
        worker.read(anybody, "memory.retrieve", query="What am I allergic to?", limit=5)
        until(lambda: worker.traffic.exists(keyspace.visits(anybody)), seconds=10, what="the visits are written")
        wanted.promote(worker.ledger, anybody)
        worker.sweeping(lambda: not worker.traffic.exists(keyspace.visits(anybody)), what="the visits are taken")
    # Then the fact stands once
    facts = worker.read(anybody, "memory.profile")
    assert [fact["value"] for fact in facts["profile"] + facts["knowledge"]] == ["peanuts"]


def test_a_chat_that_nobody_rang_for_is_found_by_the_sweep(
    worker: Worker, anybody: Owner
) -> None:
    # Given a job whose bell was lost
    body = {"model": "offline", "messages": [{"role": "user", "content": "My cat is called Ida."}]}
    request = {"body": body, "session": "default", "assistant": "default", "memory": True, "stream": False}
    job = Job(f"job_{uuid.uuid4().hex}", anybody, "chat", request=request)
    RedisLedger(worker.truth, worker.codec, options.Jobs(unclaimed_seconds=0.01)).create(job)

    def final() -> Status | None:
        status = worker.ledger.get(anybody.tenant, job.id).status
        return status if status.final else None

    assert worker.sweeping(final, what="the job is run") is Status.SUCCEEDED
    # Then it was answered and remembered once
    until(lambda: worker.journal.pending(anybody) == 0, seconds=10, what="the exchange is applied")
    assert worker.truth.zcard(keyspace.stm(anybody, "default")) == 2
    assert worker.end(anybody, job.id).saying is Saying.DONE


def test_nothing_that_was_said_stands_in_the_log(worker: Worker, anybody: Owner) -> None:
    worker.journal.append(anybody, [make_event(anybody, "e1", "my password is xyzzy4711")])
    worker.ring("memory.ingest")
    until(lambda: worker.journal.pending(anybody) == 0, seconds=10, what="it is applied")
    worker.read(anybody, "memory.retrieve", query="xyzzy4711")
    log = worker.log.read_text()
    assert '"memory.retrieve"' in log
    assert "xyzzy4711" not in log
    assert "task_crashed" not in log
