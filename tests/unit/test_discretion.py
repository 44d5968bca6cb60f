"""What of memory a model in the cloud may be shown."""

from __future__ import annotations

from collections.abc import Sequence

from fake_vectors import FakeVectors
from fakes import WordEmbedder, make_event
from plain_codec import PlainCodec

from memoryos_tasks.core.errors import VectorsDown
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Fact, Kind, Page, Recalled, Segment, Tier
from memoryos_tasks.core.sensitivity import Sensitivity
from memoryos_tasks.services.context import Context
from memoryos_tasks.services.discretion import Discretion
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

ALICE = Owner("acme", "alice")
SECRET = make_event(ALICE, "e1", "I was diagnosed with asthma in May", seq=1)
PLAIN = make_event(ALICE, "e2", "I like green tea", seq=2)


class Memory:
    """Two indexed events, one of them sensitive."""

    def __init__(self) -> None:
        self.vectors = FakeVectors()
        self.recall = Recall(self.vectors, WordEmbedder(), PlainCodec())
        self.segments = Segments(self.vectors, self.recall, PlainCodec())
        self.recall.index([SECRET, PLAIN], {})
        self.reads = 0
        self.discretion = Discretion(self.recall, self.segments)
        events = self.recall.events

        def counted(owner: Owner, ids: Sequence[str]) -> list[Event]:
            self.reads += 1
            return events(owner, ids)

        self.recall.events = counted  # type: ignore[method-assign]

    def outward(self, context: Context) -> Context:
        return self.discretion.outward(ALICE, context, GUARD)


GUARD = Sensitivity()


def turn(event: Event) -> Recalled:
    return Recalled(event.turn_id, Kind.TURN, Tier.MID, event.content, 1.0, (event.event_id,), event.timestamp)


def fact(text: str, *sources: str) -> Fact:
    return Fact(Kind.TRAIT, "user", "a", text, text, sources, 1.0, id=f"fact {text}")


def test_sensitive_turns_and_recent_words_are_left_out() -> None:
    seen = Memory().outward(Context((), [turn(SECRET), turn(PLAIN)], [turn(PLAIN), turn(SECRET)], ("truth",)))
    assert [item.content for item in seen.recalled] == [PLAIN.content]
    assert [item.content for item in seen.recent] == [PLAIN.content]
    assert seen.missing == ("truth",)


def test_a_fact_is_as_sensitive_as_what_it_was_made_of() -> None:
    # Given facts of which one names nothing that is sensitive, though its source does
    facts = [fact("Alice has asthma", "e1"), fact("Alice likes green tea", "e2"), fact("My password is x", "e2"),
             fact("Alice coughs at tea time", "e2", "e1"), fact("Told by nobody")]
    memory = Memory()
    seen = memory.outward(Context(facts))
    assert [one.text for one in seen.facts] == ["Alice likes green tea", "Told by nobody"]
    # And the sources are read once
    memory.outward(Context(facts))
    memory.outward(Context(facts[:2]))
    assert memory.reads == 1


def test_the_same_holds_for_facts_that_a_search_found() -> None:
    found = [Recalled("f1", Kind.KNOWLEDGE, Tier.LONG, "Alice has asthma", 1.0, ("e1",), 1.0),
             Recalled("f2", Kind.KNOWLEDGE, Tier.LONG, "Alice likes green tea", 1.0, ("e2",), 1.0)]
    assert [item.id for item in Memory().outward(Context((), found)).recalled] == ["f2"]


def test_a_topic_is_as_sensitive_as_its_pages() -> None:
    memory = Memory()
    vector = WordEmbedder().embed(["tea"])[0]
    ids = [ALICE.derive("segment", event.event_id) for event in (SECRET, PLAIN)]
    for id, event in zip(ids, (SECRET, PLAIN), strict=True):
        page = Page(ALICE.derive("page", event.event_id), (event.event_id,), event.content, 1.0, "s", id)
        memory.segments.save_pages(ALICE, [(page, vector)], fence=1)
        topic = Segment(id, "About breathing", (), (*vector,), (page.id,), 0, 1, 1.0, 1.0, 1.0)
        memory.segments.save(ALICE, [topic], fence=1)
    found = [Recalled(id, Kind.SEGMENT, Tier.MID, "About breathing", 1.0, (), 1.0) for id in ids]
    assert [item.id for item in memory.outward(Context((), found)).recalled] == ids[1:]


def test_what_cannot_be_judged_stays_in_house() -> None:
    memory = Memory()

    def away(owner: Owner, ids: Sequence[str]) -> list[Event]:
        raise VectorsDown

    memory.recall.events = away  # type: ignore[method-assign]
    seen = memory.outward(Context([fact("Alice likes green tea", "e2")], [turn(PLAIN)]))
    assert (list(seen.facts), [item.content for item in seen.recalled]) == ([], [PLAIN.content])


def test_turns_alone_cost_no_read() -> None:
    memory = Memory()
    memory.outward(Context((), [turn(PLAIN)], [turn(PLAIN)]))
    assert memory.reads == 0
