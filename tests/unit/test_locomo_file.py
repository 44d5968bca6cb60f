"""Reading LoCoMo files: turns, times and messy evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from memoryos_app.cli.locomo import evidence, is_locomo, moment, read_samples


def sample(**more: Any) -> dict[str, Any]:
    return {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Ann", "speaker_b": "李雷",
            "session_10_date_time": "9:05 am on 1 June, 2023",
            "session_10": [{"speaker": "Ann", "dia_id": "D10:1", "text": "Last."}],
            "session_2_date_time": "1:56 pm on 8 May, 2023",
            "session_2": [
                {"speaker": "Ann", "dia_id": "D2:1", "text": "Hello!"},
                {"speaker": "李雷", "dia_id": "D2:2", "text": "看看这个", "blip_caption": "a photo of a cat"},
                {"speaker": "Ann", "dia_id": "D2:3", "text": "", "blip_caption": "a dog"},
                {"speaker": "Ann", "dia_id": "D2:4", "text": " "},
            ],
        },
        "qa": [], **more,
    }


def test_turns_become_messages_in_the_order_of_the_sessions() -> None:
    # When a file with sessions 10 and 2 is read
    messages = read_samples([sample()])[0].messages
    # Then 2 comes first, and each turn is a message with its own id, name, session and time
    start = datetime(2023, 5, 8, 13, 56, tzinfo=UTC).timestamp()
    ids = [message["event_id"] for message in messages]
    assert ids == ["conv-1:D2:1", "conv-1:D2:2", "conv-1:D2:3", "conv-1:D10:1"]
    assert messages[1] == {"event_id": "conv-1:D2:2", "role": "user", "name": "李雷", "session_id": "session_2",
                           "content": "看看这个 [image: a photo of a cat]", "timestamp": start + 1}
    assert messages[2]["content"] == "[image: a dog]"
    assert messages[3]["session_id"] == "session_10"


def test_a_session_without_a_readable_date_has_no_times() -> None:
    said = sample()
    said["conversation"]["session_2_date_time"] = "some day"
    messages = read_samples([said])[0].messages
    assert "timestamp" not in messages[0]
    assert "timestamp" in messages[3]


@pytest.mark.parametrize(("text", "hour"), [
    ("12:09 am on 13 September, 2023", 0), ("12:09 pm on 13 September, 2023", 12),
])
def test_noon_and_midnight(text: str, hour: int) -> None:
    assert moment(text) == datetime(2023, 9, 13, hour, 9, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(("raw", "ids", "broken"), [
    (["D1:3"], {"D1:3"}, 0),
    (["D3:4; D5:12"], {"D3:4", "D5:12"}, 0),
    (["D7:1 D2:2 D2:3"], {"D7:1", "D2:2", "D2:3"}, 0),
    (["D20:07"], {"D20:7"}, 0),
    (["D:14:3"], {"D14:3"}, 0),
    (["D", "D1:3"], {"D1:3"}, 1),
    ([], set(), 0),
])
def test_evidence_is_normalised(raw: list[str], ids: set[str], broken: int) -> None:
    assert evidence(raw) == (ids, broken)


def test_only_questions_that_can_be_scored_are_asked_and_the_rest_is_counted() -> None:
    # Given a good question, one of category 5, one without evidence, one with a turn that does not exist
    questions = [
        {"question": "What?", "evidence": ["D2:2; D10:1", "D"], "category": 1},
        {"question": "Trick?", "evidence": ["D2:1"], "category": 5},
        {"question": "Bare?", "evidence": [], "category": 4},
        {"question": "Gone?", "evidence": ["D7:7"], "category": 2},
    ]
    # When they are read
    read = read_samples([sample(qa=questions)])[0]
    # Then one is left, with evidence as event ids
    assert [(each.text, each.evidence) for each in read.questions] == [
        ("What?", frozenset({"conv-1:D2:2", "conv-1:D10:1"}))]
    assert read.unusable == 2


def test_other_json_is_not_mistaken_for_it() -> None:
    assert is_locomo([sample()])
    assert not is_locomo([{"role": "user", "content": "conversation"}])
    assert not is_locomo([])
    assert not is_locomo({"conversation": {}})


def test_a_sample_without_an_id_is_named_by_its_place() -> None:
    assert [each.id for each in read_samples([sample(sample_id=None), sample()])] == ["sample-1", "conv-1"]
