from __future__ import annotations

import json

import pytest
from fake_vectors import FakeVectors
from fakes import WordEmbedder, make_event

from memoryos_tasks.core.errors import VectorsDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.extraction import extract
from memoryos_tasks.core.items import Fact, Kind
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.recall import Recall

ALICE, STRANGER = Owner("acme", "alice"), Owner("other", "alice")


class Sealing:
    """What is sealed is not the text, so that what is not sealed shows."""

    def seal(self, owner: Owner, text: str) -> str:
        return f"{owner.tenant}|{text[::-1]}"

    def open(self, owner: Owner, sealed: str) -> str:
        assert sealed.startswith(f"{owner.tenant}|")
        return sealed.removeprefix(f"{owner.tenant}|")[::-1]


@pytest.fixture
def vectors() -> FakeVectors:
    return FakeVectors()


@pytest.fixture
def beliefs(vectors: FakeVectors) -> Beliefs:
    codec = Sealing()
    return Beliefs(vectors, Recall(vectors, WordEmbedder(), codec), codec)


def told(event_id: str, text: str, at: float, owner: Owner = ALICE) -> list[Fact]:
    return extract(make_event(owner, event_id, text, timestamp=at))


def values(facts: list[Fact]) -> list[str]:
    return [fact.value for fact in facts]


def test_what_is_learned_is_believed_as_it_was_told(beliefs: Beliefs) -> None:
    facts = told("e1", "My name is Alice. 我喜欢爬山。", 5.0)
    assert beliefs.learn(ALICE, facts, fence=1) == len(facts) >= 2
    believed = beliefs.believed(ALICE)
    assert sorted(believed, key=lambda fact: fact.id) == sorted(facts, key=lambda fact: fact.id)
    assert "爬山" in values(believed)
    assert beliefs.believed(STRANGER) == []


def test_learning_the_same_again_changes_nothing(beliefs: Beliefs, vectors: FakeVectors) -> None:
    facts = told("e1", "I live in Oslo.", 5.0)
    assert beliefs.learn(ALICE, facts, fence=1) == 1
    before = dict(vectors.points)
    assert beliefs.learn(ALICE, facts, fence=1) == 0
    assert beliefs.learn(ALICE, [], fence=1) == 0
    assert vectors.points == before


def test_the_same_told_again_is_one_fact_with_both_sources(beliefs: Beliefs) -> None:
    beliefs.learn(ALICE, told("e1", "I live in Oslo.", 5.0), fence=1)
    assert beliefs.learn(ALICE, told("e2", "I live in oslo.", 9.0), fence=1) == 0
    (fact,) = beliefs.believed(ALICE)
    assert (fact.sources, fact.valid_from) == (("e1", "e2"), 5.0)


def test_a_change_supersedes_and_history_is_kept(beliefs: Beliefs) -> None:
    beliefs.learn(ALICE, told("e1", "I live in Oslo.", 5.0), fence=1)
    beliefs.learn(ALICE, told("e2", "我住在上海。", 9.0), fence=1)
    (now,) = beliefs.believed(ALICE)
    assert (now.value, now.valid_from, now.valid_to) == ("上海", 9.0, None)
    (then,) = beliefs.believed(ALICE, as_of=7.0)
    assert (then.value, then.valid_to, then.superseded_by) == ("Oslo", 9.0, now.id)
    assert beliefs.believed(ALICE, as_of=1.0) == []


def test_an_old_message_that_arrives_late_is_history(beliefs: Beliefs) -> None:
    beliefs.learn(ALICE, told("new", "I live in Rome.", 9.0), fence=1)
    assert beliefs.learn(ALICE, told("old", "I live in Oslo.", 5.0), fence=1) == 1
    assert values(beliefs.believed(ALICE)) == ["Rome"]
    assert values(beliefs.believed(ALICE, as_of=7.0)) == ["Oslo"]


def test_kinds_can_be_told_apart_and_come_oldest_first(beliefs: Beliefs) -> None:
    beliefs.learn(ALICE, told("e2", "I live in Oslo.", 9.0), fence=1)
    beliefs.learn(ALICE, told("e1", "My name is Alice.", 5.0), fence=1)
    beliefs.learn(ALICE, told("e3", "My sister Ann lives in Rome.", 7.0), fence=1)
    profile = beliefs.believed(ALICE, kinds=(Kind.TRAIT.value,))
    assert values(profile) == ["Alice", "Oslo"]
    everything = beliefs.believed(ALICE)
    assert [fact.valid_from for fact in everything] == sorted(fact.valid_from for fact in everything)
    assert len(everything) > len(profile)


def test_one_owners_facts_do_not_end_anothers(beliefs: Beliefs) -> None:
    beliefs.learn(ALICE, told("e1", "I live in Oslo.", 5.0), fence=1)
    beliefs.learn(STRANGER, told("e1", "I live in Rome.", 9.0, STRANGER), fence=1)
    assert values(beliefs.believed(ALICE)) == ["Oslo"]
    assert values(beliefs.believed(STRANGER)) == ["Rome"]


def test_more_facts_than_a_page_are_all_weighed(beliefs: Beliefs) -> None:
    facts = [Fact(Kind.KNOWLEDGE, "user", "owns", f"thing {number}", f"Owns thing {number}.", (f"e{number}",),
                  float(number), many=True) for number in range(700)]
    assert beliefs.learn(ALICE, facts, fence=1) == 700
    assert len(beliefs.believed(ALICE)) == 700
    assert beliefs.learn(ALICE, facts, fence=1) == 0


def test_what_is_stored_is_sealed(beliefs: Beliefs, vectors: FakeVectors) -> None:
    beliefs.learn(ALICE, told("e1", "I am allergic to peanuts.", 5.0), fence=1)
    stored = json.dumps([dict(point.payload) for _, point in vectors.points.values()])
    assert "e1" in stored
    assert "peanuts" not in stored
    assert "allerg" not in stored


def test_without_vectors_nothing_is_known_nor_learned(beliefs: Beliefs, vectors: FakeVectors) -> None:
    vectors.down = True
    with pytest.raises(VectorsDown):
        beliefs.believed(ALICE)
    with pytest.raises(VectorsDown):
        beliefs.learn(ALICE, told("e1", "I live in Oslo.", 5.0), fence=1)


def test_a_change_within_one_moment_stays_changed(beliefs: Beliefs) -> None:
    # Given two values of one slot, told at the same time
    facts = [*told("e1", "I live in Paris.", 5.0), *told("e2", "I live in Berlin.", 5.0)]
    # When both are learned again and again, as redelivery and promotion do
    for _ in range(3):
        beliefs.learn(ALICE, facts, fence=1)
        # Then the later one stands each time
        assert values(beliefs.believed(ALICE)) == ["Berlin"]


def test_a_change_that_was_interrupted_is_completed(beliefs: Beliefs, vectors: FakeVectors) -> None:
    beliefs.learn(ALICE, told("e1", "I live in Paris.", 5.0), fence=1)
    # When the store goes away between the two writes of a change
    whole, vectors.upsert = vectors.upsert, _away  # type: ignore[method-assign]
    with pytest.raises(VectorsDown):
        beliefs.learn(ALICE, told("e2", "I live in Berlin.", 9.0), fence=1)
    vectors.upsert = whole  # type: ignore[method-assign]
    # Then learning it again leaves one value in the slot
    beliefs.learn(ALICE, told("e2", "I live in Berlin.", 9.0), fence=1)
    assert values(beliefs.believed(ALICE)) == ["Berlin"]


def _away(*_: object, **__: object) -> None:
    raise VectorsDown
