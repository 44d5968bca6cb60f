"""How hot the topic of a question is."""

from __future__ import annotations

import pytest
from fake_vectors import FakeVectors
from fakes import WordEmbedder
from plain_codec import PlainCodec

from memoryos_tasks.core import heat
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import FORGOTTEN, IN_STM, Kind, Page, Recalled, Segment, Tier
from memoryos_tasks.services.context import Context
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments
from memoryos_tasks.services.topics import Topics

ALICE = Owner("acme", "alice")
NOW = 1_700_000_000.0
PAGE, SEGMENT = ALICE.derive("page", "1"), ALICE.derive("segment", "1")


def topics(warmth: float, words: tuple[str, ...]) -> Topics:
    """Over one segment of that warmth, visited long ago, with the page "p1"."""
    vectors = FakeVectors()
    segments = Segments(vectors, Recall(vectors, WordEmbedder(), PlainCodec()), PlainCodec())
    vector = WordEmbedder().embed(["tea"])[0]
    segments.save_pages(ALICE, [(Page(PAGE, ("e1",), "tea", NOW, "s", SEGMENT), vector)], fence=1)
    cold = NOW - 100 * heat.TAU
    topic = Segment(SEGMENT, "tea", words, (*vector,), (PAGE,), 0, 0, 0.0, cold, cold, warmth, NOW)
    segments.save(ALICE, [topic], fence=1)
    return Topics(segments, lambda: NOW)


def found(kind: Kind, id: str, place: str) -> Context:
    return Context((), [Recalled(id, kind, Tier.MID, "tea", 1.0, ("e1",), NOW, place=place)])


BY_TURN = found(Kind.TURN, "t1", PAGE)


@pytest.mark.parametrize(("context", "question", "words"), [
    (BY_TURN, "Which green tea?", ("tea", "kettle")),
    (found(Kind.PAGE, PAGE, SEGMENT), "Which green tea?", ("tea",)),
    (found(Kind.SEGMENT, SEGMENT, ""), "哪种绿茶好喝？", ("绿茶",)),
])
def test_a_topic_at_the_heat_of_promotion_scores_just_the_threshold(
    context: Context, question: str, words: tuple[str, ...]
) -> None:
    assert topics(heat.THRESHOLD, words).score(ALICE, question, context) == pytest.approx(0.85)
    assert topics(heat.THRESHOLD + 1, words).score(ALICE, question, context) > 0.85
    assert topics(heat.THRESHOLD - 1, words).score(ALICE, question, context) < 0.85
    assert 0.99 < topics(100, words).score(ALICE, question, context) <= 1.0


@pytest.mark.parametrize(("context", "question"), [
    (Context(), "Which green tea?"),
    (found(Kind.TURN, "t1", IN_STM), "Which green tea?"),
    (found(Kind.TURN, "t1", FORGOTTEN), "Which green tea?"),
    # Something is always found; it has to be about the same
    (BY_TURN, "What is the weather like?"),
    (found(Kind.KNOWLEDGE, "f1", ""), "Which green tea?"),
])
def test_what_has_no_topic_is_cold(context: Context, question: str) -> None:
    assert topics(100, ("tea",)).score(ALICE, question, context) == 0.0
