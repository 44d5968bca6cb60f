from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from plain_codec import PlainCodec

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
    event = Event(WANG, "e1", "user", "secret words", 1.0, name="Zaphod", metadata={"note": "hidden"})
    stored = payload.dump(event, Reversing())
    assert "secret" not in stored
    assert "hidden" not in stored
    assert "Zaphod" not in stored
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


RECORDED = Path(__file__).parents[1] / "fixtures" / "journal"
ANN, FANG, ABC = Owner("acme", "ann"), Owner("acme", "王芳"), Owner("acme", "a:b c")
DEEP = {"深": [1, None, {"x": "y"}]}
#: What each recorded payload says; version 0 was put in by hand, version 1 is what this version writes.
SAID = {
    0: [
        Event(ANN, "5-0", "user", "I moved to Oslo.", 5.0),
        Event(FANG, "5-0", "assistant", "好的,我记住了。", 5.0, session="会话 1", metadata={"source": "import"}),
        Event(ABC, "own-id", "tool", "22 °C\n", 1_700_000_000.0, assistant="helper", name="weather", metadata=DEEP),
    ],
    1: [
        Event(ANN, "5-0", "user", "I moved to Oslo.", 1_700_000_000.5),
        Event(FANG, "e:2 ü", "assistant", "好的,我记住了。\x00😀", 1.25, session="会话 1",
              metadata={"source": "import"}),
        Event(ABC, "own-id", "tool", "22 °C\n", 1_700_000_000.0, session="s", assistant="helper", name="weather",
              metadata=DEEP),
        Event(ANN, "e4", "system", "Be brief.", 0.0),
    ],
}


def recorded(version: int) -> list[str]:
    return (RECORDED / f"v{version}.jsonl").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("version", [payload.VERSION - 1, payload.VERSION])
def test_what_this_version_and_the_one_before_wrote_is_read(version: int) -> None:
    read = [payload.load("acme", body, PLAIN, event_id="5-0", at=5.0) for body in recorded(version)]
    assert read == SAID[version]


def test_what_is_written_today_is_what_was_recorded() -> None:
    # A change of the format is a new version, with a recording of its own
    assert [payload.dump(event, PLAIN) for event in SAID[payload.VERSION]] == recorded(payload.VERSION)
    assert {json.loads(body)["v"] for body in recorded(payload.VERSION)} == {payload.VERSION}


def test_fields_that_only_a_later_version_knows_are_passed_over() -> None:
    body = json.dumps({**json.loads(recorded(payload.VERSION)[0]), "mood": "glad"})
    assert payload.load("acme", body, PLAIN) == SAID[payload.VERSION][0]


def test_a_later_version_is_left_to_a_later_process() -> None:
    # It is not wrong, so it is no dead letter: who can read it will
    with pytest.raises(payload.NewerPayload, match=str(payload.VERSION + 1)) as caught:
        payload.load("acme", json.dumps({"v": payload.VERSION + 1, "text": ["in another form"]}), PLAIN)
    assert not isinstance(caught.value, InvalidRequest)


@pytest.mark.parametrize("version", [True, "1", None, -1, 1.5, [1]])
def test_a_version_that_is_none_is_refused(version: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        payload.load("acme", json.dumps({"v": version, "user_id": "u", "content": "x"}), PLAIN)
    assert caught.value.param == "payload.v"
