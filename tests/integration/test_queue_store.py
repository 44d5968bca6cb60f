from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from vector_contract import ALICE, DIMENSIONS, VectorContract, asking, point

from memoryos_tasks.adapters.redis import connections
from memoryos_tasks.adapters.vectors import queue as queue_module
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.adapters.vectors.queue import QueueStore, answer_call
from memoryos_tasks.core.errors import TrafficDown, VectorsDown
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.vectors import Where


class Owner:
    """The process that owns the store: answers each ring on a thread of its own."""

    def __init__(self, store: EdgeStore, traffic: redis.Redis) -> None:
        self.rings: list[tuple[str, str, float | None]] = []
        self.deaf = False
        self._store = store
        self._traffic = traffic
        self._pool = ThreadPoolExecutor(4)

    def ring(self, task: str, args: Any = (), *, queue: str, expires: float | None = None, **_: Any) -> None:
        self.rings.append((task, queue, expires))
        if not self.deaf:
            self._pool.submit(answer_call, self._store, self._traffic, *args)

    def close(self) -> None:
        self._pool.shutdown()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[EdgeStore]:
    opened = EdgeStore(tmp_path / "vectors", DIMENSIONS)
    yield opened
    opened.close()


@pytest.fixture
def owner(served: EdgeStore, redis_settings: Settings) -> Iterator[Owner]:
    with connections.traffic(redis_settings) as client:
        ringing = Owner(served, client)
        yield ringing
        ringing.close()


@pytest.fixture
def store(owner: Owner, traffic: redis.Redis) -> QueueStore:
    return QueueStore(traffic, owner, timeout=5)  # type: ignore[arg-type]


class TestQueueStore(VectorContract):
    """The contract, with every call through the owner's queue."""


def test_a_call_is_a_bell_with_an_id_and_leaves_nothing_behind(
    store: QueueStore, owner: Owner, traffic: redis.Redis
) -> None:
    store.upsert(ALICE, [point(1, 5, text="hers")])
    assert owner.rings == [("vectors.serve", "vectors", 5)]
    assert traffic.keys("*") == []


def test_an_owner_that_does_not_answer_is_waited_for_within_the_limit(owner: Owner, traffic: redis.Redis) -> None:
    owner.deaf = True
    with pytest.raises(VectorsDown, match=r"within 0\.2 s"):
        QueueStore(traffic, owner, timeout=0.2).count(Where(ALICE))  # type: ignore[arg-type]
    # What nobody took and nobody reads is gone soon
    assert all(0 < traffic.ttl(key) <= 30 for key in traffic.keys("*"))


def test_a_limit_longer_than_a_socket_waits_is_kept(
    owner: Owner, traffic: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given reads that may wait for a twentieth of a second, and an owner that takes longer than that
    monkeypatch.setattr(queue_module, "BLOCK_SECONDS", 0.05)
    serve, waits = queue_module.answer_call, threading.Event()
    blpop = traffic.blpop

    def counted(*args: Any, **options: Any) -> Any:
        assert options["timeout"] <= 0.05
        found = blpop(*args, **options)
        if found is None:
            waits.set()  # The first read ended without an answer.
        return found

    def late(*args: Any) -> bool:
        return waits.wait(10) and serve(*args)

    monkeypatch.setattr(traffic, "blpop", counted)
    monkeypatch.setattr(f"{__name__}.answer_call", late)
    assert QueueStore(traffic, owner, timeout=5).count(Where(ALICE)) == 0  # type: ignore[arg-type]
    assert waits.is_set()


def test_an_error_of_the_store_reaches_who_asked(store: QueueStore, served: EdgeStore) -> None:
    served.close()
    with pytest.raises(VectorsDown, match="is closed"):
        store.count(Where(ALICE))


def test_a_bell_that_cannot_be_rung_says_that_the_vectors_are_away(traffic: redis.Redis) -> None:
    class Broken:
        def ring(self, *args: Any, **options: Any) -> None:
            raise TrafficDown

    with pytest.raises(VectorsDown):
        QueueStore(traffic, Broken(), timeout=1).count(Where(ALICE))  # type: ignore[arg-type]


def test_a_broker_that_is_away_says_that_the_vectors_are_away(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "traffic_errors", connections.Role(TrafficDown).errors)
    with redis.Redis(port=1, socket_connect_timeout=0.5) as nowhere, pytest.raises(VectorsDown):
        QueueStore(nowhere, owner, timeout=1).count(Where(ALICE))  # type: ignore[arg-type]


def test_a_call_that_was_taken_or_has_gone_is_not_made(served: EdgeStore, traffic: redis.Redis) -> None:
    assert not answer_call(served, traffic, "gone")


def test_calls_of_many_threads_get_their_own_answers(store: QueueStore) -> None:
    store.upsert(ALICE, [point(number, number + 100) for number in range(1, 9)])
    start = threading.Barrier(8)

    def ask(number: int) -> list[str]:
        start.wait(10)
        return [store.search([asking(ALICE, number + 100)])[0][0].id for _ in range(10)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(1, 9)))
    assert answers == [[point(number).id] * 10 for number in range(1, 9)]
