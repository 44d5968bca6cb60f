"""A worker that is told to leave finishes what it can, and gives the rest back."""

from __future__ import annotations

import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from celery_processes import CeleryProcess, beat, environment, worker
from upstream import Exchange, Upstream
from upstream_scripts import SCRIPTS, echo
from waiting import until

from memoryos_app.stack.program import Role, app_programs
from memoryos_tasks import pool
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.presence import Presence
from memoryos_tasks.adapters.redis.runs import RedisRuns
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.ports.runs import Saying
from memoryos_tasks.publisher import Publisher

ALICE = Owner("acme", "alice")


class Patience:
    """A model whose first answer hangs until it is let go, or for good; later ones come at once."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.let_go = threading.Event()
        self.calls = 0

    def __call__(self, exchange: Exchange) -> None:
        self.calls += 1
        self.asked.release()
        if self.calls == 1 and not self.let_go.wait(30):
            exchange.drop()
            return
        echo(exchange)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Patience]:
    made = Patience()
    monkeypatch.setitem(SCRIPTS, "patient", made)
    yield made
    made.let_go.set()


@pytest.fixture
def start(
    redis_settings: Settings, redis_urls: dict[Role, str], tmp_path: Path, traffic: redis.Redis, model: Patience
) -> Iterator[Callable[[str], CeleryProcess]]:
    """Starts a worker of that name, or ``beat``, and waits until it is warm."""
    started: list[CeleryProcess] = []
    with Upstream() as upstream:
        env = environment(redis_urls, tmp_path, MEMORYOS__WORKER__CONCURRENCY="4",
                          MEMORYOS__LLM__OPENAI_BASE_URL=upstream.url, MEMORYOS__LLM__OPENAI_API_KEY="sk-test")

        def one(name: str) -> CeleryProcess:
            log = tmp_path / f"{name}.log"
            process = beat(env=env, log=log) if name == "beat" else worker(name, env=env, log=log)
            started.append(process)
            if name != "beat":
                until(lambda: process.pid in warm(traffic) or not process.running, seconds=40, what=f"{name} is warm")
            assert process.running, log.read_text()
            return process

        yield one
        model.let_go.set()
        for process in started:
            process.__exit__()


def warm(traffic: redis.Redis) -> set[int]:
    return {info.pid for info in Presence(traffic).workers()}


@pytest.fixture
def asked(redis_settings: Settings, ledger: RedisLedger, model: Patience) -> Callable[[], str]:
    """Rings for a chat that nobody waits for, and waits until the model was asked; the job's id."""
    publisher = Publisher(redis_settings)

    def one() -> str:
        body = {"model": "openai/patient", "messages": [{"role": "user", "content": "Are you there? 在吗?"}]}
        request = {"body": body, "session": "default", "assistant": "default", "memory": True, "stream": False}
        job = Job(f"job_{uuid.uuid4().hex}", ALICE, "chat", request=request)
        ledger.create(job)
        publisher.ring("chat.run", [ALICE.tenant, job.id], queue="chat", task_id=job.id)
        assert model.asked.acquire(timeout=15)
        return job.id

    return one


def test_a_run_that_soon_ends_ends_where_it_is(
    start: Callable[[str], CeleryProcess], asked: Callable[[], str], model: Patience, ledger: RedisLedger,
    traffic: redis.Redis,
) -> None:
    # Given a worker that waits for a model
    first = start("first")
    job_id = asked()
    # When it is told to leave, it counts as gone and takes nothing more
    first.terminate()
    until(lambda: first.pid not in warm(traffic), seconds=3, what="it says goodbye")
    traffic.lpush("maintenance", "a message for another worker")
    # And once the answer is there, it leaves
    model.let_go.set()
    assert first.ended(4) == 0
    job = ledger.get(ALICE.tenant, job_id)
    assert (job.status, job.attempts, model.calls) == (Status.SUCCEEDED, 1, 1)
    # With its message acknowledged, and the other one where it was
    assert traffic.hlen("unacked") == 0
    assert traffic.lrange("maintenance", 0, -1) == ["a message for another worker"]


