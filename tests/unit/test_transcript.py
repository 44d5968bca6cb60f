"""Reading transcripts of every kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memoryos_app.cli.transcript import Unreadable, batches, read_file


def saved(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "talk"
    path.write_text(text, encoding="utf-8")
    return path


def told(tmp_path: Path, text: str) -> list[tuple[str, str | None, str]]:
    """Role, name and content of each message."""
    conversations = read_file(saved(tmp_path, text))
    return [(message["role"], message.get("name"), message["content"]) for message in conversations[0].messages]


TALK = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "你好"}]


@pytest.mark.parametrize("text", [
    json.dumps(TALK), json.dumps({"messages": TALK}), "\n".join(map(json.dumps, TALK)) + "\n\n", "User: Hi\nAI: 你好\n",
    "﻿用户：Hi\n助手：你好\n",
])
def test_all_kinds_of_files_say_the_same(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, text) == [("user", None, "Hi"), ("assistant", None, "你好")]


def test_speakers_that_are_no_roles_are_names(tmp_path: Path) -> None:
    text = "Ann Lee: I moved to Oslo\nand like it.\n\n小明：真的吗？时间：晚上八点\nSystem: quiet\n"
    assert told(tmp_path, text) == [("user", "Ann Lee", "I moved to Oslo\nand like it."),
                                    ("user", "小明", "真的吗？时间：晚上八点"), ("system", None, "quiet")]


def test_a_time_before_the_speaker_is_told(tmp_path: Path) -> None:
    (talk,) = read_file(saved(tmp_path, "[2024-05-01 10:00] Ann: Hi\n[2024-05-01 10:01] AI: Hello\n"))
    said = [(message["content"], message.get("timestamp")) for message in talk.messages]
    assert said == [("Hi", 1_714_557_600.0), ("Hello", 1_714_557_660.0)]


def test_a_web_address_is_no_speaker(tmp_path: Path) -> None:
    assert told(tmp_path, "Ann: see\nhttps://example.org/a\n") == [("user", "Ann", "see\nhttps://example.org/a")]


def test_fields_of_the_api_pass_and_others_do_not(tmp_path: Path) -> None:
    message = {"role": "tool", "content": "x", "event_id": "e1", "timestamp": 3.5, "session_id": "s", "mood": "good",
               "metadata": {"a": 1}, "name": None}
    read = read_file(saved(tmp_path, json.dumps([message])))[0].messages
    assert read == ({"role": "tool", "content": "x", "event_id": "e1", "timestamp": 3.5, "session_id": "s",
                     "metadata": {"a": 1}},)


def test_the_same_file_gives_the_same_ids_and_another_does_not(tmp_path: Path) -> None:
    def ids(text: str) -> list[str]:
        return [message["event_id"] for message in read_file(saved(tmp_path, text))[0].messages]

    assert ids("Ann: a\nAnn: a\n") == ids("Ann: a\nAnn: a\n")
    assert len(set(ids("Ann: a\nAnn: a\n") + ids("Ann: b\n"))) == 3


@pytest.mark.parametrize(("text", "problem"), [
    ("", "no messages"), ("[]", "no messages"), ("hello\nAnn: hi", "comes before any"),
    ('{"role": "user"}', "message 1"),
    ('{"role": "user", "content": "x"}\n{"role"', "line 2"), ('["x"]', "message 1"), ("3", "not a list"),
])
def test_what_cannot_be_read_is_said(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(Unreadable, match=problem):
        read_file(saved(tmp_path, text))


def test_a_locomo_file_gives_each_sample_its_own_user(tmp_path: Path) -> None:
    turns = [{"speaker": "Ann", "dia_id": "D1:1", "text": "Hi"}]
    said = [{"sample_id": name, "conversation": {"session_1": turns}, "qa": []} for name in ("a", "b")]
    read = read_file(saved(tmp_path, json.dumps(said)))
    assert [(each.suffix, each.messages[0]["event_id"]) for each in read] == [("-a", "a:D1:1"), ("-b", "b:D1:1")]


def test_batches_are_bounded_in_number_and_size_and_keep_the_order() -> None:
    messages = [{"content": "x" * 100, "n": n} for n in range(25)]
    by_count = list(batches(messages, count=10))
    by_size = list(batches(messages, size=350))
    assert [len(batch) for batch in by_count] == [10, 10, 5]
    assert {len(batch) for batch in by_size} == {2, 1}
    assert [message for batch in by_size for message in batch] == messages
