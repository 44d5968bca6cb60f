from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from qdrant_client import QdrantClient
from qdrant_http import QdrantServer, serving
from vector_contract import ALICE, DIMENSIONS, VectorContract, asking, pid, point

from memoryos_tasks.adapters.config.live import LiveSettings
from memoryos_tasks.adapters.vectors.qdrant import QdrantStore, connect
from memoryos_tasks.bootstrap import build
from memoryos_tasks.core.errors import ConfigError, VectorsDown
from memoryos_tasks.ports.vectors import Where

#: The client's in-process stand-in for a server is slow and unindexed, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")
SERVER = os.environ.get("QDRANT_URL", "")


@pytest.fixture
def store() -> Iterator[QdrantStore]:
    opened = QdrantStore(QdrantClient(":memory:"), DIMENSIONS, timeout=2)
    yield opened
    opened.close()


class TestQdrantInMemory(VectorContract):
    """The contract, over the client's own in-process engine."""


class TestQdrantOverHttp(VectorContract):
    """The contract, through the client's REST calls, bounded to one second each."""

    @pytest.fixture
    def store(self, server: QdrantServer) -> Iterator[QdrantStore]:
        opened = QdrantStore(connect(server.url, 1), DIMENSIONS, timeout=1)
        yield opened
        opened.close()


@pytest.mark.skipif(not SERVER, reason="QDRANT_URL names no Qdrant server (1.19 or newer) to run the contract on")
class TestQdrantServer(VectorContract):
    """The contract, over a real server, in a collection of its own."""

    @pytest.fixture
    def store(self) -> Iterator[QdrantStore]:
        client, name = connect(SERVER, 10), f"memoryos-test-{uuid4().hex}"
        opened = QdrantStore(client, DIMENSIONS, collection=name, timeout=10)
        yield opened
        client.delete_collection(name)
        opened.close()


def test_patch_with_none_removes_the_field(store: QdrantStore) -> None:
    store.upsert(ALICE, [point(1, 5, text="你好", place="stm")])
    store.patch(ALICE, [pid(1)], {"place": None})
    assert "place" not in store.get(ALICE, [pid(1)])[0].payload
    assert store.count(Where(ALICE, equals={"place": None})) == 1


def test_points_that_are_not_wanted_and_numbers_that_are_too_large_are_left_out(store: QdrantStore) -> None:
    store.upsert(ALICE, [point(number, 5, valid_to=float(number)) for number in range(1, 5)])
    where = Where(ALICE, at_most={"valid_to": 3.0}, without=(pid(2), "nonsense"))
    assert [hit.id for hit in store.scroll(where)[0]] == [pid(1), pid(3)]


def test_a_second_store_finds_the_collection_of_the_first() -> None:
    # Given two stores of one server, as two workers hold them
    client = QdrantClient(":memory:")
    first, second = (QdrantStore(client, DIMENSIONS, timeout=2) for _ in range(2))
    # When both begin
    first.upsert(ALICE, [point(1, 5)])
    second.upsert(ALICE, [point(2, 5)])
    # Then they share what is in it
    assert first.count(Where(ALICE)) == second.count(Where(ALICE)) == 2
    client.close()


def test_vectors_of_another_size_are_refused(store: QdrantStore) -> None:
    with pytest.raises(ConfigError, match="does not fit"):
        store.upsert(ALICE, [point(1, dense=[1.0] * 3)])
    client = QdrantClient(":memory:")
    QdrantStore(client, DIMENSIONS, timeout=2).count(Where(ALICE))
    with pytest.raises(ConfigError, match="holds vectors of 4 numbers"):
        QdrantStore(client, 8, timeout=2).count(Where(ALICE))
    client.close()


def test_a_server_that_is_not_there_is_vectors_down() -> None:
    store = QdrantStore(connect("http://127.0.0.1:9", 1), DIMENSIONS, timeout=1)
    for call in (lambda: store.count(Where(ALICE)), lambda: store.search([asking(ALICE, 5)]),
                 lambda: store.upsert(ALICE, [point(1, 5)]), lambda: store.get(ALICE, [pid(1)])):
        with pytest.raises(VectorsDown, match=r"ConnectError|a moment ago"):
            call()
    store.close()
    with pytest.raises(VectorsDown):
        store.count(Where(ALICE))


@pytest.fixture
def server() -> Iterator[QdrantServer]:
    with serving() as made:
        yield made


@pytest.fixture
def remote(server: QdrantServer) -> Iterator[QdrantStore]:
    opened = QdrantStore(connect(server.url, 1), DIMENSIONS, timeout=1)
    yield opened
    opened.close()


