"""What is found of facts that changed, and of facts that stay, with the embedded store and the default embedder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from changing_facts import START, Dialogue, dialogues
from plain_codec import PlainCodec

from memoryos_tasks.adapters.embedding.static import StaticEmbedder
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.core.events import Event, Owner, Role
from memoryos_tasks.core.extraction import extract
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.retrieval import result


class Memory:
    """Takes a dialogue message by message, as ingest does, and answers."""

    def __init__(self, store: EdgeStore) -> None:
        codec = PlainCodec()
        self._recall = Recall(store, StaticEmbedder(), codec)
        self._beliefs = Beliefs(store, self._recall, codec)

    def hear(self, owner: Owner, dialogue: Dialogue) -> None:
        events: list[Event] = []
        for place, (said_by, text) in enumerate(dialogue.messages):
            role: Role = "user" if said_by == "user" else "assistant"
            event = Event(owner, dialogue.event_id(place), role, text, dialogue.time(place), seq=place + 1)
            self._recall.index([event], {"default": events[-4:]})
            self._beliefs.learn(owner, extract(event, events[-4:]), fence=place + 1)
            events.append(event)

    def ask(self, owner: Owner, question: str, as_of: float | None = None) -> list[dict[str, object]]:
        now = START + 30 * 86_400 if as_of is None else as_of
        asked = self._beliefs.asked(owner, question, as_of=as_of)
        found = self._recall.search(owner, question, limit=10, now=now, as_of=as_of, asked=asked)
        return [result(item, explain=False) for item in found]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    store = EdgeStore(tmp_path / "vectors", StaticEmbedder.dimensions)
    yield Memory(store)
    store.close()


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("changing_facts.txt", 0.95),
        ("changing_facts_unseen.txt", 0.9),
        ("changing_facts_more.txt", 0.9),
        ("changing_facts_again.txt", 0.9),
        ("changing_facts_last.txt", 0.85),
        ("changing_facts_rare.txt", 0.7),
        ("changing_facts_own_words.txt", 0.72),
    ],
)
def test_the_current_fact_is_found_first_and_the_old_one_is_not(memory: Memory, name: str, share: float) -> None:
    told = dialogues(name)
    wrong: list[str] = []
    lost: list[str] = []
    for number, dialogue in enumerate(told):
        # Given a dialogue in which a fact changes
        owner = Owner("acme", f"user{number}")
        memory.hear(owner, dialogue)
        # When the fact is asked for, now and as of the time before the change
        now = dialogue.current_first(memory.ask(owner, dialogue.question))
        then = dialogue.former_found(memory.ask(owner, dialogue.question, dialogue.time(dialogue.new) - 60))
        wrong += [f"{dialogue.question} {now}"] if now else []
        lost += [f"{dialogue.question} {then}"] if then else []
    # Then nearly always the current one is first, and the old one is there only for the past
    assert len(wrong) <= len(told) * (1 - share), wrong
    assert len(lost) <= len(told) * (1 - share), lost


def test_a_fact_stays_whatever_else_is_told_of_changes(memory: Memory) -> None:
    told = dialogues("lasting_facts.txt")
    lost: list[str] = []
    for number, dialogue in enumerate(told):
        # Given a fact, and later messages of other people, things and times
        owner = Owner("acme", f"user{number}")
        memory.hear(owner, dialogue)
        # When it is asked for
        found = dialogue.kept(memory.ask(owner, dialogue.question))
        lost += [f"{dialogue.question} {found}"] if found else []
    # Then it is there
    assert len(told) >= 300
    assert len(lost) <= len(told) * 0.015, lost
