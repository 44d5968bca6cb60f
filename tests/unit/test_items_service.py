"""Items one by one: lists in pages, single items, their history; nobody sees another's."""

from __future__ import annotations

import pytest
from rights_house import ALICE, BOB, STRANGER, RightsHouse

from memoryos_tasks.core.errors import InvalidRequest, NotFound, VectorsDown


@pytest.fixture
def house() -> RightsHouse:
    made = RightsHouse()
    made.say("I live in Hamburg.", "我喜欢爬山。", "My dog is called Rex.")
    made.consolidate()
    return made


def test_a_list_has_facts_pages_and_segments_each_once(house: RightsHouse) -> None:
    rows = house.list(limit=2)
    kinds = [row["kind"] for row in rows]
    assert len({row["id"] for row in rows}) == len(rows)
    assert kinds.count("page") == 3
    assert {"segment", "trait"} <= set(kinds) <= {"segment", "page", "trait", "knowledge"}
    trait = next(row for row in rows if row.get("value") == "Hamburg")
    assert (trait["tier"], trait["attribute"], trait["sources"]) == ("long_term", "residence", ["e1"])
    page = next(row for row in rows if row["kind"] == "page" and "爬山" in row["content"])
    segment = next(row for row in rows if row["id"] == page["segment"])
    assert (page["sources"], page["id"] in segment["pages"]) == (["e2"], True)
    # And a segment has the sources of all its pages
    pages = {row["id"]: row["sources"] for row in rows if row["kind"] == "page"}
    for row in rows:
        if row["kind"] == "segment":
            assert row["sources"] == [id for page in row["pages"] for id in pages[page]] != []


def test_lists_are_narrowed_by_tier_and_kind(house: RightsHouse) -> None:
    house.say("Good morning!")
    assert {row["kind"] for row in house.list(tier="long_term")} <= {"trait", "knowledge"}
    assert {row["kind"] for row in house.list(tier="mid_term")} == {"page", "segment"}
    assert [row["content"] for row in house.list(tier="short_term")] == ["Good morning!"]
    assert len(house.list(kind="turn")) == 4
    assert house.list(kind="page", tier="long_term") == []


def test_facts_that_ended_are_listed_when_they_are_asked_for(house: RightsHouse) -> None:
    house.say("I moved to Berlin.", start=1_710_000_000.0)
    assert "Hamburg" not in [row.get("value") for row in house.list()]
    ended = {row.get("value"): row for row in house.list(ended=True)}
    assert ended["Hamburg"]["superseded_by"] == ended["Berlin"]["id"]


def test_an_item_is_looked_at_by_its_id(house: RightsHouse) -> None:
    for row in house.list(ended=True) + house.list(kind="turn"):
        assert house.items.one(ALICE, {"id": row["id"]}) == row


@pytest.mark.parametrize("owner", [BOB, STRANGER])
def test_the_items_of_others_are_not_there(house: RightsHouse, owner: object) -> None:
    assert house.list(owner) == []  # type: ignore[arg-type]
    for row in house.list():
        with pytest.raises(NotFound):
            house.items.one(owner, {"id": row["id"]})  # type: ignore[arg-type]
        with pytest.raises(NotFound):
            house.items.versions(owner, {"id": row["id"]})  # type: ignore[arg-type]


@pytest.mark.parametrize("id", ["", "nonsense", "../x", "00000000-0000-0000-0000-000000000000"])
def test_an_id_that_names_nothing_is_not_found(house: RightsHouse, id: str) -> None:
    with pytest.raises(NotFound):
        house.items.one(ALICE, {"id": id})


def test_a_cursor_that_no_page_gave_is_refused(house: RightsHouse) -> None:
    for cursor in ("nonsense", "aXRlbTp4", "c2VxOjE"):
        with pytest.raises(InvalidRequest) as refused:
            house.items.page(ALICE, {"cursor": cursor})
        assert refused.value.param == "cursor"


def test_the_history_of_a_fact_has_the_versions_of_its_slot(house: RightsHouse) -> None:
    house.say("I moved to Berlin.", start=1_710_000_000.0)
    told = house.items.versions(ALICE, {"id": house.fact("Berlin").id})
    assert [row["value"] for row in told["versions"]] == ["Hamburg", "Berlin"]
    first, second = told["versions"]
    assert (first["valid_to"], first["superseded_by"]) == (second["valid_from"], second["id"])
    assert second["valid_to"] is None
    assert told["changes"] == []


def test_without_the_store_there_is_no_half_list(house: RightsHouse) -> None:
    house.vectors.down = True
    with pytest.raises(VectorsDown):
        house.items.page(ALICE, {})
