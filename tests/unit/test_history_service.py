"""The list of every event: complete at any moment, each event once and in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fake_vectors import FakeVectors
from fakes import FakeHeld, FakeLocks, FakeStm, WordEmbedder, make_event
from plain_codec import PlainCodec

from memoryos_tasks.core.errors import InvalidRequest, TruthDown, VectorsDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.services import history
from memoryos_tasks.services.consolidation import Consolidation
from memoryos_tasks.services.history import History
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

ALICE, BOB = Owner("acme", "alice"), Owner("acme", "bob")


class House:
    """History over stand-ins, and what changes memory beside it."""

    def __init__(self) -> None:
        self.stm, self.vectors, embedder, codec = FakeStm(), FakeVectors(), WordEmbedder(), PlainCodec()
        self.recall = Recall(self.vectors, embedder, codec)
        self.settled: list[Owner] = []
        self.history = History(self.stm, self.vectors, self.recall, self.settled.append)
        self.consolidation = Consolidation(
            self.stm, Segments(self.vectors, self.recall, codec), embedder, FakeLocks(FakeHeld()), lambda: 1.0
        )
        self._seq = 0

    def hear(self, *ids: str, owner: Owner = ALICE, session: str = "default", **fields: Any) -> list[Event]:
        """Acknowledge events: journaled, numbered and in short-term memory."""
        events = []
        for id in ids:
            self._seq += 1
            said = {"content": f"words of {id}", "session": session, **fields}
            events.append(make_event(owner, id, seq=self._seq, **said))
        self.stm.held.setdefault((owner, session), []).extend(events)
        return events

    def told(self, **request: Any) -> dict[str, str]:
        """Event id → place, of one page."""
        rows = self.history.events(ALICE, request)["events"]
        assert len({row["event_id"] for row in rows}) == len(rows)
        return {row["event_id"]: row["place"] for row in rows}

    def all(self, **request: Any) -> list[str]:
        """The event ids of all pages."""
        ids: list[str] = []
        cursor = None
        while True:
            page = self.history.events(ALICE, {**request, "cursor": cursor})
            ids += [row["event_id"] for row in page["events"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return ids


@pytest.fixture
def house() -> House:
    return House()


def page_of(*ids: str) -> dict[str, str]:
    return dict.fromkeys(ids, ALICE.derive("page", ids[0]))


def test_every_event_comes_in_order_with_its_place(house: House) -> None:
    # Given events that are in a page, in short-term memory and in the index, and not indexed yet
    house.recall.index(house.hear("u1", content="我叫李雷", name="李雷"), {})
    house.recall.index(house.hear("a1", role="assistant"), {})
    house.consolidation.run(ALICE, "default", keep=0)
    house.recall.index(house.hear("u2", session="other"), {})
    house.hear("a2", session="other", role="assistant")
    house.hear("b1", owner=BOB)
    # When they are listed
    answer = house.history.events(ALICE, {})
    # Then each comes once, as it was said, oldest first
    assert [row["event_id"] for row in answer["events"]] == ["u1", "a1", "u2", "a2"]
    assert answer["next_cursor"] is None
    assert house.told() == {**page_of("u1", "a1"), "u2": "stm", "a2": "stm"}
    assert answer["events"][0] == {
        "event_id": "u1", "role": "user", "name": "李雷", "content": "我叫李雷", "timestamp": 1_700_000_000.0,
        "session_id": "default", "place": ALICE.derive("page", "u1"),
    }  # fmt: skip
    assert answer["events"][3]["name"] is None
    # And what was journaled was given a chance to be applied before
    assert house.settled[0] == ALICE


def test_one_session_can_be_asked_for(house: House) -> None:
    house.recall.index(house.hear("e1", "e2", session="s: 聊"), {})
    house.hear("e3", session="s: 聊")
    house.recall.index(house.hear("e4"), {})
    assert list(house.told(session_id="s: 聊")) == ["e1", "e2", "e3"]
    assert house.told(session_id="unknown") == {}


@pytest.mark.parametrize("indexed", ["none", "all", "even", "first half"])
@pytest.mark.parametrize("limit", [1, 7, 100, 1000])
def test_pages_follow_each_other_without_gap_or_repeat(house: House, indexed: str, limit: int) -> None:
    events = [event for at in range(125) for event in house.hear(f"e{at}", session=f"s{at % 3}")]
    chosen = {"none": [], "all": events, "even": events[::2], "first half": events[:60]}[indexed]
    house.recall.index(chosen, {})
    assert house.all(limit=limit) == [event.event_id for event in events]


def test_a_page_holds_a_hundred_when_no_number_is_named(house: House) -> None:
    house.hear(*(f"e{at}" for at in range(101)))
    answer = house.history.events(ALICE, {"limit": None})
    assert len(answer["events"]) == 100
    (last,) = house.history.events(ALICE, {"cursor": answer["next_cursor"]})["events"]
    assert last["event_id"] == "e100"


def test_a_page_of_long_texts_ends_early(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST_TEXT", 50)
    house.hear("e1", "e2", "e3", content="x" * 30)
    answer = house.history.events(ALICE, {})
    assert [row["event_id"] for row in answer["events"]] == ["e1", "e2"]
    assert house.all() == ["e1", "e2", "e3"]


def test_the_list_is_right_at_every_moment_of_a_consolidation(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given two exchanges that are being consolidated, and somebody who looks after each write
    house.recall.index(house.hear("u1") + house.hear("a1", role="assistant") + house.hear("u2"), {})
    seen: list[tuple[str, dict[str, str]]] = []

    def looking(name: str, call: Callable[..., None]) -> Callable[..., None]:
        def write(*args: Any, **options: Any) -> None:
            call(*args, **options)
            seen.append((name, house.told()))

        return write

    for store, name in ((house.vectors, "upsert"), (house.vectors, "patch"), (house.stm, "drop")):
        monkeypatch.setattr(store, name, looking(name, getattr(store, name)))
    house.consolidation.run(ALICE, "default", keep=0)
    # Then every look showed every event once, in its page as soon as its turn says so
    stm, first, second = dict.fromkeys(("u1", "a1", "u2"), "stm"), page_of("u1", "a1"), page_of("u2")
    done = {**first, **second}
    assert seen == [("upsert", stm), ("upsert", stm), ("patch", {**stm, **first}), ("patch", done), ("drop", done)]


def test_an_event_that_moves_on_during_the_read_is_told_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an event that is in short-term memory alone when that is read
    events = house.hear("e1", "e2")
    following = house.stm.following

    def then_it_moves(*args: Any, **options: Any) -> list[Event]:
        found = following(*args, **options)
        house.recall.index(events, {})
        house.consolidation.run(ALICE, "default", keep=0)
        return found

    monkeypatch.setattr(house.stm, "following", then_it_moves)
    # When it is indexed, put into a page and dropped before the index is read
    assert house.told() == {**page_of("e1"), **page_of("e2")}


def test_an_event_that_is_indexed_during_the_read_is_told_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an event that is not in the index when that is read, but is a moment later
    events = house.hear("e1")
    in_order = house.vectors.in_order

    def then_it_is(*args: Any, **options: Any) -> Any:
        found = in_order(*args, **options)
        house.recall.index(events, {})
        return found

    monkeypatch.setattr(house.vectors, "in_order", then_it_is)
    assert house.told() == {"e1": "stm"}


def test_what_comes_during_the_read_hides_nothing_that_came_before_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two events acknowledged after the read began, of which the later one is indexed first
    house.hear("e1")
    following = house.stm.following
    early: Sequence[Event] = ()

    def then_more_comes(*args: Any, **options: Any) -> list[Event]:
        nonlocal early
        found = following(*args, **options)
        if not early:
            early = house.hear("early", session="one")
            house.recall.index(house.hear("late", session="two"), {})
        return found

    house.stm.newest_seq = 1
    monkeypatch.setattr(house.stm, "following", then_more_comes)
    # When it is listed, then neither is told yet, so that nobody continues behind the one that is missing
    assert list(house.told()) == ["e1"]
    # And the next read tells both
    house.stm.newest_seq = 3
    assert list(house.told()) == ["e1", "early", "late"]


def test_an_event_that_was_sent_again_after_it_had_died_is_told_once(house: House) -> None:
    # Given an event that was indexed, became a dead letter, and was accepted anew under another number
    (event,) = house.hear("e1")
    house.recall.index([event], {})
    house.stm.held[ALICE, "default"].clear()
    house.hear("e2", "e1")
    # When all is listed, then it stands where it stood first
    assert house.all() == house.all(limit=1) == ["e1", "e2"]


@pytest.mark.parametrize("away", ["vectors", "truth"])
def test_a_list_that_would_lack_events_is_refused(house: House, away: str) -> None:
    house.hear("e1")
    house.vectors.down, house.stm.down = away == "vectors", away == "truth"
    with pytest.raises(VectorsDown if away == "vectors" else TruthDown):
        house.history.events(ALICE, {})


@pytest.mark.parametrize("cursor", [
    "", "x", "1", "c2VxOg", "c2VxOi0x", "c2VxOjFh", "c2VxOjE=", "c2VxOjAx", "é", "seq:1",
    "c2VxOjk5OTk5OTk5OTk5OTk5OTk5OTk5",
])
def test_a_cursor_that_no_page_gave_is_refused(house: House, cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="cursor") as caught:
        house.history.events(ALICE, {"cursor": cursor})
    assert caught.value.param == "cursor"


def test_a_cursor_beyond_the_end_gives_nothing(house: House) -> None:
    house.hear("e1", "e2")
    cursor = house.history.events(ALICE, {"limit": 1})["next_cursor"]
    assert "1" not in cursor.removeprefix("c2VxOj")
    house.stm.held.clear()
    assert house.history.events(ALICE, {"cursor": cursor}) == {"events": [], "next_cursor": None}
