"""A worker is killed amid the change of an item; the next one completes it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from celery_processes import ROOT, beat, environment, worker
from rights_house import RightsHouse
from waiting import until

from memoryos_app.stack.program import Role
from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.embedding.static import StaticEmbedder
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.locks import RedisLocks
from memoryos_tasks.adapters.redis.presence import Presence
from memoryos_tasks.adapters.redis.stm import RedisStm
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.publisher import Publisher

ALICE, BOB, CAROL = Owner("acme", "alice 爱丽丝"), Owner("acme", "bob"), Owner("acme", "carol")
#: Writes of a change that are made: its note, and the first of what it changes.
WRITES = 2


@contextmanager
def memory(truth: redis.Redis, folder: Path) -> Iterator[RightsHouse]:
    """The workers' memory, while none of them runs."""
    vault, embedder = FileVault(folder / "vault"), StaticEmbedder()
    codec = SealedCodec(vault)
    vectors = EdgeStore(folder / "vectors", embedder.dimensions)
    try:
        yield RightsHouse(
            vectors=vectors, stm=RedisStm(truth, codec), ledger=RedisLedger(truth, codec, options.Jobs()),
            journal=RedisJournal(truth, codec, consumer="one"), locks=RedisLocks(truth), codec=codec,
            embedder=embedder, secret=vault.secret,
        )
    finally:
        vectors.close()


def killed(env: dict[str, str], log: Path, traffic: redis.Redis, ring: Any) -> None:
    """A worker gets the bell and dies amid the change."""
    command = [sys.executable, str(ROOT / "tests" / "dying_worker.py"), str(WRITES)]
    with log.open("ab") as out:
        dying = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=out)
    try:
        until(lambda: Presence(traffic).workers() or dying.poll() is not None, seconds=40, what="it is warm")
        ring()
        assert dying.wait(timeout=20) == -signal.SIGKILL, log.read_text()[-3000:]
    finally:
        dying.kill()
        dying.wait(timeout=10)
    traffic.flushall()  # The bell is lost with it, and its presence.


@pytest.mark.timeout(180)
def test_a_change_whose_worker_was_killed_is_completed(
    redis_settings: Settings, redis_urls: dict[Role, str], tmp_path: Path, truth: redis.Redis, traffic: redis.Redis
) -> None:
    # Given a fact, a message and a supersession that are to be corrected, deleted and undone
    with memory(truth, tmp_path) as house:
        house.say("I live in Lisbon.", "My dog is called Rex.", owner=ALICE)
        house.say("My locker is number 5521. 柜子5521号", "I like tea.", owner=BOB)
        house.consolidate(BOB)
        house.say("I live in Hamburg.", "I moved to Berlin.", owner=CAROL)
        (message,) = [row["id"] for row in house.list(BOB, kind="turn") if "5521" in row["content"]]
        asked = [
            (ALICE, {"action": "patch", "item": house.fact("Lisbon", ALICE).id, "value": "Porto"}),
            (BOB, {"action": "delete", "item": message}),
            (CAROL, {"action": "undo", "item": house.fact("Berlin", CAROL).id}),
        ]
        jobs = [Job(f"job_{each['action']}", owner, "change", request={**each, "at": 1_720_000_000.0})
                for owner, each in asked]
        for job in jobs:
            house.ledger.create(job)
    # When a worker is killed amid each of them
    env = environment(redis_urls, tmp_path)
    publisher = Publisher(redis_settings)
    for job in jobs:
        killed(env, tmp_path / "dying.log", traffic, lambda job=job: publisher.ring(
            "memory.change", [job.owner.tenant, job.id], queue="chat", task_id=job.id))
    # Then each is begun and not done
    with memory(truth, tmp_path) as house:
        for job in jobs:
            assert house.ledger.get("acme", job.id).status is Status.RUNNING
            (note,) = house.vectors.get(job.owner, [job.owner.derive("change", job.id)])
            assert not note.payload.get("done"), job.id
    # When another worker is there
    with worker("good", env=env, log=tmp_path / "good.log"), beat(env=env, log=tmp_path / "beat.log"):
        ledger = RedisLedger(truth, SealedCodec(FileVault(tmp_path / "vault")), options.Jobs())
        for job in jobs:
            until(lambda job=job: ledger.get("acme", job.id).status.final, seconds=60, what=job.id)
            assert ledger.get("acme", job.id).status is Status.SUCCEEDED
    # Then each is made once and whole
    with memory(truth, tmp_path) as house:
        assert {value for value in house.values(ALICE) if value.startswith("residence")} == {"residence=Porto"}
        (new,) = [row for row in house.list(ALICE, kind="trait") if row["value"] == "Porto"]
        told = house.items.versions(ALICE, {"id": new["id"]})
        assert [change["action"] for change in told["changes"]] == ["patch"]
        rows = [row for kind in ("turn", "page", "segment") for row in house.list(BOB, kind=kind)]
        assert all("5521" not in row["content"] for row in rows)
        assert all("5521" not in event.content for event in house.stm.following(BOB, None, after=0, count=99))
        assert house.found("tea", BOB)
        assert {value for value in house.values(CAROL) if value.startswith("residence")} == {"residence=Hamburg"}
