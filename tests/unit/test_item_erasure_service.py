"""The erasure of one item, on stand-ins: what it waits for, what it refuses, and in which order it goes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest
from contents import no_progress
from rights_house import ALICE, NOW, RightsHouse

from memoryos_tasks.core.errors import Busy, NotFound
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.quoting import quotes
from memoryos_tasks.ports.ledger import Job
from memoryos_tasks.ports.vault import Key
from memoryos_tasks.services.item_erasure import Doors, ItemErasure

SAID = "My password is swordfish. 密码是剑鱼。"


class FakeVault:
    """Keys of one user, numbered; and a codec that seals with them."""

    def __init__(self, calls: list[str]) -> None:
        self._calls = calls
        self._made = 1
        self._current: int | None = 1
        self.old: set[int] = set()

    def current(self, owner: Owner) -> Key:
        if self._current is None:
            self._made += 1
            self._current = self._made
        return Key(str(self._current).encode(), b"")

    def find(self, owner: Owner, id: bytes) -> Key | None:
        return Key(id, b"") if int(id) in self.old or int(id) == self._current else None

    def retire(self, owner: Owner) -> None:
        self._calls.append("retire")
        if self._current is not None:
            self.old.add(self._current)
        self._current = None

    def retired(self, owner: Owner) -> tuple[bytes, ...]:
        return tuple(str(id).encode() for id in sorted(self.old))

    def destroy(self, owner: Owner, ids: Sequence[bytes]) -> None:
        self._calls.append("destroy")
        self.old -= {int(id) for id in ids}

    def secret(self, tenant: str) -> bytes:
        return b""

    def seal(self, owner: Owner, text: str) -> str:
        return f"sealed {self.current(owner).id.decode()}|{text[::-1]}"

    def open(self, owner: Owner, sealed: str) -> str:
        head, _, body = sealed.partition("|")
        assert self.find(owner, head.removeprefix("sealed ").encode()) is not None, "the key is gone"
        return body[::-1]

    def key_of(self, text: str) -> bytes | None:
        return text.partition("|")[0].removeprefix("sealed ").encode() if text.startswith("sealed ") else None


class FakeRedis:
    """What is in Redis: nothing, unless a test says otherwise."""

    def __init__(self, calls: list[str]) -> None:
        self._calls = calls
        self.kinds: set[str] = set()
        self.waiting = 0
        self.first = False
        self.stubborn: dict[str, int] = {}
        self.remaining: dict[str, int] = {}
        self.words: list[str] = []

    def older(self, owner: Owner, job_id: str) -> bool:
        return self.first

    def working(self, owner: Owner) -> Collection[str]:
        return self.kinds

    def stop(self, owner: Owner) -> None:
        self._calls.append("stop")

    def remove_said(self, owner: Owner, event_ids: Sequence[str]) -> Mapping[str, int]:
        self._calls.append("said")
        return {"journal": 0, "events": len(event_ids), "short_term": 0}

    def remove_letters(self, owner: Owner, event_ids: Sequence[str], words: Sequence[str]) -> int:
        self.words = list(words)
        return 0

    def remove_jobs(self, owner: Owner, before: float) -> int:
        self._calls.append("jobs")
        return 2

    def reseal(self, owner: Owner, keys: Collection[bytes]) -> Mapping[str, int]:
        self._calls.append("reseal")
        return self.stubborn

    def left(self, owner: Owner, event_ids: Sequence[str]) -> Mapping[str, int]:
        return self.remaining

    def pending(self, owner: Owner) -> int:
        return self.waiting

    def compact(self, *, seconds: float) -> bool:
        self._calls.append("compact")
        return True


class House(RightsHouse):
    """Rights and the erasure of items, over a vault of numbered keys."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.vault = FakeVault(self.calls)
        self.redis: Any = FakeRedis(self.calls)
        super().__init__(codec=self.vault)
        self.erasure = ItemErasure(self.removal, Doors(self.redis, self.redis, self.vault), self.vectors, self.vault,
                                   self.locks, lambda: NOW, grace=0.0)

    def erase(self, item: str, job_id: str = "job_e") -> dict[str, Any]:
        return self.erasure.item(Job(job_id, ALICE, "erase_item", request={"item_id": item}), no_progress)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr("memoryos_tasks.services.item_erasure.SETTLE_SECONDS", 0.0)
    made = House()
    made.say(SAID, "I like tea. 我喜欢茶。")
    return made


