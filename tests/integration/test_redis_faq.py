"""FAQs in the real store of record: counted, promoted, hit, cooled, forgotten."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.faq import RedisFaqs
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.remains import RedisRemains
from memoryos_tasks.adapters.redis.runs import RedisRuns
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core.errors import EmbedderDown, NotFound
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.faq_answer import FaqAnswer
from memoryos_tasks.core.faq_form import form
from memoryos_tasks.core.settings import Jobs
from memoryos_tasks.core.settings_faq import Faq as Options
from memoryos_tasks.ports.faq import EXPORT_USER, Faq, State
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.services.faq import Faqs, never
from memoryos_tasks.services.faq_forgetting import FaqForgetting
from memoryos_tasks.services.faq_upkeep import FaqUpkeep

ASKED, ANSWER = "How do I reset the password?", "Press Reset and follow the mail."
ASKED_ZH, ANSWER_ZH = "怎么重置密码？", "点击“重置”，然后查看邮件。"
DAY = 86_400.0


class Words:
    """An embedder of one axis a text: the same text is the same, any other is another."""

    name = "words"
    dimensions = 64
    down = False

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self.down:
            raise EmbedderDown
        known = list(dict.fromkeys(form(text).normal for text in texts))
        return [[float(place == known.index(form(text).normal)) for place in range(64)] for text in texts]


class House:
    """A process' tier 0 with a clock that the test turns."""

    def __init__(self, truth: redis.Redis, folder: Path, alike: Callable[[str, str], bool] = never) -> None:
        self.now = time.time()
        self.options = Options()
        self.vault = FileVault(folder)
        self.shelf = RedisFaqs(truth, SealedCodec(self.vault), self.vault.secret, lambda: self.now)
        self.embedder = Words()
        self.faqs = Faqs(self.shelf, lambda: self.options, alike=alike, clock=lambda: self.now)
        self.upkeep = FaqUpkeep(self.shelf, self.embedder, lambda: self.options, lambda: self.now)

    def ask(self, user: str, text: str = ASKED, answer: str = ANSWER, *, times: int = 1, used_memory: bool = False,
            tenant: str = "acme", system: str = "") -> None:
        completion = {"model": "m", "choices": [{"index": 0, "finish_reason": "stop",
                                                 "message": {"role": "assistant", "content": answer}}]}
        for _ in range(times):
            self.faqs.note(Owner(tenant, user), body(text, system), completion, used_memory)
        self.faqs.flush()

    def hit(self, text: str = ASKED, user: str = "zoe", tenant: str = "acme", system: str = "") -> FaqAnswer | None:
        self.now += 1.1  # Longer than it is believed that there is none.
        found = self.faqs.hit(Owner(tenant, user), body(text, system))
        self.faqs.flush()
        return found

    def round(self) -> Any:
        self.now += 1.1
        return self.upkeep.round()


def body(text: str, system: str = "") -> dict[str, Any]:
    before = [{"role": "system", "content": system}] if system else []
    return {"model": "gpt-4o", "messages": [*before, {"role": "user", "content": text}]}


@pytest.fixture
def house(truth: redis.Redis, tmp_path: Path) -> House:
    return House(truth, tmp_path / "vault")


def text_in(truth: redis.Redis, *texts: str) -> list[str]:
    """The keys that show one of the texts, or whose name does."""
    return [key for key in truth.scan_iter("*") if any(text in key or text.encode() in truth.dump(key)  # type: ignore
                                                       for text in texts)]


# Becoming one


@pytest.mark.parametrize(("asked", "answer"), [(ASKED, ANSWER), (ASKED_ZH, ANSWER_ZH)])
def test_what_is_asked_often_and_answered_alike_becomes_an_faq(house: House, asked: str, answer: str) -> None:
    # Given nine asks of several users
    for place in range(9):
        house.ask(f"u{place % 3}", asked, answer)
    house.round()
    assert house.hit(asked) is None
    # When the tenth comes and beat looks
    house.ask("u9", asked, answer)
    assert house.round().promoted == 1
    # Then another user is answered, in other clothes too, and it is counted
    found = house.hit(f"  {asked.lower()} ")
    assert found is not None
    assert (found.question, found.text) == (asked, answer)
    row = house.shelf.row("acme", found.id)
    assert (row.state, row.hits) == (State.LIVE, 1)
    assert (row.stats.asks, row.stats.heat, row.stats.similarity) == (10, pytest.approx(100.0), 1.0)
    assert [step.action for step in house.shelf.history("acme", found.id, count=9)] == ["promoted"]


