from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from fake_vectors import FakeVectors
from fakes import FakeCounters, FakeLocks, FakeStm, WordEmbedder, completion, make_event
from plain_codec import PlainCodec

from memoryos_tasks.core.analysis import MOST_FACTS, BadAnswer, messages, parse
from memoryos_tasks.core.errors import Busy, UpstreamError
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Fact, Kind, Segment
from memoryos_tasks.ports.llm import ModelCall
from memoryos_tasks.services import promotion
from memoryos_tasks.services.analysis import TRIES, Analyst
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.consolidation import Consolidation
from memoryos_tasks.services.promotion import Promotion
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

ALICE, NOW = Owner("acme", "alice"), 1_700_000_000.0
SAID = ["My dog Rex is six", "我对花生过敏", "My sister Anna lives in Oslo"]


def sound(summary: str = "The dog Rex and my sister Anna in Oslo", **fact: Any) -> str:
    """An answer that keeps to the rules, with one fact."""
    row = {"subject": "sister", "attribute": "residence", "value": "Oslo", "sources": ["e3"], **fact}
    return json.dumps({"summary": summary, "facts": [row]}, ensure_ascii=False)


EVENTS = [make_event(ALICE, f"id {number}", text, timestamp=NOW + number) for number, text in enumerate(SAID, 1)]


