from __future__ import annotations

import json
from typing import Any

import pytest

from memoryos_tasks.adapters.codec.plain import PlainCodec
from memoryos_tasks.adapters.redis import payload
from memoryos_tasks.core.errors import InvalidRequest
from memoryos_tasks.core.events import Event, Owner

WANG = Owner("acme", "王 a:b")
PLAIN = PlainCodec()


class Reversing:
    """What is sealed is not the text, so that what is not sealed shows."""

    def seal(self, owner: Owner, text: str) -> str:
        return f"{owner.user}|{text[::-1]}"

    def open(self, owner: Owner, sealed: str) -> str:
        assert sealed.startswith(f"{owner.user}|")
        return sealed.removeprefix(f"{owner.user}|")[::-1]


@pytest.mark.parametrize("codec", [PLAIN, Reversing()], ids=["plain", "sealed"])
@pytest.mark.parametrize(
    "event",
    [
        Event(WANG, "e", "user", "hi", 0.0),
        Event(WANG, "e:1 ü", "tool", 'a\n"b" \\ 你好 😀\x00', 1.25, "s: 1", "助手", "search",
              {"k": [1, None, {"深": True}]}),
    ],
    ids=["plain", "everything"],
)
def test_an_event_comes_back_as_it_was(event: Event, codec: Any) -> None:
    assert payload.load("acme", payload.dump(event, codec), codec) == event


def test_only_ids_and_times_are_stored_open() -> None:
    event = Event(WANG, "e1", "user", "secret words", 1.0, metadata={"note": "hidden"})
    stored = payload.dump(event, Reversing())
    assert "secret" not in stored
    assert "hidden" not in stored
    assert json.loads(stored)["event_id"] == "e1"


def test_what_a_raw_entry_leaves_out_is_filled_in() -> None:
    event = payload.load("acme", '{"user_id": "ann", "content": "hi"}', PLAIN, event_id="5-0", at=5.0)
    assert event == Event(Owner("acme", "ann"), "5-0", "user", "hi", 5.0)


def test_the_payloads_own_id_and_time_win() -> None:
    body = '{"user_id": "ann", "content": "hi", "event_id": "mine", "timestamp": 7, "name": "", "metadata": {"a": 1}}'
    event = payload.load("acme", body, PLAIN, event_id="5-0", at=5.0)
    assert (event.event_id, event.timestamp, event.name, event.metadata) == ("mine", 7.0, None, {"a": 1})


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ("", "payload"),
        ("{", "payload"),
        ("[" * 100_000, "payload"),
        ("null", "payload"),
        ('"text"', "payload"),
        ('{"content": "x"}', "payload.user_id"),
        ('{"user_id": 7, "content": "x"}', "payload.user_id"),
        ('{"user_id": "", "content": "x"}', "payload.user_id"),
        ('{"user_id": "u"}', "payload.content"),
        ('{"user_id": "u", "content": ["x"]}', "payload.content"),
        ('{"user_id": "u", "content": "\\udc00"}', "payload"),
        ('{"user_id": "u", "content": "x", "role": "robot"}', "payload.role"),
        ('{"user_id": "u", "content": "x", "role": {}}', "payload.role"),
        ('{"user_id": "u", "content": "x", "timestamp": "1"}', "payload.timestamp"),
        ('{"user_id": "u", "content": "x", "timestamp": null}', "payload.timestamp"),
        ('{"user_id": "u", "content": "x", "timestamp": false}', "payload.timestamp"),
        ('{"user_id": "u", "content": "x", "timestamp": -Infinity}', "payload.timestamp"),
        ('{"user_id": "u", "content": "x", "name": ["Ann"]}', "payload.name"),
        ('{"user_id": "u", "content": "x", "metadata": "{"}', "payload.metadata"),
    ],
)
def test_what_is_no_message_is_refused_with_its_field(body: str, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        payload.load("acme", body, PLAIN)
    assert caught.value.param == param
    assert caught.value.message.startswith("The journal entry's ")