def test_an_answer_that_differs_every_time_is_no_faq(house: House) -> None:
    for place in range(12):
        house.ask("alice", answer=f"Today's word is number {place}.")
    assert house.round().promoted == 0
    assert house.shelf.rows("acme", State.CANDIDATE, start=0, count=9) == ([], 0)


def test_answers_made_with_memory_are_counted_and_never_shared(house: House, truth: redis.Redis) -> None:
    # Given many asks whose answers knew their user
    house.ask("alice", answer="Your mother's maiden name resets it.", times=20, used_memory=True)
    # Then no FAQ comes of them, and the answer was not even kept
    assert house.round().promoted == 0
    samples = [name for key in truth.scan_iter("mos:acme:faq:unit:*") for name in truth.hkeys(key) if name[0] == "s"]
    assert samples == []
    # But they are asks: three answers without memory suffice
    house.ask("bob", times=3)
    house.round()
    found = house.hit()
    assert found is not None
    assert found.text == ANSWER


@pytest.mark.parametrize(
    "text", ["What is my name?", "我的名字是什么？", "How does it work?", "What's the weather in Rome?"]
)
def test_what_is_personal_or_passes_leaves_nothing(house: House, truth: redis.Redis, text: str) -> None:
    house.ask("alice", text, times=20)
    house.round()
    assert not list(truth.scan_iter("mos:acme:faq:*"))


def test_what_is_sensitive_leaves_nothing(truth: redis.Redis, tmp_path: Path) -> None:
    house = House(truth, tmp_path / "vault")
    house.faqs = Faqs(house.shelf, lambda: house.options, sensitive=lambda text: "diagnosis" in text)
    house.ask("alice", "What is a diagnosis?", times=20)
    house.ask("alice", answer="It is a diagnosis.", times=20)
    assert not list(truth.scan_iter("mos:acme:faq:*"))


def test_the_offline_models_words_are_its_users(house: House) -> None:
    completion = {"model": "offline", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "x"}}]}
    for _ in range(20):
        house.faqs.note(Owner("acme", "alice"), {**body(ASKED), "model": "offline"}, completion, used_memory=False)
    house.faqs.flush()
    assert house.round().promoted == 0


def test_wordings_with_one_gist_count_together(house: House) -> None:
    # Given an embedder that sees them as one, and one that does not
    house.ask("alice", "How do I reset the password?", times=6)
    house.ask("bob", "How to reset the password?", times=6)
    house.embedder.embed = lambda texts: [[1.0, 0.0]] * len(texts)  # type: ignore[method-assign]
    assert house.round().promoted == 1
    # Then with word vectors only the wording on the shelf is answered
    hits = [house.hit(text) for text in ("How do I reset the password?", "How to reset the password?")]
    assert sum(hit is not None for hit in hits) == 1
    # And with an embedder that tells look-alikes apart the other one too
    house.faqs = Faqs(house.shelf, lambda: house.options, alike=lambda one, other: True, clock=lambda: house.now)
    assert None not in [house.hit(text) for text in ("How do I reset the password?", "How to reset the password?")]
    assert house.hit("How do I reset the router?") is None


def test_another_system_prompt_wants_another_answer(house: House) -> None:
    house.ask("alice", times=12, system="You support Foo.")
    assert house.round().promoted == 1
    assert house.hit(system="You support Foo.") is not None
    assert house.hit() is None
    assert house.hit(system="You support Bar.") is None


def test_tenants_share_nothing(house: House) -> None:
    house.ask("alice", times=12)
    house.ask("alice", times=5, tenant="beta")
    house.round()
    assert house.hit() is not None
    assert house.hit(tenant="beta") is None
    assert house.shelf.rows("beta", State.LIVE, start=0, count=9) == ([], 0)


def test_several_users_may_be_wanted(house: House) -> None:
    house.options = replace(house.options, min_users=2)
    house.ask("alice", times=12)
    assert house.round().promoted == 0
    house.ask("bob")
    assert house.round().promoted == 1


def test_without_automatic_promotion_it_is_a_candidate(house: House) -> None:
    house.options = replace(house.options, auto_promote=False)
    house.ask("alice", times=12)
    assert house.round().promoted == 0
    [row], total = house.shelf.rows("acme", State.CANDIDATE, start=0, count=9)
    assert (total, row.faq and row.faq.answer) == (1, ANSWER)


def test_off_means_nothing_is_counted_and_nothing_answered(house: House, truth: redis.Redis) -> None:
    house.ask("alice", times=12)
    house.round()
    house.options = replace(house.options, enabled=False)
    house.ask("alice", "What is the refund policy?", times=12)
    assert house.hit() is None
    assert house.round().looked == 0
    assert len(list(truth.scan_iter("mos:acme:faq:unit:*"))) == 1


