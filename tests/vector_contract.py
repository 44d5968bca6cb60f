"""What every vector store must do: subclass :class:`VectorContract` in a test module and give it a ``store``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from uuid import UUID

import pytest

from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.spaces import SpacedStore
from memoryos_tasks.ports.vectors import Point, Search, SparseVector, VectorStore, Where

DIMENSIONS = 4
ALICE = Owner("acme", "alice")
#: Where another embedder's vectors live.
OTHER = Space("openai:other/model", 3)
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
        store.revector(ALICE, {pid(7): {"turn": SparseVector((1,), (1.0,))}, "nonsense": {}})
        store.revector(ALICE, {})
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

    def test_a_late_index_leaves_what_a_lock_has_written(self, store: VectorStore) -> None:
        # Given turns indexed without a lock (token 0), one of which a consolidation has given its place
        store.upsert(ALICE, [point(1, 5, place="stm"), point(2, 5, place="stm")], fence=0)
        store.patch(ALICE, [pid(1)], {"place": "page"}, fence=7)
        # When they are indexed late once more
        store.upsert(ALICE, [point(number, 6, place="again") for number in (1, 2, 3)], fence=0)
        # Then the place stands, and what no lock has touched is written
        hits = store.get(ALICE, [pid(1), pid(2), pid(3)])
        assert [hit.payload["place"] for hit in hits] == ["page", "again", "again"]
        assert [hit.payload["fence"] for hit in hits] == [7, 0, 0]
        assert [hit.id for hit in store.search([asking(ALICE, 5)])[0]] == [pid(1)]
        # And neither does a patch of an older token change it
        store.patch(ALICE, [pid(1)], {"place": "stale"}, fence=0)
        assert store.get(ALICE, [pid(1)])[0].payload["place"] == "page"

    def test_a_patch_notes_its_token_on_points_that_had_none(self, store: VectorStore) -> None:
        store.upsert(ALICE, [point(1, 5, place="stm")])
        store.patch(ALICE, [pid(1)], {"place": "page"}, fence=7)
        store.upsert(ALICE, [point(1, 5, place="stale")], fence=6)
        assert store.get(ALICE, [pid(1)])[0].payload["place"] == "page"

    def test_many_patches_are_made_in_one_call(self, store: VectorStore) -> None:
        # Given points, one of them written under a newer lock, and a stranger's
        store.upsert(ALICE, [point(number, 5, place="stm") for number in (1, 2, 3)], fence=0)
        store.patch(ALICE, [pid(3)], {"place": "newer"}, fence=9)
        store.upsert(STRANGERS[0], [point(11, 5, place="theirs")])
        # When several patches come at once
        first = [pid(1), pid(11), "nonsense"], {"place": "一"}
        second = [pid(2), pid(3)], {"place": "b", "kind": "x"}
        store.patch_many(ALICE, [first, second, ([], {})], fence=7)
        store.patch_many(ALICE, [])
        # Then each changed what it may
        hits = store.get(ALICE, [pid(1), pid(2), pid(3)])
        assert [hit.payload["place"] for hit in hits] == ["一", "b", "newer"]
        assert [hit.payload["kind"] for hit in hits] == ["turn", "x", "turn"]
        assert [hit.payload["fence"] for hit in hits] == [7, 7, 9]
        assert store.get(STRANGERS[0], [pid(11)])[0].payload["place"] == "theirs"

    def test_a_stale_token_deletes_nothing(self, store: VectorStore) -> None:
        store.upsert(ALICE, [point(1, 5), point(2, 5)], fence=7)
        store.upsert(ALICE, [point(3, 5)])
        store.patch(ALICE, [pid(2)], {"place": "newer"}, fence=8)
        store.delete(ALICE, [pid(1), pid(2), pid(3)], fence=7)
        assert [hit.id for hit in store.get(ALICE, [pid(1), pid(2), pid(3)])] == [pid(2)]

    def test_tokens_as_large_as_a_clock_are_told_apart(self, store: VectorStore) -> None:
        token = 1_900_000_000_000
        store.upsert(ALICE, [point(1, 5, place="new")], fence=token)
        store.upsert(ALICE, [point(1, 5, place="stale")], fence=token - 1)
        assert store.get(ALICE, [pid(1)])[0].payload["place"] == "new"
        store.upsert(ALICE, [point(1, 5, place="newer")], fence=token + 1)
        assert store.get(ALICE, [pid(1)])[0].payload["place"] == "newer"

    def test_points_come_in_the_order_of_their_numbers_page_by_page(self, store: VectorStore) -> None:
        # Given turns whose ids do not follow their numbers, other kinds without one, and strangers with all of them
        turns = [point(100 - seq, 5, seq=seq, session=f"s{seq % 2}") for seq in range(1, 26)]
        store.upsert(ALICE, [*turns, Point(pid(500), {"kind": "page"})])
        for at, stranger in enumerate(STRANGERS, 1):
            store.upsert(stranger, [point(at * 1000 + seq, 5, seq=seq) for seq in range(1, 26)])
        # When they are read ten at a time, each page after the last number of the one before
        pages: list[list[int]] = []
        while not pages or pages[-1]:
            after = pages[-1][-1] if pages else 0
            pages.append([hit.payload["seq"] for hit in store.in_order(Where(ALICE), after=after, limit=10)])
        # Then each comes once, in order
        assert pages == [list(range(1, 11)), list(range(11, 21)), list(range(21, 26)), []]
        # And conditions hold there too
        odd = store.in_order(Where(ALICE, kinds=("turn",), sessions=("s1",)), after=3, limit=3)
        assert [(hit.id, hit.payload["seq"]) for hit in odd] == [(pid(100 - seq), seq) for seq in (5, 7, 9)]
        assert store.in_order(Where(ALICE, kinds=("page",))) == []

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

    def test_numbers_have_bounds_and_values_can_be_unwanted(self, store: VectorStore) -> None:
        store.upsert(ALICE, [point(1, 5, at=1.0, place="stm"), point(2, 5, at=2.0, place="page"), point(3, 5, at=3.0)])
        for where, ids in (
            (Where(ALICE, at_least={"at": 2.0}), [2, 3]),
            (Where(ALICE, at_least={"at": 1.5}, at_most={"at": 2.5}), [2]),
            (Where(ALICE, differs={"place": "stm"}), [2, 3]),
            (Where(ALICE, among={"place": ["stm", "nowhere"]}), [1]),
            (Where(ALICE, among={"place": ["stm", "page"]}), [1, 2]),
            (Where(ALICE, differs={"place": "page"}, without=(pid(3),)), [1]),
        ):
            assert [hit.id for hit in store.scroll(where)[0]] == [pid(number) for number in ids]

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
        # Given three points with the same window
        window = {"window": SparseVector((8,), (1.0,))}
        three = [Point(pid(n), {"kind": "turn"}, [1, 0, 0, 0], {**point(n, 5).sparse, **window}) for n in (1, 2, 3)]
        store.upsert(ALICE, three)
        # When two of them, and one that does not exist, get another
        store.revector(ALICE, {pid(n): {"window": SparseVector((7 + n,), (2.0,))} for n in (2, 3, 4)})
        # Then only their windows have changed
        searches = [
            Search(Where(ALICE), 5, sparse=SparseVector((term,), (1.0,)), using="window") for term in (8, 9, 10, 11)
        ]
        assert [len(hits) for hits in store.search([*searches, asking(ALICE, 5)])] == [1, 1, 1, 0, 3]
        assert store.get(ALICE, [pid(1)], vectors=True)[0].dense == (1, 0, 0, 0)

    @pytest.mark.parametrize("stranger", STRANGERS)
    def test_a_stranger_sees_and_changes_nothing(self, store: VectorStore, stranger: Owner) -> None:
        # Given a point of Alice
        store.upsert(ALICE, [point(1, 5, dense=[1, 0, 0, 0], text="hers")])
        # When a stranger who knows its id tries every call
        store.patch(stranger, [pid(1)], {"text": "his"})
        store.revector(stranger, {pid(1): {"turn": SparseVector((6,), (1.0,))}})
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

    def test_vectors_of_two_embedders_live_apart(self, store: SpacedStore) -> None:
        # Given a point of Alice and one of a stranger, written before there was another embedder
        store.upsert(ALICE, [point(1, 5, dense=[1, 0, 0, 0]), point(2, 5, dense=[0, 1, 0, 0])])
        store.upsert(STRANGERS[0], [point(11, 5, dense=[1, 0, 0, 0])])
        other = store.within(OTHER)
        # Then the other's space is empty, though points and words are the same
        assert other.search([Search(Where(ALICE), 5, dense=[1, 0, 0]), asking(ALICE, 5)])[0] == []
        assert len(other.search([asking(ALICE, 5)])[0]) == 2
        assert [hit.dense for hit in other.get(ALICE, [pid(1), pid(2)], vectors=True)] == [None, None]
        # When it is filled, with a vector for what does not exist and one for a stranger's point
        store.fill(ALICE, OTHER, {pid(1): [0, 0, 1], pid(2): [0, 3, 0], pid(9): [1, 0, 0], pid(11): [1, 0, 0]})
        # Then each space ranks by its own vectors
        hits = other.search([Search(Where(ALICE), 5, dense=[0, 0, 1])])[0]
        assert [hit.id for hit in hits] == [pid(1), pid(2)]
        assert [hit.id for hit in store.search([Search(Where(ALICE), 1, dense=[0, 1, 0, 0])])[0]] == [pid(2)]
        assert other.get(ALICE, [pid(2)], vectors=True)[0].dense == pytest.approx((0, 1, 0))
        assert store.get(ALICE, [pid(2)], vectors=True)[0].dense == pytest.approx((0, 1, 0, 0))

    def test_what_a_space_lacks_is_told_across_owners_page_by_page(self, store: SpacedStore) -> None:
        # Given points of three owners, of which a space has some
        for at, owner in enumerate((ALICE, *STRANGERS)):
            store.upsert(owner, [point(at * 10 + number, 5, dense=[1, 0, 0, 0]) for number in range(1, 4)])
        store.fill(ALICE, OTHER, {pid(2): [1, 0, 0]})
        store.within(OTHER).upsert(STRANGERS[0], [point(12, 5, dense=[1, 0, 0])])
        assert store.lacks(OTHER) == 7
        # When what it lacks is read three at a time
        seen: list[tuple[Owner, str]] = []
        cursor: str | None = None
        for _ in range(3):
            rows, cursor = store.lacking(OTHER, limit=3, cursor=cursor)
            seen += [(owner, hit.id) for owner, hit in rows]
        # Then each comes once, with its owner
        assert cursor is None
        hers, others, bobs = ([(owner, pid(n)) for n in ids] for owner, ids in
                              ((ALICE, (1, 3)), (STRANGERS[0], (11, 13)), (STRANGERS[1], (21, 22, 23))))
        assert seen == [*hers, *others, *bobs]

    def test_a_fill_leaves_the_vector_that_was_written_meanwhile(self, store: SpacedStore) -> None:
        store.upsert(ALICE, [point(1, 5, dense=[1, 0, 0, 0])])
        store.within(OTHER).upsert(ALICE, [point(1, 5, dense=[0, 1, 0])])
        store.fill(ALICE, OTHER, {pid(1): [1, 0, 0]})
        assert store.within(OTHER).get(ALICE, [pid(1)], vectors=True)[0].dense == pytest.approx((0, 1, 0))
        # And whoever writes a point whole leaves it without the vectors of others
        assert store.get(ALICE, [pid(1)], vectors=True)[0].dense is None

    def test_a_dropped_space_leaves_the_points_and_can_come_back(self, store: SpacedStore) -> None:
        store.upsert(ALICE, [point(1, 5, dense=[1, 0, 0, 0])])
        store.fill(ALICE, OTHER, {pid(1): [1, 0, 0]})
        assert OTHER.vector in store.names()
        store.drop(OTHER.vector)
        store.drop(OTHER.vector)
        assert OTHER.vector not in store.names()
        assert store.count(Where(ALICE)) == 1
        assert store.lacks(OTHER) == 1
        store.fill(ALICE, OTHER, {pid(1): [0, 1, 0]})
        assert store.within(OTHER).get(ALICE, [pid(1)], vectors=True)[0].dense == pytest.approx((0, 1, 0))

    def test_deleted_points_are_gone(self, store: VectorStore) -> None:
        store.upsert(ALICE, [point(1, 5), point(2, 5)])
        store.delete(ALICE, [pid(1), pid(9)])
        assert [hit.id for hit in store.search([asking(ALICE, 5)])[0]] == [pid(2)]
        assert store.get(ALICE, [pid(1)]) == []
