from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from vector_contract import ALICE, DIMENSIONS, VectorContract, asking, pid, point

from memoryos_tasks.adapters.vectors import edge_shard as edge
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.core.errors import ConfigError, VectorsDown
from memoryos_tasks.ports.vectors import Where

_WRITER = """
import sys, time
sys.path.insert(0, {tests!r})
from vector_contract import ALICE, DIMENSIONS, point
from memoryos_tasks.adapters.vectors.edge import EdgeStore
store = EdgeStore(sys.argv[1], DIMENSIONS)
for number in range(50):
    store.upsert(ALICE, [point(number, 5, dense=[1, 0, 0, 0], text="survives")])
store.patch(ALICE, ["00000000-0000-0000-0000-000000000001"], {{"place": "page"}})
print("written", flush=True)
time.sleep(60)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EdgeStore]:
    opened = EdgeStore(tmp_path / "vectors", DIMENSIONS)
    yield opened
    opened.close()


class TestEdgeStore(VectorContract):
    """The contract, over the embedded engine."""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the store and has written to it."""
    program = _WRITER.format(tests=str(Path(__file__).parents[1]))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "vectors")], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        yield process
        process.kill()


def test_points_survive_sigkill(writer: subprocess.Popen[str], tmp_path: Path) -> None:
    # Given a process that wrote and did not flush, killed
    writer.send_signal(signal.SIGKILL)
    writer.wait(timeout=10)
    # When the store is opened again
    store = EdgeStore(tmp_path / "vectors", DIMENSIONS)
    # Then all is there, by id, by filter and by search
    try:
        assert store.count(Where(ALICE)) == 50
        assert store.get(ALICE, [pid(1)])[0].payload["place"] == "page"
        assert len(store.search([asking(ALICE, 5, limit=100)])[0]) == 50
    finally:
        store.close()


@pytest.mark.usefixtures("writer")
def test_a_second_process_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VectorsDown, match="another running process"):
        EdgeStore(tmp_path / "vectors", DIMENSIONS)


def test_it_opens_again_after_a_clean_close_and_after_optimize(tmp_path: Path) -> None:
    first = EdgeStore(tmp_path, DIMENSIONS)
    first.upsert(ALICE, [point(number, 5, dense=[1, 0, 0, 0]) for number in range(3000)])
    first.delete(ALICE, [pid(number) for number in range(1500)])
    first.optimize()
    assert not first.optimize()
    first.close()
    first.close()
    second = EdgeStore(tmp_path, DIMENSIONS)
    assert second.count(Where(ALICE)) == 1500
    second.close()


def test_a_closed_store_says_so(store: EdgeStore) -> None:
    store.close()
    with pytest.raises(VectorsDown):
        store.count(Where(ALICE))
    with pytest.raises(VectorsDown):
        store.upsert(ALICE, [point(1, 5)])


def test_an_error_does_not_tell_what_the_engine_quotes(store: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        def __init__(self, text: str) -> None:
            self._text = text

        def count(self, _: object) -> int:
            raise Exception(self._text)  # What the engine raises.

    store.count(Where(ALICE))
    (whole,) = store._shards
    shard = whole._shard
    monkeypatch.setattr(whole, "_shard", Failing("no such field in {'text': 'secret words of Alice'}"))
    with pytest.raises(VectorsDown, match="could not count") as caught:
        store.count(Where(ALICE))
    assert "secret" not in caught.value.message
    monkeypatch.setattr(whole, "_shard", Failing("No space left on device (os error 28): secret"))
    with pytest.raises(VectorsDown, match="disk is full") as caught:
        store.count(Where(ALICE))
    assert "secret" not in caught.value.message
    monkeypatch.setattr(whole, "_shard", shard)


def test_a_store_of_an_older_version_gets_the_index_that_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a store written before events were read in order
    with monkeypatch.context() as older:
        older.setattr(edge, "INDEXED", {name: schema for name, schema in edge.INDEXED.items() if name != "seq"})
        store = EdgeStore(tmp_path, DIMENSIONS)
        store.upsert(ALICE, [point(number, 5, seq=50 - number) for number in range(50)])
        with pytest.raises(VectorsDown):
            store.in_order(Where(ALICE))
        store.close()
    # When this version opens it, then they come in order
    store = EdgeStore(tmp_path, DIMENSIONS)
    assert [hit.payload["seq"] for hit in store.in_order(Where(ALICE), limit=3)] == [1, 2, 3]
    store.close()


def test_vectors_of_another_size_are_refused(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path, DIMENSIONS)
    with pytest.raises(ConfigError, match="does not fit"):
        store.upsert(ALICE, [point(1, dense=[1.0] * 3)])
    assert store.count(Where(ALICE)) == 0
    store.close()
    with pytest.raises(ConfigError, match="vectors of 4 numbers"):
        EdgeStore(tmp_path, 8)
    EdgeStore(tmp_path, DIMENSIONS).close()


def test_many_threads_read_and_write_at_once(store: EdgeStore) -> None:
    # Given eight threads that each write, read and change their own points, and one that optimises
    def work(thread: int) -> int:
        for step in range(20):
            number = thread * 1000 + step
            store.upsert(ALICE, [point(number, 5, thread + 100, dense=[1, 0, 0, 0], place="stm")])
            store.patch(ALICE, [pid(number)], {"place": "page"})
            store.revector(ALICE, {pid(number): {"turn": point(0, 7, thread + 100).sparse["turn"]}})
            store.search([asking(ALICE, 7), asking(ALICE, thread + 100)])
        return len(store.search([asking(ALICE, thread + 100, limit=100)])[0])

    with ThreadPoolExecutor(9) as pool:
        optimising = pool.submit(lambda: [store.optimize() for _ in range(5)])
        counts = list(pool.map(work, range(1, 9)))
        optimising.result(timeout=60)
    # Then nothing is lost and nothing half done
    assert counts == [20] * 8
    assert store.count(Where(ALICE, equals={"place": "page"})) == 160
    assert store.search([asking(ALICE, 5)])[0] == []
