"""Following one run on a slow machine: silence is looked into, and nothing comes twice or is given up too early."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fakes import FakeStack, chunk, completion

from memoryos_app.chat.run import Run
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.pace import Pace
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.ports.runs import Message, Saying

OWNER = Owner("default", "李雷")


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStack]:
    monkeypatch.setattr("memoryos_app.chat.run.TICK", 0.01)
    monkeypatch.setattr("memoryos_app.chat.run.CHECK", 0.02)
    made = FakeStack()
    yield made
    made.close()


def direct(stack: FakeStack, *, ledgered: bool = True) -> Run:
    """A run whose words come through the inbox."""
    if ledgered:
        stack.ledger.create(Job("job", OWNER, "chat", request={"stream": True}, inbox="inbox-1"))
    ear = stack.inbox.listen(OWNER, "job")
    return Run(stack.parts, OWNER, "job", ear, until=time.monotonic() + 10, ledgered=ledgered)


def said(message: Message) -> Any:
    """What a chunk says, or how the run ended."""
    return message.data["choices"][0]["delta"]["content"] if message.saying is Saying.CHUNK else message.saying


def test_what_was_read_in_a_silence_is_not_told_again(stack: FakeStack) -> None:
    # Given a run without a row whose words are late in the inbox
    run, told = direct(stack, ledgered=False), []
    late: list[dict[str, str]] = []
    stack.runs.hear = lambda fields: late.append(dict(fields))
    for text in ("a", "b"):
        stack.runs.say(OWNER, "job", Saying.CHUNK, chunk(text), inbox="inbox-1")
    batches = run.batches(lambda: False)
    while len(told) < 2:
        told += next(batches)
    # When they come after all, with the rest
    stack.runs.hear = stack.inbox.hand
    for fields in late:
        stack.inbox.hand(fields)
    stack.runs.say(OWNER, "job", Saying.CHUNK, chunk("c"), inbox="inbox-1")
    stack.runs.say(OWNER, "job", Saying.DONE, {}, inbox="inbox-1")
    for batch in batches:
        told += batch
    # Then each was told once
    assert [said(message) for message in told] == ["a", "b", "c", Saying.DONE]
    assert run.finished


def test_a_job_that_is_final_before_its_run_says_so_is_waited_for(stack: FakeStack) -> None:
    # Given a stream that has said a part when its job is closed
    run = direct(stack)
    batches = run.batches(lambda: False)
    stack.runs.say(OWNER, "job", Saying.CHUNK, chunk("a"), inbox="inbox-1")
    told = list(next(batches))
    stack.ledger.close("job", Status.SUCCEEDED, result=completion("ab"))
    # When its next words come a while after somebody looked, and its end after them
    later = [(Saying.DONE, {}), (Saying.CHUNK, chunk("b"))]
    for batch in batches:
        told += batch
        if later and run._unended and len(told) == 3 - len(later):
            stack.runs.say(OWNER, "job", *later.pop(), inbox="")
    # Then the stream is whole
    assert [said(message) for message in told] == ["a", "b", Saying.DONE]


def test_a_stream_that_never_says_its_end_ends_all_the_same(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memoryos_app.chat.run.LAST_WORDS", 0.1)
    run = direct(stack)
    stack.runs.say(OWNER, "job", Saying.CHUNK, chunk("a"), inbox="inbox-1")
    stack.ledger.close("job", Status.SUCCEEDED, result=completion("ab"))
    told = [message for batch in run.batches(lambda: False) for message in batch]
    assert [said(message) for message in told] == ["a", Saying.DONE]
    assert told[-1].data["choices"][0]["message"]["content"] == "ab"


def test_a_message_keeps_the_text_that_it_came_with() -> None:
    # Given JSON with an order and an escape of its own
    text = '{"b":1,"a":"\\u4f60 😀"}'
    message = Message("1-0", Saying.CHUNK, text=text)
    # Then it is passed on as it is, and read when somebody asks
    assert message.text == text
    assert message.data == {"b": 1, "a": "你 😀"} == json.loads(text)
    assert message == Message("1-0", Saying.CHUNK, {"a": "你 😀", "b": 1})
    assert Message("1-0", Saying.CHUNK, {"a": "你"}).text == '{"a":"你"}'


def test_few_streams_never_rest_and_many_share_the_wakes() -> None:
    pace = Pace(per_second=100, longest=0.2)
    # Given one stream that was read just now, then ten, then a hundred
    rests = []
    for streams in (1, 9, 90):
        for _ in range(streams):
            pace.join()
        rests.append(pace.rest(5.0, 5.0))
    # Then each rests for its share of the wakes, up to the longest rest
    assert rests == pytest.approx([0.01, 0.1, 0.2])
    # And what was read long ago, or by nobody else, at once
    assert pace.rest(5.0, 6.0) == 0.0
    for _ in range(100):
        pace.leave()
    assert pace.rest(5.0, 5.0) == 0.0
