"""Documents that an import reads: in pieces of any size, ours and others', and what is not taken is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from memoryos_tasks.core.errors import InvalidRequest
from memoryos_tasks.core.transfer.formats import FORMATS, ndjson
from memoryos_tasks.core.transfer.found import Belief, Forgotten, Found, Message, Skipped
from memoryos_tasks.core.transfer.stream import lines, parts, parts_of, texts
from memoryos_tasks.core.transfer.transcript import plain_lines


def cut(said: bytes, size: int) -> Iterator[bytes]:
    return (said[at : at + size] for at in range(0, len(said), size))


def read(name: str, data: Any) -> list[Found]:
    """All that a document of this format says."""
    format = FORMATS[name]
    return [each for path, value in parts_of(data, format.opens) for each in format.read(path, value)]


def messages(found: list[Found]) -> list[tuple[str, str]]:
    return [(each.role, each.content) for each in found if isinstance(each, Message)]


DOCUMENT = {"a": [{"n": 12.5, "t": '引号"\\ and 😀'}, [], "x"], "b": {}, "c": {"d": [1, 20, -3e5]}, "e": 12345}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize("indent", [None, 2])
def test_json_is_read_piece_by_piece(size: int, indent: int | None) -> None:
    said = b"\xef\xbb\xbf" + json.dumps(DOCUMENT, ensure_ascii=False, indent=indent).encode() + b"\n"

    def opens(path: Any) -> bool:
        return len(path) < 2

    assert list(parts(texts(cut(said, size)), opens)) == list(parts_of(DOCUMENT, opens)) == [
        (("a", 0), {"n": 12.5, "t": '引号"\\ and 😀'}), (("a", 1), []), (("a", 2), "x"), (("b",), {}),
        (("c", "d"), [1, 20, -3e5]),
        (("e",), 12345),
    ]  # fmt: skip


@pytest.mark.parametrize("said", [
    "", "{", '{"a"', '{"a":', '{"a": [1', '{"a": [1,', '{"a": [1}', '{"a": 1} x', '{"a" 1}', "{'a': 1}", '{"a": NaN}',
    '{"a": 1e999}', "[1 2]", '{"a": tru}', '"\\x"',
])  # fmt: skip
def test_what_is_no_json_is_refused(said: str) -> None:
    for size in (1, 1000):
        with pytest.raises(InvalidRequest):
            list(parts(texts(cut(said.encode(), size)), lambda path: True))


def test_what_is_no_text_and_too_deep_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        list(texts([b"\xff\xfe"]))
    with pytest.raises(InvalidRequest):
        list(texts(["中".encode()[:2]]))
    with pytest.raises(InvalidRequest):
        list(parts(iter(["[" * 100_000]), lambda path: False))


def test_lines_are_whole_however_they_arrive() -> None:
    assert list(lines(["a\r\nb", "c\n", "\nd"])) == ["a", "bc", "", "d"]


SHORT = [{"user_input": "我叫李雷。", "agent_response": "你好，李雷！", "timestamp": "2025-03-01 10:00:00"}]
MID = {
    "sessions": {
        "session_1": {"id": "session_1", "summary": "s", "details": [
            {"page_id": "page_1", "user_input": "I live in Oslo.", "agent_response": "Nice.", "timestamp":
             "2025-02-01 09:00:00", "page_embedding": [0.1, 0.2], "pre_page": None},
        ]},
        "session_2": {"id": "session_2", "summary": "s", "details": [
            {"page_id": "page_1", "user_input": "I live in Oslo.", "agent_response": "Nice.", "timestamp":
             "2025-02-01 09:00:00"},
            {"page_id": "page_2", "user_input": "", "agent_response": None, "timestamp": "2025-02-01 09:01:00"},
        ]},
    },
    "access_frequency": {"session_1": 2},
}  # fmt: skip
LONG = {
    "user_profiles": {"lilei": {"data": "李雷喜欢爬山。", "last_updated": "2025-03-02 08:00:00"}},
    "knowledge_base": [{"knowledge": "Has a cat called Mimi", "timestamp": "2025-03-02 08:00:00",
                        "knowledge_embedding": [0.5]},
                       {"knowledge": "- None", "timestamp": "2025-03-02 08:00:00"}],
    "assistant_knowledge": [{"knowledge": "Recommended a book", "timestamp": "2025-03-02 08:00:00"}],
}  # fmt: skip


def test_a_bai_lab_folder_gives_its_exchanges_and_its_knowledge() -> None:
    found = read("bai-lab", {"short_term.json": SHORT, "mid_term.json": MID, "long_term_user.json": LONG})
    assert messages(found)[:2] == [("user", "我叫李雷。"), ("assistant", "你好，李雷！")]
    said = [each for each in found if isinstance(each, Message)]
    assert len({each.event_id for each in said}) == 6
    oslo = [each for each in said if "Oslo" in each.content]
    # One page stands in two sessions there, and is one event here
    assert len({each.event_id for each in oslo}) == 1
    assert oslo[0].timestamp == 1_738_400_400.0
    beliefs = [each.row for each in found if isinstance(each, Belief)]
    assert [row["value"] for row in beliefs] == ["李雷喜欢爬山。", "Has a cat called Mimi"]
    # Every fact has the event that it came with as its source
    assert {source for row in beliefs for source in row["sources"]} <= {each.event_id for each in said}
    skipped = [each for each in found if isinstance(each, Skipped)]
    assert [each.where for each in skipped] == [
        "mid_term.json.sessions.session_2.details.1", "long_term_user.json.assistant_knowledge.0",
    ]  # fmt: skip
    # A receipt quotes nobody
    assert all("Recommended" not in f"{each.where}{each.reason}" for each in skipped)


def test_the_same_exchange_keeps_its_id_when_it_moves_to_the_mid_term() -> None:
    short = read("bai-lab", {"short_term": SHORT})
    mid = read("bai-lab", {"mid_term": {"sessions": {"s": {"details": SHORT}}}})
    assert [each.event_id for each in short if isinstance(each, Message)] == [
        each.event_id for each in mid if isinstance(each, Message)
    ]


def test_what_is_not_of_the_folder_is_named() -> None:
    (found,) = read("bai-lab", {"notes.json": {"x": 1}})
    assert isinstance(found, Skipped)
    assert found.where == "notes.json"


@pytest.mark.parametrize(("name", "data"), [("bai-lab", "x"), ("bai-lab", [1]), ("mem0", "x"), ("mem0", {}),
                                            ("transcript", 5), ("transcript", {"a": 1})])  # fmt: skip
def test_a_document_of_another_shape_is_named(name: str, data: Any) -> None:
    (found,) = read(name, data)
    assert isinstance(found, Skipped)


@pytest.mark.parametrize(
    ("name", "data", "where"),
    [
        ("memoryos", {"results": [{"memory": "Loves hiking"}]}, ["results"]),
        ("memoryos", {"short_term.json": [1], "format": "memoryos"}, ["short_term.json"]),
        ("memoryos", {"events": 5, "facts": []}, ["events"]),
        ("memoryos", {}, ["data"]),
        ("mem0", {"format": "memoryos", "events": [{"role": "user"}], "profile": {"a": 1}}, ["events", "profile"]),
        ("mem0", {"results": [], "count": 0, "next": None}, []),
    ],
)
def test_a_document_of_another_format_is_named(name: str, data: Any, where: list[str]) -> None:
    found = read(name, data)
    assert [each.where for each in found if isinstance(each, Skipped)] == where
    assert len(found) == len(where)


MEM0 = [
    {"id": "m1", "memory": "Loves hiking", "user_id": "alex", "created_at": "2024-07-20T01:30:36.275141-07:00",
     "updated_at": None, "metadata": {"category": "hobbies"}, "hash": "x"},
    {"id": "m2", "memory": "住在上海", "user_id": "alex", "created_at": "2024-07-20T01:30:36Z"},
    {"id": "m3", "memory": " "},
]  # fmt: skip


@pytest.mark.parametrize("data", [MEM0, {"results": MEM0, "next": None}, {"memories": MEM0}])
def test_mem0_memories_become_notes(data: Any) -> None:
    found = read("mem0", data)
    assert [text for _, text in messages(found)] == ["Loves hiking", "住在上海"]
    assert [each.row["attribute"] for each in found if isinstance(each, Belief)] == ["note", "note"]
    assert [each.where for each in found if isinstance(each, Skipped)] == ["memories[2]"]
    assert found[0].timestamp == pytest.approx(1_721_464_236.275141)  # type: ignore[union-attr]
    assert read("mem0", data) == found


def test_transcripts_are_lines_or_messages() -> None:
    said = "Anna: Hi!\nhow are you?\n\n用户：我喜欢爬山。\nAI: Great. See http://x.org\n"
    found = list(plain_lines(said.splitlines()))
    assert messages(found) == [
        ("user", "Hi!\nhow are you?"), ("user", "我喜欢爬山。"), ("assistant", "Great. See http://x.org"),
    ]  # fmt: skip
    assert isinstance(found[0], Message)
    assert found[0].name == "Anna"
    # A transcript that has grown keeps the ids of its beginning
    grown = list(plain_lines([*said.splitlines(), "Anna: Bye!"]))
    assert grown[:3] == found
    assert read("transcript", said) == found
    rows = [{"role": "user", "content": "你好"}, {"role": "robot", "content": "x"}, {"role": "user"}, "x"]
    listed = read("transcript", rows)
    assert messages(listed) == [("user", "你好")]
    assert [each.where for each in listed if isinstance(each, Skipped)] == ["messages[1]", "messages[2]", "messages[3]"]
    assert read("transcript", {"messages": rows}) == listed


@pytest.mark.parametrize(
    ("line", "name", "at"),
    [
        ("[2024-05-01 10:00] Alice: I live in Lyon.", "Alice", 1_714_557_600.0),
        ("[2024-05-01T10:00:00Z] Alice: I live in Lyon.", "Alice", 1_714_557_600.0),
        ("2024-05-01 12:00+02:00 - Alice: I live in Lyon.", "Alice", 1_714_557_600.0),
        ("2024/5/1, 9:05:30 Alice: I live in Lyon.", "Alice", 1_714_554_330.0),
        ("(2024-05-01) Alice: I live in Lyon.", "Alice", 1_714_521_600.0),
        ("2024年5月1日 10:00 小明：I live in Lyon.", "小明", 1_714_557_600.0),
        ("[10:00] Alice: I live in Lyon.", "Alice", None),
        ("Alice: I live in Lyon.", "Alice", None),
    ],
)
def test_a_time_before_the_speaker_is_the_time_of_the_message(line: str, name: str, at: float | None) -> None:
    # Given a line with a time, and one that goes on with it and begins with a time too
    (found,) = plain_lines([line, "2024-05-02 10:00 was a good day"])
    assert isinstance(found, Message)
    assert (found.name, found.timestamp) == (name, at)
    assert found.content == "I live in Lyon.\n2024-05-02 10:00 was a good day"


def test_what_is_no_time_is_read_as_before() -> None:
    found = [*plain_lines(["2024: what a year", "[2024-13-45 10] Alice: hm", "Area 51: hello"])]
    assert [each.name for each in found if isinstance(each, Message)] == ["2024", "[2024-13-45 10] Alice", "Area 51"]


def test_ndjson_has_one_item_a_line() -> None:
    said = "\n".join(json.dumps(row) for row in MEM0)
    assert list(ndjson("mem0", said.split("\n"))) == read("mem0", MEM0)
    event = {"event_id": "e1", "role": "user", "content": "我喜欢茶", "timestamp": 5}
    (found,) = ndjson("memoryos", [json.dumps({"event": event}), ""])
    assert found == Message("e1", "user", "我喜欢茶", 5.0)
    for name, line in (("mem0", "{"), ("memoryos", '{"what": {}}'), ("bai-lab", "{}")):
        with pytest.raises(InvalidRequest):
            list(ndjson(name, [line]))


FACT = {"id": "f1", "kind": "trait", "subject": "user", "attribute": "residence", "value": "Oslo",
        "content": "The user lives in Oslo", "sources": ["e1"], "valid_from": 5.0, "valid_to": None,
        "superseded_by": None, "many": False, "confidence": 0.8}  # fmt: skip


def test_our_own_document_is_read_back() -> None:
    event = {"event_id": "e1", "role": "user", "content": "x", "timestamp": 5, "session_id": "s", "assistant_id": "a",
             "name": "N", "metadata": {"k": [1]}, "place": "stm"}  # fmt: skip
    gone = {**event, "content": "", "place": "forgotten"}
    forgotten = {"id": "f2", "sources": ["e1"]}
    found = read("memoryos", {"format": "memoryos", "version": 1, "events": [event, gone], "facts": [FACT],
                              "forgotten": [forgotten], "segments": [{"id": 1}], "profile": {}})  # fmt: skip
    assert found[0] == Message("e1", "user", "x", 5.0, "s", "a", "N", {"k": [1]})
    assert isinstance(found[1], Skipped)
    assert found[2:] == [Belief(FACT), Forgotten(forgotten)]


@pytest.mark.parametrize(("field", "value"), [
    ("kind", "turn"), ("valid_from", None), ("valid_from", "soon"), ("confidence", 2), ("confidence", "much"),
    ("sources", []), ("sources", [""]), ("value", ""), ("many", "yes"), ("content", "\ud800"), ("id", "a\nb"),
])  # fmt: skip
def test_a_fact_that_cannot_be_read_is_named(field: str, value: Any) -> None:
    (found,) = read("memoryos", {"facts": [{**FACT, field: value}]})
    assert isinstance(found, Skipped)
    assert found.where == "facts[0]"


@pytest.mark.parametrize(("part", "value"), [("version", 2), ("version", "1"), ("format", "mem0")])
def test_a_document_of_another_kind_is_refused(part: str, value: Any) -> None:
    with pytest.raises(InvalidRequest):
        read("memoryos", {part: value, "events": []})