def turn(house: House, words: str = "password") -> str:
    (found,) = [row["id"] for row in house.list(kind="turn") if words in row["content"]]
    return str(found)


def test_the_item_goes_before_the_key_and_the_key_after_the_rest(house: House) -> None:
    # When a message is erased
    receipt = house.erase(turn(house))
    # Then the steps come in the order that keeps the promise: nothing of the new key has ever held the words
    assert house.calls == ["said", "retire", "stop", "jobs", "reseal", "reseal", "destroy", "compact"]
    assert {place: count for place, count in receipt["removed"].items() if count} == {
        "events": 1, "memories": 1, "jobs": 2}
    assert (receipt["keys_destroyed"], receipt["verified"]) == (1, True)
    assert house.redis.words == [SAID]
    assert "swordfish" not in house.stored()
    assert "I like tea. 我喜欢茶。" in house.found("tea 茶")


def test_a_second_erasure_destroys_the_next_key(house: House) -> None:
    house.erase(turn(house))
    assert house.erase(turn(house, "tea"), "job_f")["keys_destroyed"] == 1
    assert house.list(kind="turn") == []
    assert house.vault.old == set()


def test_a_fact_goes_alone_and_is_not_learned_again(house: House) -> None:
    fact = next(row for row in house.list(kind="trait") if "tea" in row["content"])
    assert house.erase(fact["id"])["verified"]
    assert "tea" not in {row.get("value") for row in house.list(kind="trait")}
    assert turn(house, "tea")
    assert fact["value"] in house.redis.words


def test_what_was_deleted_before_may_be_erased(house: House) -> None:
    item = turn(house)
    house.change("delete", item)
    assert house.erase(item)["verified"]
    assert house.vectors.get(ALICE, [item]) == []


@pytest.mark.parametrize("waits", [{"first": True}, {"waiting": 1}, {"kinds": {"import"}}])
def test_it_waits_before_anything_is_touched(house: House, waits: dict[str, Any]) -> None:
    for name, value in waits.items():
        setattr(house.redis, name, value)
    with pytest.raises(Busy):
        house.erase(turn(house))
    assert house.calls == []
    assert turn(house)


def test_a_chat_that_goes_on_is_cancelled(house: House) -> None:
    house.redis.kinds = {"chat"}
    assert house.erase(turn(house))["verified"]
    assert "stop" in house.calls


def test_no_key_is_destroyed_while_a_text_needs_it(house: House) -> None:
    # Given a journal entry that cannot be dropped yet
    house.redis.stubborn = {"journal": 1}
    item = turn(house)
    with pytest.raises(Busy):
        house.erase(item)
    assert "destroy" not in house.calls
    # When it is applied
    house.redis.stubborn = {}
    # Then the next run goes on where this one was
    receipt = house.erase(item)
    assert (receipt["verified"], receipt["keys_destroyed"]) == (True, 1)
    assert house.calls.count("retire") == 1


def test_it_is_not_done_while_something_is_left(house: House) -> None:
    house.redis.remaining = {"short_term": 1}
    item = turn(house)
    with pytest.raises(Busy, match="short_term"):
        house.erase(item)
    house.redis.remaining = {}
    assert house.erase(item)["keys_destroyed"] == 1


def test_what_is_not_there_is_told(house: House) -> None:
    for item in ("5c1b8f0e-0000-4000-8000-000000000001", "x"):
        with pytest.raises(NotFound):
            house.erase(item)
    assert house.calls == []


@pytest.mark.parametrize(("text", "words", "holds"), [
    ('{"messages": [{"content": "My password is swordfish."}]}', "My password is swordfish.", True),
    ('{"messages": [{"content": "He said: my password is swordfish"}]}', "my password is swordfish", True),
    ('{"messages": [{"content": "他说：我的密码是剑鱼不要告诉别人"}]}', "我的密码是剑鱼不要告诉别人", True),
    ('{"messages": [{"content": "ok, thanks"}]}', "ok", False),
    ('{"messages": [{"content": " ok "}]}', "ok", True),
    ('{"quoted \\"so\\"": "say \\"open sesame, please\\""}', 'say "open sesame, please"', True),
    ("The vendor quotes: my password is swordfish", "my password is swordfish", True),
    ("12345678901234", "12345678901234", True),
    ("anything", "", False),
])  # fmt: skip
def test_a_quoted_text_is_told_from_a_common_word(text: str, words: str, holds: bool) -> None:
    assert quotes(text, [words]) is holds