def test_while_the_embedder_is_away_nothing_is_promoted(house: House) -> None:
    house.embedder.down = True
    house.ask("alice", times=12)
    assert house.round().promoted == 0
    house.embedder.down = False
    house.ask("alice")
    assert house.round().promoted == 1


# Ceasing to be one


def test_a_cold_faq_is_demoted_and_a_hot_one_stays(house: House) -> None:
    house.ask("alice", times=12)
    house.round()
    found = house.hit()
    assert found is not None
    # When it is hit now and then it stays
    for _ in range(10):
        house.now += 6 * DAY
        assert house.hit() is not None
        house.round()
    # And when nobody asks any more it goes
    house.now += 25 * DAY
    assert house.round().demoted == 1
    assert house.hit() is None
    assert [step.action for step in house.shelf.history("acme", None, count=9)] == ["demoted", "promoted"]
    # And then all of it
    house.now += 31 * DAY
    house.round()
    with pytest.raises(NotFound):
        house.shelf.row("acme", found.id)


def test_what_was_demoted_by_hand_stays_off_and_what_was_written_stays_on(house: House) -> None:
    house.ask("alice", times=12)
    house.round()
    found = house.hit()
    assert found is not None
    assert house.shelf.demote("acme", found.id, by="admin", hold=True)
    assert not house.shelf.demote("acme", found.id, by="admin", hold=True)
    house.ask("alice", times=12)
    assert house.round().promoted == 0
    # When an operator writes an answer for it
    id = house.shelf.identity("acme", form(ASKED).gist, None)
    house.shelf.write("acme", Faq(id, ASKED, "Ask the desk.", any_scope=True), by="admin")
    # Then it answers under any system prompt, and no time cools it
    house.now += 400 * DAY
    house.round()
    again = house.hit(system="Anything.")
    assert again is not None
    assert again.text == "Ask the desk."


# Bounds


def test_of_too_many_questions_the_oldest_are_forgotten(house: House, truth: redis.Redis) -> None:
    house.options = replace(house.options, max_questions=100)
    for place in range(130):
        house.now += 0.01
        house.ask(f"u{place}", f"What is item {place} for?")
    assert len(list(truth.scan_iter("mos:acme:faq:unit:*"))) == 100
    assert truth.exists(keyspace.faq("acme", "asked", "u0")) == 0
    assert truth.exists(keyspace.faq("acme", "asked", "u129")) == 1


def test_one_round_is_bounded_and_the_next_goes_on(house: House) -> None:
    for place in range(60):
        house.ask(f"u{place}", f"What is item {place} for?", times=10)
    assert [house.round().looked for _ in range(3)] == [50, 10, 0]


def test_asks_that_could_not_be_written_in_time_are_dropped(house: House, truth: redis.Redis) -> None:
    # Their user may have been erased since
    house.faqs.note(Owner("acme", "alice"), body(ASKED), {}, used_memory=True)
    house.now += 2
    house.faqs.flush()
    assert not list(truth.scan_iter("mos:acme:faq:*"))


# Erasure


def test_nothing_of_an_erased_user_is_left(house: House, truth: redis.Redis) -> None:
    # Given a user's FAQ, one that others asked, and one in another's words that the user asked too
    erased = Owner("acme", "anna")
    house.ask("anna", "What is the refund policy?", "None.", times=12)
    house.ask("bob", times=12)
    house.ask("anna", times=2, used_memory=True)
    house.ask("anna", "Where can I park?", times=1)
    assert house.round().promoted == 2
    assert house.hit("What is the refund policy?", user="anna") is not None
    # When the user is erased
    assert house.shelf.forget(erased) >= 3
    # Then no key knows the user, the FAQ in the user's words is gone, and the other one stays
    assert text_in(truth, "anna") == []
    assert house.hit("What is the refund policy?") is None
    assert house.hit() is not None
    assert [step.action for step in house.shelf.history("acme", None, count=1)] == ["removed"]
    house.round()
    assert len(list(truth.scan_iter("mos:acme:faq:unit:*"))) == 1
    assert house.shelf.forget(erased) == 0


