"""Pages out of events, segments out of pages."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from memoryos_tasks.core.events import Event, Owner, Role
from memoryos_tasks.core.items import Page
from memoryos_tasks.core.segmentation import (
    MAX_KEYWORDS,
    MAX_SUMMARY,
    affinity,
    best_segment,
    found,
    join,
    pages,
    summarise,
    threshold,
)

OWNER = Owner("default", "alice")


def event(seq: int, role: Role, content: str = "", session: str = "s") -> Event:
    return Event(OWNER, f"e{seq}", role, content or f"text {seq}", float(seq), session=session, seq=seq)


def page(name: str, text: str = "user: I like hiking in the Alps.") -> Page:
    return Page(name, (name,), text, 0.0, "s")


def test_a_user_message_and_its_reply_are_one_page() -> None:
    # Given a conversation in journal order, handed over in another
    events = [
        event(2, "assistant", "hi"),
        event(1, "user", "hello"),
        event(3, "user"),
        event(4, "user"),
        event(5, "assistant"),
    ]
    # When it is cut into pages
    made = pages(events)
    # Then each exchange is a page, and the unanswered message one alone
    assert [p.event_ids for p in made] == [("e1", "e2"), ("e3",), ("e4", "e5")]
    assert made[0].text == "user: hello\nassistant: hi"
    assert made[0].id == OWNER.derive("page", "e1")


def test_tool_messages_belong_to_the_exchange_and_sessions_do_not_mix() -> None:
    events = [
        event(1, "user"), event(2, "user", session="t"), event(3, "tool"), event(4, "assistant", session="t"),
        event(5, "assistant"), event(6, "assistant"), event(7, "system"),
    ]  # fmt: skip
    assert [p.event_ids for p in pages(events)] == [("e1", "e3", "e5"), ("e2", "e4"), ("e6",), ("e7",)]


def test_names_stand_for_roles_in_the_text() -> None:
    assert pages([replace(event(1, "user", "hi"), name="Ann")])[0].text == "Ann: hi"


def test_a_page_joins_the_best_segment_above_the_threshold() -> None:
    alps = found(OWNER, page("p1"), (1.0, 0.0), ("hiking", "alps"), 0.0)
    code = found(OWNER, page("p2"), (0.0, 1.0), ("python",), 0.0)
    assert best_segment((0.9, 0.1), ("hiking",), [code, alps], 0.6) is alps
    assert best_segment((-1.0, 0.0), ("opera",), [code, alps], 0.6) is None
    assert best_segment((1.0, 0.0), (), [], 0.6) is None


def test_affinity_is_cosine_plus_jaccard() -> None:
    segment = found(OWNER, page("p1"), (2.0, 0.0), ("a", "b"), 0.0)
    assert affinity((1.0, 1.0), ("b", "c"), segment) == pytest.approx(math.sqrt(0.5) + 1 / 3)
    assert affinity((), ("a", "b"), segment) == 1.0


def test_joining_updates_vector_keywords_summary_and_heat() -> None:
    segment = found(OWNER, page("p1"), (1.0, 0.0), ("hiking", "alps"), 0.0)
    joined = join(segment, page("p2", "user: 我喜欢爬山。"), (0.0, 1.0), ("alps", "爬山"), 0.0)
    assert joined.page_ids == ("p1", "p2")
    assert joined.vector == pytest.approx((math.sqrt(0.5), math.sqrt(0.5)))
    assert joined.keywords == ("alps", "爬山", "hiking")
    assert "爬山" in joined.summary
    assert "hiking" in joined.summary
    assert joined.heat > segment.heat


def test_joining_twice_changes_nothing() -> None:
    segment = found(OWNER, page("p1"), (1.0, 0.0), ("hiking",), 0.0)
    joined = join(segment, page("p2"), (0.0, 1.0), ("alps",), 0.0)
    assert join(joined, page("p2"), (0.5, 0.5), ("other",), 9.0) is joined
    assert join(joined, page("p1"), (0.5, 0.5), ("other",), 9.0) is joined


def test_a_segment_stays_bounded() -> None:
    segment = found(OWNER, page("p0"), (1.0,), ("k",), 0.0)
    for number in range(60):
        text = f"user: This is sentence {number} about topic {number}."
        segment = join(segment, page(f"p{number + 1}", text), (1.0,), ("k", f"word{number}"), 0.0)
    assert len(segment.keywords) <= MAX_KEYWORDS
    assert segment.keywords[0] == "k"
    assert 0 < len(segment.summary) <= MAX_SUMMARY


def test_a_summary_keeps_the_sentences_with_most_keywords_in_order() -> None:
    sentences = ["alps " * 30, "nothing " * 30, "hiking alps " * 15]
    assert summarise(sentences, ["alps", "hiking"]).splitlines() == [sentences[0], sentences[2]]


def test_every_embedder_has_a_threshold() -> None:
    assert threshold("static") == threshold("static:wordllama-256") == 0.6
    assert threshold("openai:text-embedding-3-small") == threshold("fastembed:sentence-transformers/all-MiniLM-L6-v2")
    # Models that give any two texts a high cosine, and those that nobody has calibrated, join more rarely
    assert threshold("openai:intfloat/multilingual-e5-large") > threshold("openai:bge-m3") > threshold("static")
    assert threshold("some-new-model") > threshold("static")