def test_a_search_is_one_request_with_the_owner_in_filter_and_corpus(server: QdrantServer, remote: QdrantStore) -> None:
    # Given a store whose collection another worker was faster to make
    server.race = True
    remote.count(Where(ALICE))
    assert [path for method, path, _ in server.asked if method == "PUT" and "/index" in path]
    server.asked.clear()
    # When it searches twice at once
    wide = asking(ALICE, 5, corpus=Where(ALICE, kinds=("turn",)))
    assert remote.search([wide, asking(ALICE, 6)]) == [[], []]
    # Then one request went out, bounded in time, with Alice in every filter and every corpus
    ((method, path, body),) = server.asked
    assert (method, path) == ("POST", "/collections/memoryos/points/query/batch?timeout=1")
    hers = [{"key": "user", "match": {"value": "alice"}}, {"key": "tenant", "match": {"value": "acme"}}]
    for search in body["searches"]:  # type: ignore[attr-defined]
        assert search["filter"]["must"][:2] == hers
        assert search["params"]["idf"]["corpus"]["must"][:2] == hers


def test_a_write_waits_and_carries_the_owner_as_its_condition(server: QdrantServer, remote: QdrantStore) -> None:
    remote.count(Where(ALICE))
    server.asked.clear()
    remote.upsert(ALICE, [point(1, 5, dense=[1, 0, 0, 0])])
    ((_, path, body),) = server.asked
    assert "wait=true" in path
    (operation,) = body["operations"]  # type: ignore[misc]
    assert operation["upsert"]["update_filter"]["must"][0] == {"key": "user", "match": {"value": "alice"}}
    # A write that the server has not applied in time did not happen yet
    server.written = "wait_timeout"
    with pytest.raises(VectorsDown, match="did not apply"):
        remote.upsert(ALICE, [point(1, 5)])


def test_an_old_server_is_refused_since_it_would_mix_all_words(server: QdrantServer, remote: QdrantStore) -> None:
    server.version = "1.18.3"
    with pytest.raises(ConfigError, match=r"1\.19 or newer"):
        remote.search([asking(ALICE, 5)])
    server.version = "1.19.0"
    assert remote.count(Where(ALICE)) == 0


def test_an_error_tells_the_status_and_not_what_the_server_quotes(server: QdrantServer, remote: QdrantStore) -> None:
    remote.count(Where(ALICE))
    server.fail = (500, "secret words of Alice")
    with pytest.raises(VectorsDown, match="500") as caught:
        remote.count(Where(ALICE))
    assert "secret" not in caught.value.message
    server.fail = (403, "no")
    with pytest.raises(VectorsDown, match=r"vectors\.api_key"):
        remote.count(Where(ALICE))


def test_a_collection_that_was_lost_is_made_anew(server: QdrantServer, remote: QdrantStore) -> None:
    remote.count(Where(ALICE))
    server.lose_everything()
    with pytest.raises(VectorsDown, match="404"):
        remote.count(Where(ALICE))
    server.asked.clear()
    assert remote.count(Where(ALICE)) == 0
    assert any(method == "PUT" and path == "/collections/memoryos?timeout=1" for method, path, _ in server.asked)


def test_a_silent_server_is_given_up_in_time(server: QdrantServer, remote: QdrantStore) -> None:
    remote.count(Where(ALICE))
    server.hang = True
    with pytest.raises(VectorsDown, match="ReadTimeout"):
        remote.count(Where(ALICE))


def test_a_worker_uses_the_server_that_is_named_and_owns_nothing(server: QdrantServer, tmp_path: Path) -> None:
    # Given the parts of a worker with QDRANT_URL set
    house = build(LiveSettings({"QDRANT_URL": server.url, "MEMORYOS_DATA_DIR": str(tmp_path)}))
    # Then its vectors are the server's, and there is no embedded store to own
    assert house.shared is None
    assert house.vectors.count(Where(ALICE)) == 0
    assert server.asked[-1][1].startswith("/collections/memoryos/points/count")
    assert not (tmp_path / "vectors").exists()
    house.vectors.close()


def test_a_worker_without_a_server_does_not_load_the_client() -> None:
    # It would cost each worker a second and 60 MB.
    program = "import sys, memoryos_tasks.bootstrap; sys.exit('qdrant_client' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=Path(__file__).parents[2])


def test_the_scores_of_one_owner_do_not_follow_another_ones_texts(store: QdrantStore) -> None:
    store.upsert(ALICE, [point(1, 5), point(2, 6)])
    ((hit,),) = store.search([asking(ALICE, 5)])
    assert hit.score == pytest.approx(math.log((2 - 1 + 0.5) / (1 + 0.5) + 1))