def test_exports_that_may_hold_an_erased_users_words_go_too(
    house: House, truth: redis.Redis, traffic: redis.Redis, tmp_path: Path
) -> None:
    # Given an export that has been made, and other work of the tenant
    codec = SealedCodec(house.vault)
    ledger, runs = RedisLedger(truth, codec, Jobs()), RedisRuns(traffic, codec)
    exports, other = Owner("acme", EXPORT_USER), Owner("acme", "bob")
    for id, owner in (("job_1", exports), ("job_2", other)):
        ledger.create(Job(id, owner, "faq_export", request={"to": "markdown"}))
    claim = ledger.claim("acme", "job_1")
    assert claim is not None
    ledger.finish(claim, Status.SUCCEEDED, result={"document": ANSWER})
    key = house.vault.current(exports).id
    forgetting = FaqForgetting(house.shelf, RedisRemains(truth, traffic, codec, ledger, runs), house.vault)
    # When a user is erased who asked nothing, Then it stays
    assert forgetting.user(Owner("acme", "carl")) == 0
    assert ledger.get("acme", "job_1").result == {"document": ANSWER}
    # And when one is erased who did, it is gone, with its key
    house.ask("anna", times=12)
    house.round()
    assert forgetting.user(Owner("acme", "anna")) > 0
    with pytest.raises(NotFound):
        ledger.get("acme", "job_1")
    assert house.vault.find(exports, key) is None
    assert ledger.get("acme", "job_2").request == {"to": "markdown"}


def test_a_destroyed_key_alone_makes_a_users_words_unreadable(house: House) -> None:
    house.ask("anna", times=12)
    house.round()
    found = house.hit()
    assert found is not None
    owner = Owner("acme", "anna")
    house.vault.retire(owner)
    house.vault.destroy(owner, house.vault.retired(owner))
    assert house.hit() is None
    assert house.shelf.row("acme", found.id).faq is None


def test_a_promotion_that_an_erasure_overtook_does_nothing(house: House, truth: redis.Redis) -> None:
    house.ask("anna", times=12)
    [(tenant, id)] = [("acme", key.rpartition(":")[2]) for key in truth.scan_iter("mos:acme:faq:unit:*")]
    unit = house.shelf.unit(tenant, id)
    house.shelf.forget(Owner("acme", "anna"))
    assert not house.shelf.promote(tenant, unit, unit.samples[0], by="beat")
    assert house.hit() is None


def test_all_text_is_sealed(house: House, truth: redis.Redis) -> None:
    house.ask("alice", times=12)
    house.round()
    id = house.shelf.identity("acme", form("Where is the desk?").gist, None)
    house.shelf.write("acme", Faq(id, "Where is the desk?", "On floor 3.", any_scope=True), by="admin")
    assert house.hit("Where is the desk?") is not None
    assert text_in(truth, "password", "reset", "Press", "desk", "floor") == []


def test_every_key_is_one_of_the_keyspace(house: House, truth: redis.Redis) -> None:
    house.ask("王 a:b", times=12)
    house.round()
    house.hit()
    [id] = truth.hkeys(keyspace.faq("acme", "live"))
    user = keyspace.part("王 a:b")
    named = {keyspace.faq("acme", what) for what in ("live", "shelf", "stats", "hits", "history", "seen")}
    named |= {keyspace.faq("acme", "unit", id), keyspace.faq("acme", "asked", user), keyspace.faq("acme", "from", user)}
    named |= {keyspace.faq("acme", "asked", "zoe"), keyspace.FAQ_DUE}
    assert set(truth.scan_iter("*")) == named


# Speed


def test_a_hit_among_ten_thousand_takes_under_15_ms(house: House) -> None:
    # Given a tenant with 10,000 FAQs
    value = house.shelf._opened.shelved(None, Faq("x", ASKED, ANSWER, any_scope=True), by_hand=True, tenant="acme")
    pipe = house.shelf._redis.pipeline(transaction=False)
    for place in range(10_000):
        pipe.hset(keyspace.faq("acme", "live"), f"faq_{place}", value)
    pipe.hset(keyspace.faq("acme", "live"), house.shelf.identity("acme", form(ASKED).gist, None), value)
    pipe.execute()
    # When one is hit again and again, Then the median is far under the bound, and nothing else is asked
    times = []
    for _ in range(100):
        began = time.perf_counter()
        assert house.faqs.hit(Owner("acme", "zoe"), body(ASKED)) is not None
        times.append(time.perf_counter() - began)
    assert sorted(times)[50] < 0.015


def test_a_tenant_without_faqs_is_asked_about_once_a_second(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    find = house.shelf.find
    monkeypatch.setattr(house.shelf, "find", lambda *args: asked.append(args) or find(*args))
    for _ in range(20):
        assert house.faqs.hit(Owner("acme", "zoe"), body(ASKED)) is None
    assert len(asked) == 1
    house.now += 1.1
    house.faqs.hit(Owner("acme", "zoe"), body(ASKED))
    assert len(asked) == 2
