from __future__ import annotations

import pytest

from memoryos_tasks.adapters.llm.sse import SseEvent, SseReader, sse_events
from memoryos_tasks.core.errors import UpstreamError

STREAM = (
    "\ufeff: a comment\r\n\r\n"
    'data: {"content": "你好，世界"}\r\n\r\n'
    "event: delta\rdata:two\rdata: lines\r\r"
    "id: 7\nretry: 10\ndata\n\n"
    "event: nothing\n\n"
    "data:  spaced: colon\n\n"
    "data: [DONE]\n\n"
).encode()
EVENTS = [
    SseEvent('{"content": "你好，世界"}'),
    SseEvent("two\nlines", "delta"),
    SseEvent(""),
    SseEvent(" spaced: colon"),
    SseEvent("[DONE]"),
]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, len(STREAM)])
def test_events_are_the_same_however_the_bytes_are_cut(size: int) -> None:
    # Given a stream with every line end, comments, fields and Chinese, cut in pieces of one size
    chunks = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    # Then the events are
    assert list(sse_events(chunks)) == EVENTS


@pytest.mark.parametrize("end", [b"\n\n", b"\r\r", b"\r\n\r\n"])
def test_an_event_is_handed_on_with_its_last_byte(end: bytes) -> None:
    # Given a reader that has all but the last byte
    reader = SseReader()
    line = b"data: now" + end
    before = list(reader.feed(line[: -1 if end[-2:] != b"\r\n" else -2]))
    # When the byte that ends the blank line comes
    assert before == []
    after = list(reader.feed(line[-1:] if end[-2:] != b"\r\n" else b"\r"))
    # Then the event is there, without waiting for more
    assert after == [SseEvent("now")]


def test_a_line_feed_after_a_carriage_return_in_the_next_chunk_is_no_blank_line() -> None:
    # Given \r\n cut in two between the data lines of one event
    chunks = [b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n"]
    assert list(sse_events(chunks)) == [SseEvent("a\nb")]


@pytest.mark.parametrize("tail", [b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r\n"])
def test_the_end_of_the_input_ends_the_last_event(tail: bytes) -> None:
    assert list(sse_events([b"data: 1\n\n", tail])) == [SseEvent("1"), SseEvent("[DONE]")]


def test_comments_do_not_count_as_part_of_an_event() -> None:
    # Given far more keep-alive comments than an event may have bytes
    chunks = [b": ping\n"] * 1000 + [b"data: x\n\n"]
    assert list(sse_events(chunks, max_event=100)) == [SseEvent("x")]


@pytest.mark.parametrize("piece", [b"x" * 10, b"data: x\n"])
def test_an_event_without_end_is_refused(piece: bytes) -> None:
    # Given a line, or lines, that never end an event
    with pytest.raises(UpstreamError, match="more than 100 bytes"):
        list(sse_events([piece] * 1000, max_event=100))


def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    assert list(sse_events([b"data: \xff\n\n"])) == [SseEvent("\ufffd")]