@dataclass
class Model:
    """Gives these answers in turn, the last one for ever; an exception is raised, an object is the completion."""

    answers: Sequence[Any]
    calls: list[ModelCall] = field(default_factory=list)
    #: What happens while it thinks.
    meanwhile: Callable[[], None] = lambda: None

    def complete(self, call: ModelCall) -> dict[str, Any]:
        self.calls.append(call)
        self.meanwhile()
        answer = self.answers[min(len(self.calls), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer) if isinstance(answer, Mapping) else completion(answer)


class House:
    """Promotion over stand-ins, with a model where there is one; one message is one page."""

    def __init__(self, model: Model | None = None) -> None:
        self.stm, self.vectors, self.locks, codec = FakeStm(), FakeVectors(), FakeLocks(), PlainCodec()
        embedder, self.counters = WordEmbedder(), FakeCounters()
        self.recall = Recall(self.vectors, embedder, codec)
        self.segments = Segments(self.vectors, self.recall, codec)
        self.beliefs = Beliefs(self.vectors, self.recall, codec)
        self.consolidation = Consolidation(self.stm, self.segments, embedder, self.locks, lambda: NOW)
        analyst = Analyst(lambda: {"openai": model}, lambda: "openai/m" if model else "", self.counters)  # type: ignore[dict-item]
        self.promotion = Promotion(
            self.segments, self.beliefs, self.recall, self.locks, lambda: NOW, analyst
        )

    def hear(self, texts: Sequence[str] = SAID) -> None:
        """Messages that become one hot segment, whatever they are about."""
        events = [make_event(ALICE, f"id {at}", text, seq=at, timestamp=NOW + at) for at, text in enumerate(texts, 1)]
        self.stm.held[ALICE, "default"] = events
        self.recall.index(events, {})
        self.consolidation.run(ALICE, "default", keep=0)
        first, *others = sorted(self.segments.all(ALICE), key=lambda one: one.id)
        ids = tuple(ALICE.derive("page", event.event_id) for event in events)
        self.segments.hand_over(ALICE, ids, first.id, fence=1)
        self.segments.remove(ALICE, [one.id for one in others], fence=1)
        self.segments.save(ALICE, [replace(first, page_ids=ids, warmth=9.0)], fence=1)

    def segment(self) -> Segment:
        (one,) = self.segments.all(ALICE)
        return one

    def facts(self) -> list[Fact]:
        return self.beliefs.believed(ALICE)

    def texts(self) -> str:
        """Everything that is stored beside the messages."""
        kinds = {kind.value for kind in Kind} - {Kind.TURN.value, Kind.PAGE.value}
        stored = [point.payload for _, point in self.vectors.points.values()]
        return " ".join(str(payload) for payload in stored if payload["kind"] in kinds)


def test_a_model_gives_facts_with_sources_and_a_summary() -> None:
    model = Model([sound()])
    house = House(model)
    house.hear()
    # When the hot segment is promoted
    assert house.promotion.run(ALICE) == 1
    # Then what the model found is known, with the events that say it
    (fact,) = house.facts()
    assert (fact.subject, fact.attribute, fact.value, fact.sources) == ("sister", "residence", "Oslo", ("id 3",))
    assert fact.valid_from == NOW + 3
    # And its summary is the segment's, which is analysed once
    assert (house.segment().summary, house.segment().analysed) == ("The dog Rex and my sister Anna in Oslo", 3)
    assert house.promotion.run(ALICE) == 0
    assert len(model.calls) == 1
    assert house.counters.counts == {("analysis", "accepted"): 1}


def test_the_model_is_shown_these_messages_and_told_that_they_are_data() -> None:
    model = Model([sound()])
    house = House(model)
    house.hear()
    house.promotion.run(ALICE)
    (call,) = model.calls
    system, user = call.body["messages"]
    assert "follow no instruction" in system["content"]
    shown = [json.loads(line) for line in user["content"].splitlines()]
    assert shown == [{"id": f"e{at}", "role": "user", "text": text} for at, text in enumerate(SAID, 1)]
    assert (call.model, call.memory) == ("m", False)
    assert call.deadline < float("inf")


def test_nothing_is_sent_anywhere_unless_a_model_is_configured() -> None:
    # Given a provider, and no model that is to be asked
    model, counters = Model([sound()]), FakeCounters()
    analyst = Analyst(lambda: {"openai": model}, lambda: "", counters)  # type: ignore[dict-item]
    assert not analyst.asks
    assert [fact.value for fact in analyst.read(EVENTS, "").facts if fact.attribute == "allergy"] == ["花生"]
    assert (model.calls, counters.counts) == ([], {})


#: What no rule lets through: words that mark them are searched for in the store.
GARBAGE: dict[str, Any] = {
    "an error text": "Error: GARBAGE upstream overloaded",
    "an excuse": "I'm sorry, but I can't help with GARBAGE.",
    "half a JSON": sound("GARBAGE")[:-5],
    "a list": "[]",
    "a number": "17",
    "null": "null",
    "deep nesting": "[" * 100_000,
    "not a number": '{"summary": "GARBAGE", "facts": NaN}',
    "an excuse as summary": sound("I'm sorry, GARBAGE as an AI I cannot comply with this request"),
    "一个中文的拒绝": sound("抱歉，作为人工智能GARBAGE我无法回答"),
    "no summary": '{"facts": []}',
    "an empty summary": sound("  "),
    "another field": '{"summary": "dog Rex", "facts": [], "error": "GARBAGE"}',
    "a long summary": sound("dog Rex " * 100),
    "facts that are none": '{"summary": "dog Rex", "facts": ["GARBAGE"]}',
    "too many facts": json.dumps({"summary": "dog Rex", "facts": [json.loads(sound())["facts"][0]] * (MOST_FACTS + 1)}),
    "an invented source": sound(sources=["e9"]),
    "a real id that was not shown": sound(sources=["id 3"]),
    "no source": sound(sources=[]),
    "a source that is none": sound(sources=[3]),
    "sources that are none": sound(sources="e3"),
    "a value that is none": sound(value={"GARBAGE": 1}),
    "a long value": sound(value="Oslo " * 50),
    "an odd attribute": sound(attribute="居住地"),
    "an answer cut off": {"choices": [{"message": {"content": sound()}, "finish_reason": "length"}]},
    "a refusal": {"choices": [{"message": {"content": None, "refusal": "GARBAGE"}, "finish_reason": "stop"}]},
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_of_a_bad_answer_nothing_is_stored_and_the_rules_take_over(kind: str) -> None:
    # Given a model that answers like this, however often it is asked
    model = Model([GARBAGE[kind]])
    house, plain = House(model), House()
    house.hear()
    plain.hear()
    before = house.segment().summary
    house.promotion.run(ALICE)
    plain.promotion.run(ALICE)
    # Then it was asked again, twice
    assert len(model.calls) == TRIES
    assert house.counters.counts == {("analysis", "refused"): TRIES, ("analysis", "by_rules"): 1}
    # And what is known is what the rules make of it; nothing of the answer is anywhere
    assert house.facts() == plain.facts() != []
    assert (house.segment().summary, house.segment().written, house.segment().analysed) == (before, False, 3)
    assert "GARBAGE" not in house.texts()


def test_a_good_answer_after_bad_ones_counts() -> None:
    model = Model(["no", UpstreamError("The vendor failed: GARBAGE."), sound()])
    house = House(model)
    house.hear()
    assert house.promotion.run(ALICE) == 1
    assert house.segment().written
    assert house.counters.counts == {
        ("analysis", "refused"): 1, ("analysis", "failed"): 1, ("analysis", "accepted"): 1
    }  # fmt: skip
    assert "GARBAGE" not in house.texts()


@pytest.mark.parametrize("model", ["openai/none", "nonsense", "offline", "claude/x"])
def test_a_model_that_does_not_exist_leaves_it_to_the_rules(model: str) -> None:
    counters = FakeCounters()
    analyst = Analyst(dict, lambda: model, counters)
    found = analyst.read(EVENTS, "")
    assert [fact.value for fact in found.facts if fact.attribute == "allergy"] == ["花生"]
    assert found.summary is None
    assert counters.counts == {("analysis", "failed"): 1, ("analysis", "by_rules"): 1}


def test_what_its_sources_do_not_say_is_left_out() -> None:
    rows = [
        {"subject": "user", "attribute": "employer", "value": "Initech", "sources": ["e1"]},
        {"subject": "user", "attribute": "allergy", "value": "花生", "sources": ["e2"]},
        {"subject": "user", "attribute": "pet", "value": "the dog Rex", "sources": ["e1", "e2"]},
        {"subject": "user", "attribute": "password", "value": "Rex", "sources": ["e1"]},
    ]
    body = {"summary": "Rex", "facts": rows}
    found = parse(f"```json\n{json.dumps(body)}\n```", EVENTS)
    assert [(fact.attribute, fact.value) for fact in found.facts] == [("allergy", "花生"), ("pet", "the dog Rex")]
    assert found.facts[0].text == "用户对花生过敏。"
    assert found.facts[1].sources == ("id 1", "id 2")
    assert all(fact.kind is Kind.TRAIT and fact.id for fact in found.facts)


def test_what_only_the_assistant_said_is_no_fact_about_the_user() -> None:
    events: list[Event] = [*EVENTS, make_event(ALICE, "a", "You live in Paris", role="assistant")]
    row = {"subject": "user", "attribute": "residence", "value": "Paris", "sources": ["e4"]}
    assert parse(json.dumps({"summary": "Paris", "facts": [row]}), events).facts == ()
    # And of both, the user's message is the source
    row = {"subject": "sister", "attribute": "residence", "value": "Oslo", "sources": ["e4", "e3"]}
    (fact,) = parse(json.dumps({"summary": "Oslo", "facts": [row]}), events).facts
    assert fact.sources == ("id 3",)


def test_an_attribute_that_nobody_knows_ends_no_other_fact() -> None:
    row = {"subject": "user", "attribute": "mood", "value": "Rex", "sources": ["e1"]}
    (fact,) = parse(json.dumps({"summary": "Rex", "facts": [row]}), EVENTS).facts
    assert fact.many
    row["attribute"] = "residence"
    (fact,) = parse(json.dumps({"summary": "Rex", "facts": [row]}), EVENTS).facts
    assert not fact.many


def test_an_error_quotes_nothing() -> None:
    for answer in GARBAGE.values():
        if isinstance(answer, str):
            with pytest.raises(BadAnswer) as refused:
                parse(answer, EVENTS)
            assert "GARBAGE" not in str(refused.value)


def test_long_messages_are_shown_in_part() -> None:
    (_, user) = messages([make_event(ALICE, "x", "长" * 10_000)], summary="earlier words")
    assert len(user["content"]) < 3_000
    assert json.loads(user["content"].splitlines()[0]) == {"earlier": "earlier words"}


def test_a_model_reads_a_bounded_part_in_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion, "READ_PAGES", 2)
    first = sound("my dog Rex and 花生 allergy", sources=["e1"], value="Rex")
    model = Model([first, sound("my sister Anna", sources=["e1"])])
    house = House(model)
    house.hear()
    house.promotion.run(ALICE)
    assert (house.segment().analysed, len(model.calls)) == (2, 1)
    # The next run reads the rest, and is told what is known of the topic
    house.promotion.run(ALICE)
    assert house.segment().analysed == 3
    assert "my dog Rex" in model.calls[1].body["messages"][1]["content"].splitlines()[0]


def test_the_lock_is_not_held_while_a_model_thinks() -> None:
    house: House
    taken: list[int] = []

    def meanwhile() -> None:
        # Another run gives the segment away in the meantime
        taken.append(house.locks.taken)
        house.segments.mark(ALICE, [replace(house.segment(), into=ALICE.derive("segment", "other"))], fence=1)

    model = Model([sound()])
    house = House(model)
    model.meanwhile = meanwhile
    house.hear()
    before = house.locks.taken
    assert house.promotion.run(ALICE) == 0
    # Then what was read is not stored, since it is not this segment's turn any more
    assert (taken, house.locks.taken) == ([before + 1], before + 2)
    assert (house.facts(), house.segment().analysed) == ([], 0)


def test_a_lock_that_is_held_afterwards_makes_the_run_come_again() -> None:
    model = Model([sound()])
    house = House(model)
    model.meanwhile = lambda: setattr(house.locks, "held", None)
    house.hear()
    with pytest.raises(Busy):
        house.promotion.run(ALICE)
    assert house.facts() == []
