"""One process owns the embedded store; one store belongs to one truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from fake_vectors import FakeVectors
from vector_contract import DIMENSIONS, VectorContract

from memoryos_tasks.adapters.redis.presence import claim_store
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.adapters.vectors.shared import SharedStore
from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.errors import TruthDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.spaces import SpacedStore
from memoryos_tasks.ports.vectors import Point, Search, Where

ALICE = Owner("acme", "alice")
ID = ALICE.derive("turn", "e1")


@pytest.fixture
def make_shared(truth: redis.Redis) -> Callable[[Path], SharedStore]:
    def make(path: Path) -> SharedStore:
        return SharedStore(lambda: EdgeStore(path, 4), FakeVectors(), lambda identity: claim_store(truth, identity))

    return make


class TestWithinASpace(VectorContract):
    """The contract, through an owner's view of a space that is not the store's first."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SpacedStore]:
        shared = SharedStore(lambda: EdgeStore(tmp_path / "v", 7), FakeVectors(), claim=lambda identity: True)
        assert shared.try_own()
        yield shared.within(Space("openai:first", DIMENSIONS))
        shared.close()


def test_one_owns_and_the_next_takes_over(make_shared: Callable[[Path], SharedStore], tmp_path: Path) -> None:
    # Given two processes' views of one directory
    one, other = make_shared(tmp_path / "v"), make_shared(tmp_path / "v")
    # When both want to own, then the first does
    assert one.try_own()
    assert not other.try_own()
    one.upsert(ALICE, [Point(ID, {"kind": "turn"}, [1.0, 0.0, 0.0, 0.0])])
    # When it closes, then the other owns, and finds what was written
    one.close()
    assert other.try_own()
    assert [hit.id for hit in other.get(ALICE, [ID])] == [ID]
    other.close()


def test_a_store_of_another_directory_is_not_owned(make_shared: Callable[[Path], SharedStore], tmp_path: Path) -> None:
    # Given a truth whose vectors stand in one directory
    here = make_shared(tmp_path / "here")
    assert here.try_own()
    here.close()
    # When a worker with another directory joins, then it does not answer from an empty store
    elsewhere = make_shared(tmp_path / "elsewhere")
    assert not elsewhere.try_own()
    assert elsewhere.owned is None
    # And the right one still may
    assert here.try_own()
    here.close()


def test_a_claim_that_fails_leaves_the_store_to_others(
    make_shared: Callable[[Path], SharedStore], tmp_path: Path
) -> None:
    # Given a store of record that is away when this process wants to own the vectors
    def away(identity: str) -> bool:
        raise TruthDown

    unlucky = SharedStore(lambda: EdgeStore(tmp_path / "v", 4), FakeVectors(), away)
    with pytest.raises(TruthDown):
        unlucky.try_own()
    assert unlucky.owned is None
    # Then the folder is free, for another and for itself
    other = make_shared(tmp_path / "v")
    assert other.try_own()
    other.close()


def test_a_read_after_a_write_is_never_old(tmp_path: Path) -> None:
    # Given a store that has read a payload before
    store = EdgeStore(tmp_path / "v", 4)
    query = [Search(Where(ALICE), 5, dense=[1.0, 0.0, 0.0, 0.0])]
    store.upsert(ALICE, [Point(ID, {"kind": "turn", "place": "stm"}, [1.0, 0.0, 0.0, 0.0])])
    assert store.search(query)[0][0].payload["place"] == "stm"
    # When it is patched, replaced, deleted
    store.patch(ALICE, [ID], {"place": "page-1"})
    assert store.search(query)[0][0].payload["place"] == "page-1"
    store.upsert(ALICE, [Point(ID, {"kind": "turn", "place": "page-2"}, [1.0, 0.0, 0.0, 0.0])])
    assert store.search(query)[0][0].payload["place"] == "page-2"
    store.delete(ALICE, [ID])
    # Then every search shows the newest
    assert store.search(query) == [[]]
    store.close()
