"""An analyst in the cloud, which must not be shown what stays in house."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_vectors import FakeVectors
from fakes import FakeCounters, FakeLocks, ScriptedProvider, WordEmbedder, completion, make_event
from plain_codec import PlainCodec

from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Page, Segment
from memoryos_tasks.core.sensitivity import Sensitivity
from memoryos_tasks.services.analysis import Analyst
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.promotion import Promotion
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

ALICE = Owner("acme", "alice")
GUARD = Sensitivity()
ANSWER = {"summary": "Green tea and the favourite colour green", "facts": []}


def analyst(guard: Sensitivity | None, counters: FakeCounters | None = None) -> tuple[Analyst, ScriptedProvider]:
    said: dict[str, Any] = completion(json.dumps(ANSWER))
    model = ScriptedProvider(answer=said)
    made = Analyst(lambda: {"openai": model}, lambda: "openai/m", counters or FakeCounters(), lambda name: guard)
    return made, model


HARMLESS = [make_event(ALICE, "e1", "My favourite colour is green, and I like green tea")]
SECRETS = ["I was diagnosed with asthma", "我的密码是 hunter2"]


@pytest.mark.parametrize("secret", SECRETS)
def test_the_rules_read_what_the_cloud_must_not(secret: str) -> None:
    counters = FakeCounters()
    reader, model = analyst(GUARD, counters)
    # Given a sensitive message among others, and the reply to it
    events = [*HARMLESS, make_event(ALICE, "e2", secret), make_event(ALICE, "e3", "Take care", role="assistant")]
    # When they are read, the model sees none of them
    found = reader.read(events, "")
    assert model.calls == []
    assert found.summary is None
    assert any(fact.value == "green" for fact in found.facts)
    assert counters.counts["analysis", "kept_in_house"] == 1
    # And one in house sees all
    reader, model = analyst(None)
    reader.read(events, "")
    assert len(model.calls) >= 1


def test_what_is_harmless_is_read_by_the_model() -> None:
    reader, model = analyst(GUARD)
    assert reader.read(HARMLESS, "").summary == ANSWER["summary"]
    assert len(model.calls) == 1


@pytest.mark.parametrize("summary", [(SECRETS[0], []), ("About breathing", [SECRETS[0]])])
def test_an_earlier_summary_counts_with_what_it_was_made_of(summary: tuple[str, list[str]]) -> None:
    reader, model = analyst(GUARD)
    reader.read(HARMLESS, *summary)
    assert model.calls == []


@pytest.mark.parametrize(("earlier", "asked"), [(SECRETS[0], 0), ("Tea is fine", 1)])
def test_a_topic_whose_earlier_pages_are_sensitive_is_read_by_the_rules(earlier: str, asked: int) -> None:
    # Given a topic with an analysed page and a new, harmless one
    vectors, embedder = FakeVectors(), WordEmbedder()
    recall = Recall(vectors, embedder, PlainCodec())
    segments = Segments(vectors, recall, PlainCodec())
    recall.index(HARMLESS, {})
    vector, id = embedder.embed(["tea"])[0], ALICE.derive("segment", "1")
    old = Page(ALICE.derive("page", "0"), ("e0",), earlier, 1.0, "s", id)
    new = Page(ALICE.derive("page", "1"), ("e1",), HARMLESS[0].content, 2.0, "s", id)
    segments.save_pages(ALICE, [(old, vector), (new, vector)], fence=1)
    topic = Segment(id, "Of breath", ("tea",), (*vector,), (old.id, new.id), 1, 9, 9.0, 1.0, 1.0)
    segments.save(ALICE, [topic], fence=1)
    # When it is promoted
    reader, model = analyst(GUARD)
    beliefs = Beliefs(vectors, recall, PlainCodec())
    Promotion(segments, beliefs, recall, FakeLocks(), lambda: 2.0, reader).learn(ALICE, [topic])
    # Then the model is asked only if nothing in the topic is sensitive, and the page is analysed all the same
    assert len(model.calls) == asked
    assert segments.get(ALICE, [id])[0].analysed == 2