def test_a_run_that_does_not_end_is_given_back_and_another_worker_ends_it(
    start: Callable[[str], CeleryProcess], asked: Callable[[], str], model: Patience, ledger: RedisLedger
) -> None:
    # Given two workers and a beat; the first one waits for a model that does not answer
    first = start("first")
    job_id = asked()
    start("second")
    start("beat")
    # When it is told to leave
    began = time.monotonic()
    first.terminate()
    # Then it waits for a while, and goes although a thread of its hangs
    assert first.ended(pool.GRACE_SECONDS + 3) == 0, first.log.read_text()[-3000:]
    took = time.monotonic() - began
    assert pool.GRACE_SECONDS - 0.5 < took < pool.GRACE_SECONDS + 2
    # And the other one has the answer long before the lease would be over, as if for the first time
    until(lambda: ledger.get(ALICE.tenant, job_id).status.final, seconds=4, what="the job is done")
    job = ledger.get(ALICE.tenant, job_id)
    assert (job.status, job.attempts, model.calls) == (Status.SUCCEEDED, 1, 2)


def test_a_worker_that_is_to_leave_at_once_gives_back_at_once(
    start: Callable[[str], CeleryProcess], asked: Callable[[], str], ledger: RedisLedger
) -> None:
    first = start("first")
    job_id = asked()
    first.process.send_signal(signal.SIGQUIT)
    first.ended(4)
    job = ledger.get(ALICE.tenant, job_id)
    assert (job.status, job.attempts) == (Status.QUEUED, 0)
    assert ledger.claim(ALICE.tenant, job_id) is not None


def test_the_supervisor_waits_longer_than_a_leaving_worker_needs() -> None:
    (stop_seconds,) = [program.stop_seconds for program in app_programs() if program.name == "worker"]
    assert stop_seconds >= pool.GRACE_SECONDS + 2


def test_a_stream_that_has_spoken_is_not_begun_again_elsewhere(
    start: Callable[[str], CeleryProcess], model: Patience, ledger: RedisLedger, redis_settings: Settings,
    traffic: redis.Redis, codec: Codec, monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a worker that has passed the first word of a stream on
    def half(exchange: Exchange) -> None:
        if model.calls == 0:
            exchange.open_stream()
            exchange.event(exchange.chunk({"role": "assistant", "content": "Are"}))
        model(exchange)

    monkeypatch.setitem(SCRIPTS, "half", half)
    first = start("first")
    body = {"model": "openai/half", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    request = {"body": body, "session": "default", "assistant": "default", "memory": True, "stream": True}
    ledger.create(Job("job_1", ALICE, "chat", request=request))
    Publisher(redis_settings).ring("chat.run", [ALICE.tenant, "job_1"], queue="chat", task_id="job_1")
    runs = RedisRuns(traffic, codec)
    until(lambda: [m for m in runs.replay(ALICE, "job_1") if m.saying is Saying.CHUNK], seconds=15, what="it spoke")
    # When it leaves, and another worker has the job
    start("second")
    start("beat")
    first.process.send_signal(signal.SIGQUIT)
    first.ended(4)
    until(lambda: ledger.get(ALICE.tenant, "job_1").status.final, seconds=6, what="the job is closed")
    # Then the job has the whole answer, and whoever reads the stream is told so: its beginning is not said once more
    job = ledger.get(ALICE.tenant, "job_1")
    assert (job.status, job.attempts, model.calls) == (Status.SUCCEEDED, 1, 2)
    assert [m.saying for m in runs.replay(ALICE, "job_1")].count(Saying.START) == 1
    assert next(m for m in runs.replay(ALICE, "job_1") if m.terminal).saying is Saying.ERROR
