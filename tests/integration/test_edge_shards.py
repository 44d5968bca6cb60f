"""Owners spread over the shards of the embedded store, and moved between them while they are read and written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from vector_contract import DIMENSIONS, asking, pid, point

from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.adapters.vectors.edge_moves import COPIED, COPYING
from memoryos_tasks.adapters.vectors.edge_schema import DENSE
from memoryos_tasks.adapters.vectors.edge_shard import Shard
from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.errors import VectorsDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vectors import Where

ROOM = 100
EACH = 20
OWNERS = [Owner("acme", f"user {number} 用户") for number in range(12)]


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EdgeStore]:
    opened = EdgeStore(tmp_path, DIMENSIONS, shard_points=ROOM)
    yield opened
    opened.close()


def fill(store: EdgeStore) -> None:
    """Give every owner points while there is one shard: all of them know it before it is full."""
    for owner in OWNERS:
        assert store.count(Where(owner)) == 0
    for at, owner in enumerate(OWNERS):
        numbers = range(at * 1000, at * 1000 + EACH)
        points = [point(number, 5, dense=[1, 0, 0, number], text=str(number)) for number in numbers]
        store.upsert(owner, points, fence=3)


def assert_whole(store: EdgeStore) -> None:
    """Every owner has every point once, with payload and vectors."""
    for at, owner in enumerate(OWNERS):
        ids = [pid(at * 1000 + number) for number in range(EACH)]
        assert sorted(hit.id for hit in store.scroll(Where(owner))[0]) == ids
        assert {hit.id for hit in store.search([asking(owner, 5, limit=EACH)])[0]} == set(ids)
        (first,) = store.get(owner, ids[1:2], vectors=True)
        assert (first.payload["text"], first.payload["fence"]) == (str(at * 1000 + 1), 3)
        assert first.dense is not None
        assert len(first.dense) == DIMENSIONS
    assert sum(shard.size for shard in store._shards) == EACH * len(OWNERS)


def sizes(store: EdgeStore) -> list[int]:
    """How many points each shard holds."""
    return [shard.size for shard in store._shards]


def test_a_shard_that_is_too_full_gives_owners_away(store: EdgeStore, tmp_path: Path) -> None:
    # Given more points than two shards should hold, in one
    fill(store)
    assert sizes(store) == [240]
    # When the store is tidied
    assert store.optimize()
    # Then there are more shards, none too full, and nothing is lost
    assert len(sizes(store)) > 1
    assert max(sizes(store)) < 2 * ROOM
    assert_whole(store)
    # And neither when it is opened again, nor is there more to move
    store.close()
    again = EdgeStore(tmp_path, DIMENSIONS, shard_points=ROOM)
    assert_whole(again)
    before = sizes(again)
    again.optimize()
    assert sizes(again) == before
    again.close()


def test_a_new_owner_is_put_where_there_is_room(store: EdgeStore) -> None:
    fill(store)
    store.optimize()
    late = Owner("acme", "late")
    store.upsert(late, [point(number + 50_000, 5) for number in range(ROOM)])
    assert store.count(Where(late)) == ROOM
    assert max(sizes(store)) < 2 * ROOM + ROOM


def test_one_owner_with_more_than_a_shard_stays_whole(store: EdgeStore) -> None:
    giant, small = Owner("acme", "giant"), Owner("acme", "small")
    assert store.count(Where(small)) == 0
    store.upsert(giant, [point(number, 5) for number in range(3 * ROOM)])
    store.upsert(small, [point(9_000, 5)])
    store.optimize()
    assert store.count(Where(giant)) == 3 * ROOM
    assert store.count(Where(small)) == 1
    assert 3 * ROOM in sizes(store)


def test_a_move_keeps_every_embedders_vectors(store: EdgeStore) -> None:
    # Given points with vectors of a second embedder, which has taken over
    fill(store)
    space = Space("other", 3)
    for at, owner in enumerate(OWNERS):
        store.fill(owner, space, {pid(at * 1000 + number): [1.0, 0.0, 1.0] for number in range(EACH)})
    store.drop(DENSE)
    # When owners move to a new shard
    store.optimize()
    # Then they have those vectors there, and there is no room for the others
    assert len(sizes(store)) > 1
    assert store.names() == [space.vector]
    assert store.lacks(space) == 0
    assert len(store.within(space).get(OWNERS[3], [pid(3000)], vectors=True)[0].dense or ()) == 3


def test_what_lacks_a_vector_is_found_in_every_shard(store: EdgeStore) -> None:
    fill(store)
    store.optimize()
    space = Space("other", 3)
    assert store.lacks(space) == 240
    found, cursor = [], None
    while True:
        rows, cursor = store.lacking(space, limit=7, cursor=cursor)
        found += rows
        if cursor is None:
            break
    assert len({hit.id for _, hit in found}) == len(found) == 240
    assert {owner for owner, _ in found} == set(OWNERS)


@pytest.mark.parametrize("state", [COPYING, COPIED])
@pytest.mark.parametrize("moment", ["noted", "half", "done"])
def test_a_crash_amid_a_move_leaves_each_owner_in_one_shard(
    store: EdgeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, moment: str
) -> None:
    # Given a process that dies while it copies, or while it removes what was copied
    fill(store)
    calls = 0
    method = "copy" if state == COPYING else "clear"
    plain = getattr(Shard, method)

    def dying(self: Shard, *given: object) -> None:
        nonlocal calls
        calls += 1
        if (moment, calls) in (("noted", 1), ("half", 2)):
            raise Killed
        plain(self, *given)

    monkeypatch.setattr(Shard, method, dying)
    if moment == "done":
        monkeypatch.setattr(Shard, "flush", lambda self: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        store.optimize()
    assert (tmp_path / "moving.json").exists()
    monkeypatch.undo()
    store.close()
    # When the store is opened again, then every owner is whole, and in one place
    again = EdgeStore(tmp_path, DIMENSIONS, shard_points=ROOM)
    assert not (tmp_path / "moving.json").exists()
    assert_whole(again)
    # And the move goes on
    again.optimize()
    assert max(sizes(again)) < 2 * ROOM
    assert_whole(again)
    again.close()


def test_a_note_that_cannot_be_read_stops_the_start(store: EdgeStore, tmp_path: Path) -> None:
    store.close()
    (tmp_path / "moving.json").write_text("{")
    with pytest.raises(VectorsDown, match="damaged"):
        EdgeStore(tmp_path, DIMENSIONS)
    (tmp_path / "moving.json").unlink()
    EdgeStore(tmp_path, DIMENSIONS).close()


def test_owners_are_read_and_written_while_they_move(store: EdgeStore) -> None:
    # Given threads that write to and read their owners
    fill(store)
    stop, wrong = threading.Event(), []

    def work(at: int) -> None:
        owner, written = OWNERS[at], 0
        while not stop.is_set() or written < 5:
            number = at * 1000 + 100 + written % 800
            store.upsert(owner, [point(number, 5, text="more")])
            written = min(written + 1, 800)
            if len(store.get(owner, [pid(number), pid(at * 1000)])) != 2:
                wrong.append(number)
        if store.count(Where(owner)) != EACH + written:
            wrong.append(-at)

    threads = [threading.Thread(target=work, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    # When owners move meanwhile
    for _ in range(5):
        store.optimize()
    stop.set()
    for thread in threads:
        thread.join(timeout=60)
    # Then nobody missed anything
    assert wrong == []
    assert len(sizes(store)) > 1
