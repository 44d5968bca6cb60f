from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from waiting import until

from memoryos_tasks import process as module
from memoryos_tasks.adapters.redis.presence import WorkerInfo
from memoryos_tasks.core.errors import ConfigError, MemoryOSError
from memoryos_tasks.process import Process
from memoryos_tasks.queues import MEMORY, VECTORS


class FakeShared:
    """A store that is owned as told."""

    def __init__(self) -> None:
        self.owned: object | None = None
        self.error: MemoryOSError | None = None
        self.free = False
        self.asked = 0

    def try_own(self) -> bool:
        self.asked += 1
        if self.error is not None:
            raise self.error
        self.owned = object() if self.free else None
        return self.free


class FakePresence:
    """Who is there."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.there: dict[str, WorkerInfo] = {}

    def announce(self, info: WorkerInfo) -> None:
        self.said.append(info.vectors)
        self.there[info.name] = info

    def leave(self, name: str) -> None:
        self.there.pop(name, None)


class Stage:
    """A process among stand-ins."""

    def __init__(self) -> None:
        self.shared, self.presence = FakeShared(), FakePresence()
        self.left: list[str] = []
        self.parts: Any = SimpleNamespace(
            shared=self.shared, presence=self.presence, providers=dict, visits=SimpleNamespace(flush=lambda: None),
            figures=SimpleNamespace(tell=lambda name: None), records=SimpleNamespace(close=lambda: None),
            vectors=SimpleNamespace(close=lambda: self.left.append("vectors")),
            keeper=SimpleNamespace(give_back=lambda: self.left.append("jobs") or 1),
        )
        self.queues = {VECTORS, MEMORY}
        amqp = SimpleNamespace(queues=SimpleNamespace(consume_from=self.queues, deselect=self.queues.discard))
        self.added: list[str] = []
        consumer = SimpleNamespace(call_soon=lambda call, queue: self.added.append(queue), add_task_queue=None)
        self.worker: Any = SimpleNamespace(
            app=SimpleNamespace(amqp=amqp), consumer=consumer, exitcode=0,
            pool_cls=type("TaskPool", (), {"__module__": "memoryos_tasks.pool"}),
        )
        self.process = Process()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()
    monkeypatch.setattr(module, "house", lambda: made.parts)
    monkeypatch.setattr(module, "ANNOUNCE_SECONDS", 0.01)
    return made


@pytest.fixture
def running(stage: Stage) -> Any:
    """The process, announcing itself until the end of the test."""

    def run() -> None:
        stage.process.prepare(stage.worker, "w")
        thread = threading.Thread(target=stage.process.run, daemon=True)
        thread.start()
        threads.append(thread)

    threads: list[threading.Thread] = []
    yield run
    stage.process.leave()
    for thread in threads:
        thread.join(timeout=5)


def test_a_worker_whose_store_can_never_be_its_own_is_there_all_the_same(
    stage: Stage, running: Callable[[], None]
) -> None:
    # Given a folder whose vectors have another size
    stage.shared.error = ConfigError("The folder holds vectors of 3 dimensions.")
    running()
    # Then the worker announces itself, and leaves the vectors to others
    until(lambda: len(stage.presence.said) >= 3, seconds=5, what="it is there")
    assert set(stage.presence.said) == {"client"}
    assert stage.queues == {MEMORY}
    # And does not ask again and again for what will not change
    assert stage.shared.asked == 1


def test_a_worker_takes_the_store_over_when_it_is_free(stage: Stage, running: Callable[[], None]) -> None:
    running()
    until(lambda: "client" in stage.presence.said, seconds=5, what="it is there")
    assert stage.queues == {MEMORY}
    stage.shared.free = True
    until(lambda: "owner" in stage.presence.said, seconds=5, what="it owns the store")
    assert stage.added == [VECTORS]


def test_a_pool_whose_tasks_run_elsewhere_does_not_own_the_store(stage: Stage, running: Callable[[], None]) -> None:
    stage.worker.pool_cls = type("TaskPool", (), {"__module__": "celery.concurrency.prefork"})
    stage.shared.free = True
    running()
    until(lambda: stage.presence.said, seconds=5, what="it is there")
    assert (stage.shared.asked, stage.queues) == (0, {MEMORY})


def test_who_leaves_is_not_announced_again(stage: Stage, running: Callable[[], None]) -> None:
    running()
    until(lambda: stage.presence.there, seconds=5, what="it is there")
    stage.process.leave()
    said = len(stage.presence.said)
    stage.process.run()
    assert (stage.presence.there, len(stage.presence.said)) == ({}, said)


@pytest.mark.parametrize(("hanging", "order"), [(True, ["jobs", "vectors", "end"]), (False, ["vectors"])])
def test_a_process_ends_at_once_only_where_a_thread_hangs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, hanging: bool, order: list[str]
) -> None:
    monkeypatch.setattr(module.os, "_exit", lambda code: stage.left.append("end"))
    stage.process.prepare(stage.worker, "w")
    stage.process.give_back(hanging=hanging)
    stage.process.stop()
    assert stage.left == order
