"""Memory without an index: what is left of it, and that nothing is lost."""

from __future__ import annotations

import pytest
from fakes import FakeJournal, FakeLocks, FakeRuns, FakeStm
from plain_codec import PlainCodec
from vector_contract import ALICE, OTHER, asking, pid, point

from memoryos_tasks.adapters.config.toml import read
from memoryos_tasks.adapters.embedding.static import StaticEmbedder
from memoryos_tasks.adapters.vectors.none import NoStore
from memoryos_tasks.core.errors import ConfigError, VectorsDown
from memoryos_tasks.core.events import Event
from memoryos_tasks.ports.vectors import Where
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.consolidation import Consolidation
from memoryos_tasks.services.context import Contexts
from memoryos_tasks.services.history import History
from memoryos_tasks.services.ingest import Ingest
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.retrieval import Retrieval
from memoryos_tasks.services.segments import Segments

NOW = 1_700_000_000.0


def test_writes_are_taken_and_reads_are_empty() -> None:
    store = NoStore()
    store.upsert(ALICE, [point(1, 5, dense=[1, 0, 0, 0])], fence=3)
    store.patch(ALICE, [pid(1)], {"place": "page"})
    store.patch_many(ALICE, [([pid(1)], {"place": "page"})])
    store.revector(ALICE, {pid(1): point(1, 6).sparse})
    store.delete(ALICE, [pid(1)])
    store.fill(ALICE, OTHER, {pid(1): [1, 0, 0]})
    assert store.get(ALICE, [pid(1)]) == []
    assert store.scroll(Where(ALICE)) == ([], None)
    assert store.in_order(Where(ALICE)) == []
    assert store.count(Where(ALICE)) == store.lacks(OTHER) == 0
    assert store.lacking(OTHER, limit=5) == ([], None)
    assert store.search([]) == []


def test_a_search_says_that_there_is_no_index() -> None:
    with pytest.raises(VectorsDown, match=r"vectors\.engine"):
        NoStore().search([asking(ALICE, 5)])


def test_memory_without_an_index_is_short_term_memory_and_keeps_everything() -> None:
    # Given services without an index, and more events than short-term memory likes to hold
    store, stm, journal, locks, codec = NoStore(), FakeStm(), FakeJournal(), FakeLocks(), PlainCodec()
    journal.stm = stm
    embedder = StaticEmbedder()
    recall = Recall(store, embedder, codec)
    beliefs = Beliefs(store, recall, codec)
    ingest = Ingest(journal, stm, recall, beliefs, locks, FakeRuns(), 4, lambda owner, session: None)
    said = ["I moved to Berlin.", "我的猫叫咪咪。", "I am allergic to peanuts.", "What a loud concert!", "Bye.", "再见"]
    events = [Event(ALICE, f"e{at}", "user", text, NOW + at) for at, text in enumerate(said)]
    journal.append(ALICE, events)
    # When they are applied and the session is to be consolidated
    assert ingest.drain().applied == 6
    consolidation = Consolidation(stm, Segments(store, recall, codec), embedder, locks, lambda: NOW)
    assert consolidation.run(ALICE, "default", keep=2) == 0
    # Then nothing waits, all are there, and questions are answered from short-term memory
    assert journal.pending(ALICE) == 0
    assert stm.size(ALICE, "default") == 6
    contexts = Contexts(stm, recall, beliefs, lambda: NOW, 20, settle=ingest.settle)
    retrieval = Retrieval(
        recall, beliefs, contexts, lambda: NOW, settle=ingest.settle, visited=lambda owner, items: None
    )
    for question, answer in (("Am I allergic to peanuts?", "e2"), ("我的猫叫什么？", "e1")):
        told = retrieval.retrieve(ALICE, {"query": question, "limit": 2})
        assert told["missing"] == ["vectors"]
        assert told["results"][0]["sources"] == [answer]
    listed = History(stm, store, recall, settle=ingest.settle).events(ALICE, {})
    assert [(row["event_id"], row["place"]) for row in listed["events"]] == [(f"e{at}", "stm") for at in range(6)]


def test_a_server_beside_no_engine_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"vectors\.engine"):
        read({"MEMORYOS__VECTORS__ENGINE": "none", "QDRANT_URL": "http://127.0.0.1:6333"})
