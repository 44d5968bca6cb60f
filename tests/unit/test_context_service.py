from __future__ import annotations

from dataclasses import replace

import pytest
from fake_vectors import FakeVectors
from fakes import FakeStm, WordEmbedder, make_event
from plain_codec import PlainCodec

from memoryos_tasks.core.errors import TruthDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.extraction import extract
from memoryos_tasks.core.items import Recalled, Tier
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.context import Contexts
from memoryos_tasks.services.recall import Recall

ALICE = Owner("acme", "alice")
NOW = 1_700_000_000.0


class House:
    """Contexts over stand-ins; ``settled`` counts how often memory was settled."""

    def __init__(self) -> None:
        self.stm, self.vectors, self.settled = FakeStm(), FakeVectors(), 0
        self.recall = Recall(self.vectors, WordEmbedder(), PlainCodec())
        self.beliefs = Beliefs(self.vectors, self.recall, PlainCodec())
        self.contexts = Contexts(self.stm, self.recall, self.beliefs, lambda: NOW, 20, self._settle)

    def _settle(self, owner: Owner) -> None:
        self.settled += 1

    def hear(self, *texts: str, session: str = "s1", indexed: bool = True, held: bool = True) -> list[Event]:
        first = sum(len(events) for events in self.stm.held.values()) + len(self.vectors.points) + 1
        events = [make_event(ALICE, f"{session}-{first + at}", text, session=session, seq=first + at)
                  for at, text in enumerate(texts)]
        if held:
            self.stm.held.setdefault((ALICE, session), []).extend(events)
        if indexed:
            self.recall.index(events, {})
        return events


def contents(found: object) -> list[str]:
    assert isinstance(found, list | tuple)
    return [item.content for item in found if isinstance(item, Recalled)]


def test_the_sessions_recent_words_come_in_order_and_are_not_recalled_again() -> None:
    house = House()
    house.hear("my parrot likes figs", "my parrot sings")
    house.hear("the parrot is called 彩虹", session="old", held=False)
    context = house.contexts.gather(ALICE, "What about my parrot?", session="s1", limit=5)
    assert contents(context.recent) == ["my parrot likes figs", "my parrot sings"]
    assert contents(context.recalled) == ["the parrot is called 彩虹"]
    assert {item.tier for item in context.recent} == {Tier.SHORT}
    assert context.missing == ()


def test_the_profile_is_always_there() -> None:
    house = House()
    said = make_event(ALICE, "e1", "My name is Kim. My sister Ann lives in Rome.")
    house.beliefs.learn(ALICE, extract(said), fence=1)
    context = house.contexts.gather(ALICE, "Tell me a joke", session="s1", limit=5)
    assert [fact.value for fact in context.facts] == ["Kim"]


def test_a_chat_is_told_what_held_in_the_time_it_asks_about() -> None:
    # Given a home in May 2022 and another in May 2023
    house = House()
    for number, (city, then) in enumerate({"Oslo": NOW - 550 * 86_400, "Rome": NOW - 180 * 86_400}.items()):
        event = make_event(ALICE, f"e{number}", f"I live in {city}.", timestamp=then, seq=number + 1)
        house.beliefs.learn(ALICE, extract(event), fence=number + 1)
    # When a chat asks about the year of the first
    recalled = house.contexts.gather(ALICE, "Where did I live in 2022?", session="s1", limit=5).recalled
    # Then it is told that home alone
    assert contents(recalled) == ["The user lives in Oslo."]


def test_no_more_is_recalled_than_asked_for() -> None:
    house = House()
    house.hear(*(f"parrot note {number}" for number in range(30)), session="old", held=False)
    assert len(house.contexts.gather(ALICE, "parrot note", session="s1", limit=3).recalled) == 3


def test_what_is_still_on_its_way_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    house.hear("already here")
    house.contexts.gather(ALICE, "?", session="s1", limit=5)
    assert house.settled == 0
    # Given events that are journaled and not yet in short-term memory
    monkeypatch.setattr(house.stm, "settled", lambda *_, **__: None)
    context = house.contexts.gather(ALICE, "?", session="s1", limit=5)
    assert house.settled == 1
    assert contents(context.recent) == ["already here"]


def test_without_vectors_the_newest_sessions_stand_in() -> None:
    house = House()
    house.hear("the boat is green", "something else", session="old")
    house.hear("hello there", session="s1")
    house.vectors.down = True
    context = house.contexts.gather(ALICE, "What colour is the boat?", session="s1", limit=2)
    assert context.missing == ("vectors",)
    assert contents(context.recent) == ["hello there"]
    assert contents(context.recalled)[0] == "the boat is green"
    assert "hello there" not in contents(context.recalled)
    assert context.facts == ()


def test_without_the_store_of_record_the_vectors_answer() -> None:
    house = House()
    house.hear("the boat is green", session="old")
    house.stm.down = True
    context = house.contexts.gather(ALICE, "What colour is the boat?", session="s1", limit=5)
    assert context.missing == ("truth",)
    assert contents(context.recalled) == ["the boat is green"]
    assert list(context.recent) == []


def test_without_either_there_is_nothing_and_no_error() -> None:
    house = House()
    house.hear("the boat is green")
    house.stm.down = house.vectors.down = True
    context = house.contexts.gather(ALICE, "What colour is the boat?", session="s1", limit=5)
    assert (context.missing, context.recalled, context.recent) == (("truth", "vectors"), [], [])


def test_the_answer_without_vectors_is_ranked_by_shared_words_and_only_the_owners() -> None:
    house = House()
    house.hear("绿色的船", "the green boat of my aunt", "a boat", "nothing")
    stranger = replace(make_event(Owner("other", "alice"), "x", "the green boat of theirs"), session="s1")
    house.stm.held[stranger.owner, "s1"] = [stranger]
    found = house.contexts.remembered(ALICE, "green boat aunt", limit=2)
    assert contents(found) == ["the green boat of my aunt", "a boat"]
    house.stm.down = True
    with pytest.raises(TruthDown):
        house.contexts.remembered(ALICE, "green boat", limit=2)
