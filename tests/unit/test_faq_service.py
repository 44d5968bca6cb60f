"""Tier 0 beside a chat: it answers or keeps silent, and never stands in its way."""

from __future__ import annotations

from typing import Any

import pytest
from fake_faqs import FakeFaqs

from memoryos_tasks.core.errors import VaultDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.faq_form import form
from memoryos_tasks.core.settings_faq import Faq as Options
from memoryos_tasks.ports.faq import Faq
from memoryos_tasks.services.faq import MOST_NOTED, Faqs

ALICE = Owner("acme", "alice")
ASKED = "How do I reset the password?"


def body(text: str = ASKED, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **fields}


def said(text: str = "Press Reset.") -> dict[str, Any]:
    return {"model": "m", "choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}]}


class Here:
    def __init__(self, **options: Any) -> None:
        self.now = 1_000.0
        self.rung = 0
        self.shelf = FakeFaqs()
        self.faqs = Faqs(self.shelf, lambda: Options(**options), later=self._ring, clock=lambda: self.now)

    def _ring(self) -> None:
        self.rung += 1

    def write(self, answer: str = "Press Reset.") -> None:
        id = self.shelf.identity("acme", form(ASKED).gist, None)
        self.shelf.write("acme", Faq(id, ASKED, answer, any_scope=True), by="admin")


@pytest.fixture
def here() -> Here:
    return Here()


def test_a_hit_is_answered_and_counted_later(here: Here) -> None:
    here.write()
    found = here.faqs.hit(ALICE, body("how do i reset the password"))
    assert found is not None
    assert found.text == "Press Reset."
    assert here.shelf.noted == []
    assert here.rung == 1
    here.faqs.flush()
    [ask] = here.shelf.noted
    assert (ask.owner, ask.id, ask.hit, ask.answer) == (ALICE, found.id, True, "")


def test_what_cannot_be_a_hit_asks_nothing_of_the_store(here: Here) -> None:
    here.write()
    for asked in (body(tools=[{"type": "function"}]), body("And then?"), body("它怎么用？"), {"model": "m"}):
        assert here.faqs.hit(ALICE, asked) is None
    assert here.shelf.found == 0


def test_an_answer_too_long_for_the_request_is_not_cut(here: Here) -> None:
    here.write("word " * 100)
    assert here.faqs.hit(ALICE, body(max_tokens=20)) is None
    assert here.faqs.hit(ALICE, body(max_tokens=200)) is not None


def test_without_the_store_the_chat_goes_on(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    here.write()
    here.shelf.down = True
    assert here.faqs.hit(ALICE, body()) is None
    here.faqs.note(ALICE, body(), said(), used_memory=False)
    here.faqs.flush()

    def away(*_: Any) -> str:
        raise VaultDown

    monkeypatch.setattr(here.shelf, "identity", away)
    here.faqs.note(ALICE, body(), said(), used_memory=False)
    here.shelf.down = False
    here.faqs.flush()
    assert here.shelf.noted == []


def test_a_note_asks_nothing_of_the_store_until_it_is_flushed(here: Here) -> None:
    here.faqs.note(ALICE, body(), said(), used_memory=False)
    here.faqs.note(ALICE, body(), said(), used_memory=True)
    assert (here.shelf.noted, here.rung) == ([], 2)
    here.faqs.flush()
    assert [ask.answer for ask in here.shelf.noted] == ["Press Reset.", ""]


def test_notes_are_bounded(here: Here) -> None:
    for _ in range(MOST_NOTED + 10):
        here.faqs.note(ALICE, body(), said(), used_memory=True)
    here.faqs.flush()
    assert len(here.shelf.noted) == MOST_NOTED


def test_off_is_off() -> None:
    here = Here(enabled=False)
    here.write()
    assert here.faqs.hit(ALICE, body()) is None
    here.faqs.note(ALICE, body(), said(), used_memory=False)
    here.faqs.flush()
    assert here.shelf.noted == []
    assert here.shelf.found == 0
