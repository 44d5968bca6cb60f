"""A worker dies between the broker's pop and the task's start: the message is gone, the job is not."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from celery_processes import ROOT, beat, environment, worker
from waiting import until

from memoryos_app.stack.program import Role
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.presence import Presence
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.publisher import Publisher

ALICE = Owner("acme", "alice 爱丽丝")


@pytest.fixture
def others(redis_settings: Settings, redis_urls: dict[Role, str], tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Starts a good worker and a beat."""
    env = environment(redis_urls, tmp_path)
    with ExitStack() as running:

        def start() -> None:
            running.enter_context(worker("good", env=env, log=tmp_path / "good.log"))
            running.enter_context(beat(env=env, log=tmp_path / "beat.log"))

        yield start


@pytest.mark.parametrize("how_far", ["popped", "in-hand"])
def test_a_job_whose_message_died_with_its_worker_is_done(
    how_far: str, redis_settings: Settings, redis_urls: dict[Role, str], tmp_path: Path,
    traffic: redis.Redis, ledger: RedisLedger, journal: RedisJournal, others: Callable[[], None],
) -> None:
    # Given a worker that dies with the message of a chat in its hands
    command = [sys.executable, str(ROOT / "tests" / "dying_worker.py"), how_far]
    log = tmp_path / "dying.log"
    with log.open("wb") as out:
        dying = subprocess.Popen(command, cwd=ROOT, env=environment(redis_urls, tmp_path), stdout=out, stderr=out)
    try:
        until(lambda: Presence(traffic).workers() or dying.poll() is not None, seconds=40, what="it is warm")
        body = {"model": "offline", "messages": [{"role": "user", "content": "My cat is called Ida."}]}
        request = {"body": body, "session": "default", "assistant": "default", "memory": True, "stream": False}
        job = Job("job_1", ALICE, "chat", request=request)
        ledger.create(job)
        Publisher(redis_settings).ring("chat.run", [ALICE.tenant, job.id], queue="chat", task_id=job.id)
        assert dying.wait(timeout=10) == -signal.SIGKILL, log.read_text()[-3000:]
    finally:
        dying.kill()
    # Then its message is nowhere, and nobody has begun the job
    assert (traffic.llen("chat"), traffic.hlen("unacked")) == (0, 0)
    lost = ledger.get(ALICE.tenant, job.id)
    assert (lost.status, lost.attempts) == (Status.QUEUED, 0)
    # When there is another worker, the sweeper rings for it again
    others()
    until(lambda: Presence(traffic).workers(), seconds=40, what="the other is warm")
    began = time.monotonic()
    until(lambda: ledger.get(ALICE.tenant, job.id).status.final, seconds=10, what="the job is done")
    done = ledger.get(ALICE.tenant, job.id)
    assert (done.status, done.attempts) == (Status.SUCCEEDED, 1)
    print(f"{how_far}: done {time.monotonic() - began:.1f} s after another worker was there")
    # And what was said is remembered once
    until(lambda: journal.pending(ALICE) == 0, seconds=10, what="the exchange is applied")
