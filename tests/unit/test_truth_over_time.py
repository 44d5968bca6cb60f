"""Facts that change: versions of a slot, what is undone, removed or rated, and turns whose words no longer hold."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from fake_vectors import FakeVectors
from fakes import WordEmbedder, make_event
from plain_codec import PlainCodec

from memoryos_tasks.core.errors import NotFound
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.extraction import extract
from memoryos_tasks.core.items import Fact, Recalled
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.recall import Recall

ALICE, STRANGER = Owner("acme", "alice"), Owner("other", "alice")
NOW = 1_700_000_000.0


class Memory:
    """A user who tells things, one a minute, and asks."""

    def __init__(self) -> None:
        self.vectors = FakeVectors()
        codec = PlainCodec()
        self.recall = Recall(self.vectors, WordEmbedder(), codec)
        self.beliefs = Beliefs(self.vectors, self.recall, codec, lambda tenant: tenant.encode())
        self.events: list[Event] = []

    def tell(
        self, text: str, role: str = "user", owner: Owner = ALICE, at: float | None = None, name: str | None = None
    ) -> str:
        number = len(self.events) + 1
        time = NOW + 60 * number if at is None else at
        event = make_event(owner, f"e{number}", text, role=role, timestamp=time, seq=number, name=name)
        self.recall.index([event], {"default": self.events[-4:]})
        self.beliefs.learn(owner, extract(event, self.events[-4:]), fence=number)
        self.events.append(event)
        return event.event_id

    def ask(self, question: str, as_of: float | None = None, now: float = NOW + 10_000) -> list[Recalled]:
        asked = self.beliefs.asked(ALICE, question, as_of=as_of, now=now)
        return self.recall.search(ALICE, question, limit=10, now=now, as_of=as_of, asked=asked)

    def fact(self, value: str) -> Fact:
        return next(fact for fact in self.beliefs.all(ALICE) if fact.value == value)


@pytest.fixture
def memory() -> Memory:
    return Memory()


def contents(found: list[Recalled]) -> list[str]:
    return [item.content for item in found]


@pytest.mark.parametrize(
    ("old", "new", "question", "now"),
    [
        ("I live in Oslo.", "I moved to Rome.", "Where do I live?", "The user lives in Rome."),
        ("我住在北京。", "我搬到上海了。", "我住在哪里？", "用户住在上海。"),
        ("I work at Acme.", "I no longer work at Acme.", "Where do I work?", "The user no longer works at Acme."),
        ("我养了一只猫。", "我不再养猫了。", "我养了什么宠物？", "用户不再养一只猫。"),
    ],
)
def test_what_is_asked_for_comes_first_and_what_it_was_is_left_out(
    memory: Memory, old: str, new: str, question: str, now: str
) -> None:
    # Given a fact and its change
    memory.tell(old)
    memory.tell("Oslo is cold today, 北京很冷。")
    memory.tell(new)
    # When it is asked for, then the current fact is first, and neither the old fact nor its words are there
    found = memory.ask(question)
    if "不再" in now or "no longer" in now:
        assert found[0].sources[-1] == "e3"
    else:
        assert found[0].content == now
    assert old not in contents(found)
    # And before the change the old one is there, and the new one is not
    then = memory.ask(question, as_of=NOW + 90)
    assert old in contents(then)
    assert new not in contents(then)


@pytest.mark.parametrize(
    ("old", "new", "question", "first"),
    [
        ("My email is a@x.com.", "My email changed to b@y.com.", "What is my email?", "b@y.com"),
        ("My email is a@x.com.", "My email address changed to b@y.com.", "What is my email address?", "b@y.com"),
        ("我的手机号是13800138000。", "手机号换了，新的是13900139000。", "我的手机号是多少？", "13900139000"),
        ("我的邮箱是a@x.com。", "我换邮箱了，现在用b@y.com。", "我的邮箱是什么？", "b@y.com"),
        ("我叫李明。", "我改名叫李雷了。", "我叫什么名字？", "李雷"),
        ("I'm vegetarian.", "I eat meat again.", "Am I vegetarian?", "meat"),
        ("我吃素。", "我又开始吃肉了。", "我吃素吗？我的饮食习惯？", "肉"),
    ],
)
def test_what_is_said_to_have_changed_is_noticed(
    memory: Memory, old: str, new: str, question: str, first: str
) -> None:
    memory.tell(old)
    memory.tell(new)
    found = memory.ask(question)
    assert first in found[0].content
    assert old not in contents(found)


def test_who_eats_meat_again_keeps_other_diets(memory: Memory) -> None:
    memory.tell("I eat halal food.")
    memory.tell("I eat meat again.")
    memory.tell("I'm vegetarian.")
    memory.tell("I eat peanuts again.")
    assert "vegetarian" in [fact.value for fact in memory.beliefs.believed(ALICE) if fact.attribute == "diet"]


def date(day: str) -> float:
    return datetime.fromisoformat(day + "T12:00:00+00:00").timestamp()


HAMBURG, BERLIN = "The user lives in Hamburg.", "The user lives in Berlin."


@pytest.mark.parametrize(
    ("question", "first", "out"),
    [
        ("Where did I live before Berlin?", HAMBURG, ""),
        ("Where did I live before?", HAMBURG, ""),
        ("我以前住在哪里？", HAMBURG, ""),
        ("Where did I live before Hamburg?", "The user lives in Bonn.", ""),
        ("Where did I live in February 2024?", HAMBURG, BERLIN),
        ("我2024年2月住在哪里？", HAMBURG, BERLIN),
        ("Where did I live in June 2024?", BERLIN, "The user lives in Bonn."),
        ("Where did I live in July 2024?", BERLIN, HAMBURG),
        ("Where do I live?", BERLIN, HAMBURG),
        ("I moved in February 2024, where do I live now?", BERLIN, HAMBURG),
        ("Where did I live in May 2019?", BERLIN, HAMBURG),  # nothing is known of then
    ],
)
def test_who_asks_for_the_past_gets_what_held_then(memory: Memory, question: str, first: str, out: str) -> None:
    # Given three homes, one after the other
    for day, city in (("2023-05-02", "Bonn"), ("2024-01-10", "Hamburg"), ("2024-06-20", "Berlin")):
        memory.tell(f"I live in {city}.", at=date(day))
    # When a question names a time that is over, or asks for what was before
    found = memory.ask(question, now=date("2024-09-01"))
    # Then what held then comes first, and what did not is not there
    assert found[0].content == first
    assert out not in contents(found)
    if first == HAMBURG:
        assert "I live in Hamburg." in contents(found)
        assert found[0].ended == date("2024-06-20")


def test_nothing_is_known_of_before_the_first(memory: Memory) -> None:
    memory.tell("I live in Rome.", at=date("2024-01-10"))
    memory.tell("I live in Oslo.", at=date("2024-06-20"))
    # Given a question about what was before all that is known, what ended is not told as its answer
    assert contents(memory.ask("Where did I live before Rome?", now=date("2024-09-01")))[0] != "The user lives in Rome."
    # And "from Europe" does not name Rome
    assert contents(memory.ask("Where did I live before I came from Europe?", now=date("2024-09-01")))[0] == (
        "The user lives in Rome."
    )


def test_what_was_taken_back_was_never_so(memory: Memory) -> None:
    memory.tell("I live in Oslo.")
    memory.tell("I live in Rome.")
    memory.beliefs.undo(ALICE, memory.fact("Rome").id, fence=9)
    found = memory.ask("Where did I live before?")
    assert "The user lives in Rome." not in contents(found)


def test_a_turn_that_also_says_what_holds_is_kept(memory: Memory) -> None:
    memory.tell("I like tea and coffee.")
    memory.tell("I don't like coffee anymore.")
    assert "I like tea and coffee." in contents(memory.ask("What do I like?"))


def test_a_question_about_something_else_still_finds_the_turn(memory: Memory) -> None:
    memory.tell("I live in Oslo. The fjord froze in January and we skated to the island.")
    memory.tell("I moved to Rome.")
    assert any("fjord" in text for text in contents(memory.ask("Did the fjord freeze?")))


def test_a_reply_that_repeats_the_old_fact_is_left_out_too(memory: Memory) -> None:
    memory.tell("I live in Oslo.")
    memory.tell("Oslo is a fine place to live.", role="assistant")
    memory.tell("I moved to Rome.")
    assert not any("Oslo" in text for text in contents(memory.ask("Where do I live?")))


def test_what_names_no_slot_finds_it_by_the_value(memory: Memory) -> None:
    memory.tell("I use Vim as my editor.")
    memory.tell("I switched from Vim to Emacs.")
    memory.tell("I switched from tea to coffee.")  # nothing is known of tea
    assert [(fact.attribute, fact.value) for fact in memory.beliefs.believed(ALICE)] == [("editor", "Emacs")]


@pytest.mark.parametrize(
    "text",
    [
        "我在上海出差，到周五为止。",
        "Until Friday I'm in Rome.",
        "I'm in Rome for two weeks.",
        "I'm in Rome this week.",
        "I'm in Rome until the 30th.",
        "I'm in Rome till tomorrow.",
        "我这周在上海出差。",
        "我在上海待到30号。",
    ],
)
def test_an_end_that_was_told_comes_by_itself(memory: Memory, text: str) -> None:
    memory.tell("I live in Oslo.")
    memory.tell(text)
    home, fact = memory.beliefs.believed(ALICE)
    assert fact.valid_to is not None
    assert home.valid_to is None
    assert (fact.attribute, fact.value) in (("location", "Rome"), ("location", "上海"))
    assert memory.beliefs.believed(ALICE, now=fact.valid_to - 1) == [home, fact]
    assert memory.beliefs.believed(ALICE, now=fact.valid_to) == [home]
    # And it is found only until then
    asked = memory.beliefs.asked(ALICE, "Where am I? 我在哪里？")
    for now, there in ((fact.valid_to - 1, True), (fact.valid_to, False)):
        found = memory.recall.search(ALICE, "Where am I? 我在哪里？", limit=10, now=now, asked=asked)
        assert (fact.id in [item.id for item in found]) is there


def test_the_same_told_again_makes_surer(memory: Memory) -> None:
    memory.tell("I live in Lyon.")
    once = memory.fact("Lyon").confidence
    memory.tell("I live in Lyon, France.")
    (fact,) = memory.beliefs.believed(ALICE)
    assert fact.sources == ("e1", "e2")
    assert once < fact.confidence < 1.0


def test_the_versions_of_a_slot(memory: Memory) -> None:
    for city in ("Oslo", "Rome", "Paris"):
        memory.tell(f"I live in {city}.")
    memory.tell("I like tea.")
    versions = memory.beliefs.history(ALICE, memory.fact("Rome").id)
    assert [fact.value for fact in versions] == ["Oslo", "Rome", "Paris"]
    assert memory.beliefs.history(ALICE, ALICE.derive("fact", "none")) == []
    assert memory.beliefs.history(STRANGER, memory.fact("Rome").id) == []


def test_a_change_can_be_taken_back(memory: Memory) -> None:
    memory.tell("I live in Oslo.")
    memory.tell("I moved to Rome.")
    # When the last change is undone
    back = memory.beliefs.undo(ALICE, memory.fact("Rome").id, fence=9)
    # Then the old one is believed and found again, and the other is history
    assert back is not None
    assert [fact.value for fact in memory.beliefs.believed(ALICE)] == ["Oslo"]
    found = contents(memory.ask("Where do I live?"))
    assert "I live in Oslo." in found
    assert "I moved to Rome." not in found
    # And telling the same event again does not bring it back
    memory.beliefs.learn(ALICE, extract(memory.events[1]), fence=10)
    assert [fact.value for fact in memory.beliefs.believed(ALICE)] == ["Oslo"]
    # And where there was nothing before, nothing is believed
    assert memory.beliefs.undo(ALICE, memory.fact("Oslo").id, fence=11) is None
    assert memory.beliefs.believed(ALICE) == []


def test_a_value_can_be_put_right_by_hand(memory: Memory) -> None:
    memory.tell("I live in Oslo.")
    new = memory.beliefs.replace(ALICE, memory.fact("Oslo").id, "Bergen", at=NOW + 500, fence=9)
    (fact,) = memory.beliefs.believed(ALICE)
    assert (fact.id, fact.value, fact.text, fact.sources) == (new.id, "Bergen", "The user lives in Bergen.", ("e1",))
    assert memory.fact("Oslo").superseded_by == new.id
    assert "I live in Oslo." not in contents(memory.ask("Where do I live?"))


def test_what_is_removed_is_not_learned_again(memory: Memory) -> None:
    memory.tell("I live in Oslo.")
    id = memory.fact("Oslo").id
    assert not memory.beliefs.remove(STRANGER, id, fence=9)
    assert memory.beliefs.remove(ALICE, id, fence=9)
    memory.beliefs.learn(ALICE, extract(memory.events[0]), fence=10)
    assert memory.beliefs.all(ALICE) == []
    assert "Oslo" not in json.dumps([dict(point.payload) for _, point in memory.vectors.points.values()
                                     if point.payload["kind"] != "turn"])
    assert not memory.beliefs.remove(ALICE, id, fence=11)


def test_a_rating_moves_confidence_within_bounds(memory: Memory) -> None:
    memory.tell("I live in Oslo.")
    id = memory.fact("Oslo").id
    assert memory.beliefs.rate(ALICE, id, -0.3, fence=9).confidence == pytest.approx(0.5)
    assert memory.fact("Oslo").confidence == pytest.approx(0.5)
    assert memory.beliefs.rate(ALICE, id, -5.0, fence=9).confidence == 0.0
    assert memory.beliefs.rate(ALICE, id, 7.0, fence=9).confidence == 1.0
    with pytest.raises(NotFound):
        memory.beliefs.rate(STRANGER, id, 0.1, fence=9)


def test_facts_written_before_slots_had_keys_are_superseded_too(memory: Memory) -> None:
    memory.tell("I live in Oslo.")
    for id, (owner, point) in list(memory.vectors.points.items()):
        point.payload.pop("key", None)  # type: ignore[attr-defined]
        memory.vectors.points[id] = owner, point
    fresh = Memory()
    fresh.vectors.points, fresh.events = memory.vectors.points, memory.events
    fresh.beliefs = Beliefs(fresh.vectors, fresh.recall, PlainCodec())
    fresh.recall = Recall(fresh.vectors, WordEmbedder(), PlainCodec())
    event = make_event(ALICE, "e9", "I moved to Rome.", timestamp=NOW + 900, seq=9)
    fresh.beliefs.learn(ALICE, extract(event), fence=9)
    assert [fact.value for fact in fresh.beliefs.believed(ALICE)] == ["Rome"]


def test_only_the_slots_concerned_are_read(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.tell("I live in Oslo.")
    memory.tell("I like tea.")
    read: list[object] = []
    scroll = memory.vectors.scroll

    def noting(where: object, **more: object) -> object:
        read.append(getattr(where, "among", {}))
        return scroll(where, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(memory.vectors, "scroll", noting)
    memory.tell("I moved to Rome.")
    assert len(read) == 1
    assert all("key" in equals for equals in read)  # type: ignore[operator]


def test_two_named_speakers_do_not_end_each_others_facts(memory: Memory) -> None:
    # Given two people who speak as the user in one talk
    memory.tell("I live in Rome. I have a dog called Rex.", name="Alice")
    memory.tell("I live in Paris and I love jazz. My sister lives in Lyon.", name="Bob")
    memory.tell("我是单身。I no longer have a dog.", name="Bob")
    # Then what each says stands side by side
    known = {(fact.subject, fact.attribute): fact.text for fact in memory.beliefs.believed(ALICE)}
    assert known["user", "residence"] == "The user lives in Rome."
    assert known["Bob", "residence"] == "Bob lives in Paris."
    assert known["Bob", "likes"] == "Bob likes jazz."
    assert known["Bob's sister", "residence"] == "Bob's sister lives in Lyon."
    assert ("user", "pet") in known
    # And each is found, the user's profile being the first one's alone
    assert "The user lives in Rome." in contents(memory.ask("Where does Alice live?"))[:2]
    assert "Bob lives in Paris." in contents(memory.ask("Where does Bob live?"))[:2]
    # And each of them changes their own
    memory.tell("I moved to Nice.", name="Bob")
    memory.tell("I moved to Milan.", name="alice")
    memory.tell("I meant Turin.", name="Alice")
    homes = {fact.subject: fact.value for fact in memory.beliefs.believed(ALICE) if fact.attribute == "residence"}
    assert homes == {"user": "Turin", "Bob": "Nice", "Bob's sister": "Lyon"}


def test_one_named_speaker_is_the_user_as_one_without_a_name_is(memory: Memory) -> None:
    memory.tell("I live in Rome.", name="Alice")
    memory.tell("I moved to Milan.")
    memory.tell("I moved to Nice.", name="Alice")
    assert [(fact.subject, fact.value) for fact in memory.beliefs.believed(ALICE)] == [("user", "Nice")]


def test_no_name_stands_where_it_is_remembered_who_the_user_is(memory: Memory) -> None:
    memory.tell("I live in Rome.", name="Alice")
    facts = [point.payload for _, point in memory.vectors.points.values() if point.payload["kind"] != "turn"]
    assert "alice" not in json.dumps(facts).casefold()
