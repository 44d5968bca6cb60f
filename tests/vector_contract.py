"""What every vector store must do: subclass :class:`VectorContract` in a test module and give it a ``store``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from uuid import UUID

import pytest

from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vectors import Point, Search, SparseVector, VectorStore, Where

DIMENSIONS = 4
ALICE = Owner("acme", "alice")
#: The same user name in another tenant, and another user in the same tenant.
STRANGERS = (Owner("other", "alice"), Owner("acme", "bob"))


def pid(number: int) -> str:
    return str(UUID(int=number))


def point(number: int, *terms: int, dense: Sequence[float] | None = None, **payload: object) -> Point:
    sparse = {"turn": SparseVector(terms, (1.0,) * len(terms))} if terms else {}
    return Point(pid(number), {"kind": "turn", **payload}, dense, sparse)


def asking(owner: Owner, *terms: int, limit: int = 10, corpus: Where | None = None) -> Search:
    sparse = SparseVector(terms, (1.0,) * len(terms))
    return Search(Where(owner), limit, sparse=sparse, using="turn", corpus=corpus)


class VectorContract:
    """Expects a fixture ``store``: an empty store of ``DIMENSIONS`` dimensions with "turn" and "window" vectors."""

    def test_what_is_written_is_read_back_in_the_order_asked_for(self, store: VectorStore) -> None:
        payload = {"text": "你好", "sources": ["a", "b"], "score": 1.5, "n": 3, "none": None, "yes": True}
        store.upsert(ALICE, [point(1, 5, dense=[0, 3, 0, 0], **payload), point(2, 6)])
        second, first = store.get(ALICE, [pid(2), pid(9), pid(1)], vectors=True)
        assert (second.id, second.dense) == (pid(2), None)
        assert {name: first.payload[name] for name in payload} == payload
        assert first.dense == pytest.approx((0, 1, 0, 0))

    def test_upsert_replaces_a_point_whole(self, store: VectorStore) -> None:
        store.upsert(ALICE, [point(1, 5, dense=[1, 0, 0, 0], text="old", extra=1)])
        store.upsert(ALICE, [point(1, 6, text="new")])
        (hit,) = store.get(ALICE, [pid(1)], vectors=True)
        assert (hit.payload["text"], "extra" in hit.payload, hit.dense) == ("new", False, None)
        assert [len(hits) for hits in store.search([asking(ALICE, 5), asking(ALICE, 6)])] == [0, 1]

    def test_ids_that_are_no_ids_and_empty_calls_give_nothing(self, store: VectorStore) -> None:
        store.upsert(ALICE, [])
        store.upsert(ALICE, [point(1, 5)])
        assert store.get(ALICE, ["nonsense", "", pid(1).upper() + "x"]) == []
        assert store.get(ALICE, []) == []
        store.delete(ALICE, ["nonsense", pid(7)])
        store.delete(ALICE, [])
        store.patch(ALICE, [], {"a": 1})
        store.patch(ALICE, [pid(7)], {"a": 1})
        store.revector(ALICE, pid(7), {"turn": SparseVector((1,), (1.0,))})
        assert store.search([]) == []
        assert store.count(Where(ALICE)) == 1

    def test_a_stale_token_changes_nothing(self, store: VectorStore) -> None:
        # Given points written under a lock, and without one
        store.upsert(ALICE, [point(1, 5, place="new")], fence=7)
        store.upsert(ALICE, [point(2, 5, place="unfenced")])
        # When the owner of an older lock writes
        store.upsert(ALICE, [point(1, 5, place="stale"), point(2, 5, place="fenced")], fence=6)
        store.patch(ALICE, [pid(1)], {"place": "stale"}, fence=6)
        # Then what the newer lock wrote stands, and the rest is written
        assert [hit.payload["place"] for hit in store.get(ALICE, [pid(1), pid(2)])] == ["new", "fenced"]
        # And the newest lock may write both
        store.patch(ALICE, [pid(1), pid(2)], {"place": "newest"}, fence=8)
        assert [hit.payload["place"] for hit in store.get(ALICE, [pid(1), pid(2)])] == ["newest", "newest"]
        store.upsert(ALICE, [point(1, 5, place="stale")], fence=7)
        assert store.get(ALICE, [pid(1)])[0].payload["place"] == "newest"

    def test_search_answers_each_query_best_first(self, store: VectorStore) -> None:
        store.upsert(ALICE, [point(1, 5, dense=[1, 0, 0, 0]), point(2, 5, 6, dense=[1, 1, 0, 0]), point(3, 7)])
        dense = Search(Where(ALICE), 2, dense=[2, 0, 0, 0])
        found = store.search([asking(ALICE, 5, 6), dense, asking(ALICE), asking(ALICE, 99)])
        assert [[hit.id for hit in hits] for hits in found] == [[pid(2), pid(1)], [pid(1), pid(2)], [], []]
        assert [hit.score for hit in found[1]] == pytest.approx([1.0, math.sqrt(0.5)])
        assert found[0][0].payload["kind"] == "turn"

    def test_idf_is_taken_over_the_owners_own_points(self, store: VectorStore) -> None:
        # Given a term that is rare for Alice and common for everybody else
        store.upsert(ALICE, [point(1, 5), *(point(number, 6) for number in range(2, 9))])
        before = store.search([asking(ALICE, 5)])[0][0].score
        for at, stranger in enumerate(STRANGERS, 1):
            store.upsert(stranger, [point(at * 1000 + number, 5) for number in range(50)])
        # Then what the others wrote does not weigh in her score
        assert store.search([asking(ALICE, 5)])[0][0].score == pytest.approx(before)
        assert before == pytest.approx(math.log((8 - 1 + 0.5) / (1 + 0.5) + 1))

    def test_the_corpus_of_the_idf_may_be_wider_than_what_is_searched(self, store: VectorStore) -> None:
        store.upsert(ALICE, [point(1, 5, place="x"), *(point(number, 6) for number in range(2, 9))])
        narrow = Where(ALICE, equals={"place": "x"})
        sparse = SparseVector((5,), (1.0,))
        wide = Search(narrow, 5, sparse=sparse, using="turn", corpus=Where(ALICE))
        ((wide_hit,), (narrow_hit,)) = store.search([wide, Search(narrow, 5, sparse=sparse, using="turn")])
        assert wide_hit.score > narrow_hit.score

    def test_every_condition_of_where_holds(self, store: VectorStore) -> None:
        store.upsert(
            ALICE,
            [
                point(1, 5, session="s1", place="stm", current=True),
                point(2, 5, session="s2", place="stm", valid_to=None),
                Point(pid(3), {"kind": "page", "session": "s1", "valid_to": 12.5}),
            ],
        )

        def ids(where: Where) -> list[str]:
            return [hit.id for hit in store.scroll(where)[0]]

        assert ids(Where(ALICE, kinds=("page",))) == [pid(3)]
        assert ids(Where(ALICE, kinds=("page", "turn"), sessions=("s1",))) == [pid(1), pid(3)]
        assert ids(Where(ALICE, ids=(pid(2), pid(3), "nonsense"))) == [pid(2), pid(3)]
        assert ids(Where(ALICE, ids=("nonsense",))) == []
        assert ids(Where(ALICE, equals={"place": "stm", "session": "s2"})) == [pid(2)]
        assert ids(Where(ALICE, equals={"current": True})) == [pid(1)]
        assert ids(Where(ALICE, equals={"valid_to": None})) == [pid(1), pid(2)]
        assert store.count(Where(ALICE, sessions=("s1",))) == 2

    def test_scroll_pages_through_everything_once(self, store: VectorStore) -> None:
        store.upsert(ALICE, [point(number, 5, dense=[1, 0, 0, 0]) for number in range(25)])
        seen: list[str] = []
        cursor: str | None = None
        for _ in range(3):
            hits, cursor = store.scroll(Where(ALICE), limit=10, cursor=cursor, vectors=True)
            assert all(hit.dense == (1, 0, 0, 0) for hit in hits)
            seen += [hit.id for hit in hits]
        assert cursor is None
        assert seen == [pid(number) for number in range(25)]

    def test_patch_sets_fields_and_leaves_the_others(self, store: VectorStore) -> None:
        store.upsert(ALICE, [point(1, 5, dense=[1, 0, 0, 0], text="kept", place="stm")])
        store.patch(ALICE, [pid(1)], {"place": "page", "valid_to": None})
        (hit,) = store.search([asking(ALICE, 5)])[0]
        assert (hit.payload["text"], hit.payload["place"], hit.payload.get("valid_to")) == ("kept", "page", None)

    def test_revector_replaces_only_the_named_vectors(self, store: VectorStore) -> None:
        window = {"window": SparseVector((8,), (1.0,))}
        store.upsert(ALICE, [Point(pid(1), {"kind": "turn"}, [1, 0, 0, 0], {**point(1, 5).sparse, **window})])
        store.revector(ALICE, pid(1), {"window": SparseVector((9,), (2.0,))})
        old, new = (Search(Where(ALICE), 5, sparse=SparseVector((term,), (1.0,)), using="window") for term in (8, 9))
        assert [len(hits) for hits in store.search([old, new, asking(ALICE, 5)])] == [0, 1, 1]
        assert store.get(ALICE, [pid(1)], vectors=True)[0].dense == (1, 0, 0, 0)

    @pytest.mark.parametrize("stranger", STRANGERS)
    def test_a_stranger_sees_and_changes_nothing(self, store: VectorStore, stranger: Owner) -> None:
        # Given a point of Alice
        store.upsert(ALICE, [point(1, 5, dense=[1, 0, 0, 0], text="hers")])
        # When a stranger who knows its id tries every call
        store.patch(stranger, [pid(1)], {"text": "his"})
        store.revector(stranger, pid(1), {"turn": SparseVector((6,), (1.0,))})
        store.delete(stranger, [pid(1)])
        store.upsert(stranger, [point(1, 6, text="his")])
        store.patch(ALICE, [pid(1)], {"tenant": stranger.tenant, "user": stranger.user})
        # Then the point is as it was, and is found by nobody else
        (hit,) = store.search([asking(ALICE, 5)])[0]
        assert hit.payload["text"] == "hers"
        assert store.get(stranger, [pid(1)]) == []
        assert store.search([asking(stranger, 5, 6), Search(Where(stranger), 5, dense=[1, 0, 0, 0])]) == [[], []]
        assert store.scroll(Where(stranger, ids=(pid(1),))) == ([], None)
        assert store.count(Where(stranger)) == 0

    def test_deleted_points_are_gone(self, store: VectorStore) -> None:
        store.upsert(ALICE, [point(1, 5), point(2, 5)])
        store.delete(ALICE, [pid(1), pid(9)])
        assert [hit.id for hit in store.search([asking(ALICE, 5)])[0]] == [pid(2)]
        assert store.get(ALICE, [pid(1)]) == []
