"""A real provider whose server answers nonsense while hot segments are promoted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from fake_vectors import FakeVectors
from fakes import FakeCounters, FakeLocks, FakeStm, WordEmbedder, make_event
from plain_codec import PlainCodec
from upstream import Exchange, Upstream
from upstream_scripts import SCRIPTS, page, status

from memoryos_tasks.adapters.llm.registry import providers
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.settings import Llm
from memoryos_tasks.services.analysis import TRIES, Analyst
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.consolidation import Consolidation
from memoryos_tasks.services.promotion import Promotion
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

ALICE = Owner("acme", "alice")
SAID = "I am allergic to peanuts. 我对花生过敏。"
MARK = "GARBAGE"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


def saying(text: str, finish: str = "stop") -> Callable[[Exchange], None]:
    return lambda exchange: exchange.answer(200, exchange.completion({"content": text}, finish))


GOOD = json.dumps({"summary": "花生 peanuts", "facts": [
    {"subject": "user", "attribute": "avoids", "value": "peanuts", "sources": ["e1"]},
]}, ensure_ascii=False)  # fmt: skip
WAYS: dict[str, Callable[[Exchange], None]] = {
    "an error": status(500, {"message": f"the engine failed: {MARK}"}),
    "an error that says it is fine": status(200, {"message": MARK}),
    "overload": status(429, {"message": MARK}, {"Retry-After": "7"}),
    "a refusal of the request": status(400, {"message": MARK}),
    "a refusal of the prompt": status(400, {"message": MARK, "code": "content_filter"}),
    "a refusal of our key": status(401, {"message": MARK}),
    "a page": page(200, f"<html>{MARK}</html>".encode()),
    "invalid JSON around": page(200, b'{"object": "chat.completion", "choices": [GARBAGE', "application/json"),
    "invalid JSON inside": saying('{"summary": "GARBAGE peanuts", "facts": ['),
    "an error text": saying(f"Error: {MARK}"),
    "an excuse": saying(json.dumps({"summary": f"I cannot help with {MARK}", "facts": []})),
    "an invented source": saying(GOOD.replace("e1", "e7").replace("peanuts", f"peanuts {MARK}")),
    "half an answer": saying(GOOD, "length"),
    "nothing": saying(""),
    "a hang-up": lambda exchange: exchange.drop(),
}
FINAL = ("a refusal of the request", "a refusal of the prompt", "a refusal of our key")


@pytest.mark.parametrize("way", [*WAYS, "good"])
def test_of_nonsense_nothing_is_stored_and_the_rules_take_over(
    upstream: Upstream, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a hot segment, and a model whose server behaves like this
    monkeypatch.setitem(SCRIPTS, "analyst", WAYS.get(way, saying(GOOD)))
    vectors, stm, locks, codec, embedder = FakeVectors(), FakeStm(), FakeLocks(), PlainCodec(), WordEmbedder()
    recall = Recall(vectors, embedder, codec)
    segments, beliefs = Segments(vectors, recall, codec), Beliefs(vectors, recall, codec)
    found = providers(replace(Llm(), openai_base_url=upstream.url), timeouts=Timeouts(2.0, 5.0, 5.0))
    counters = FakeCounters()
    analyst = Analyst(lambda: found, lambda: "openai/analyst", counters)
    promotion = Promotion(segments, beliefs, recall, locks, lambda: 1.0, analyst)
    events = [make_event(ALICE, "u1", SAID, seq=1)]
    stm.held[ALICE, "s"] = events
    recall.index(events, {})
    Consolidation(stm, segments, embedder, locks, lambda: 1.0).run(ALICE, "s", keep=0)
    segments.save(ALICE, [replace(one, warmth=9.0) for one in segments.all(ALICE)], fence=1)
    told = [one.summary for one in segments.all(ALICE)]
    # When it is promoted
    promotion.run(ALICE)
    # Then what is known comes from the rules, or from a sound answer, and the pages are done in any case
    facts = {(fact.attribute, fact.value) for fact in beliefs.believed(ALICE)}
    assert all(one.analysed == len(one.page_ids) for one in segments.all(ALICE))
    if way == "good":
        assert facts == {("avoids", "peanuts")}
        assert [one.summary for one in segments.all(ALICE)] == ["花生 peanuts"]
        assert counters.counts == {("analysis", "accepted"): 1}
    else:
        assert {attribute for attribute, _ in facts} == {"allergy"}
        assert [one.summary for one in segments.all(ALICE)] == told
        # And what was refused for good, such as a prompt that the vendor's filter blocked, was asked once
        assert len(upstream.seen) == (1 if way in FINAL else TRIES) * len(told)
        assert counters.counts["analysis", "by_rules"] == len(told)
    assert MARK not in str([point for _, point in vectors.points.values()])
