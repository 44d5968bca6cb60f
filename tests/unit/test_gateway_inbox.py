"""The inbox, the watch and the hang-ups of one gateway process."""

# Stand-ins have the signatures of what they stand in for.

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator, Mapping

import pytest
from fakes import FakeRuns, FakeStack, FakeWorker
from plain_codec import PlainCodec

from memoryos_app import ear as ears
from memoryos_app import inbox as module
from memoryos_app.ear import Ear
from memoryos_app.inbox import Inbox, News, RunKey
from memoryos_app.watch import Watch
from memoryos_tasks.core.errors import TrafficDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.runs import Message, Saying

OWNER = Owner("default", "李雷")


class Stream:
    """A source that a test feeds; an exception among the entries is raised instead."""

    def __init__(self) -> None:
        self.fed: queue.Queue[tuple[str, Mapping[str, str]] | Exception] = queue.Queue()
        self.read_after: list[str] = []
        self.trimmed, self.woken = threading.Event(), threading.Event()
        self.followed: dict[RunKey, str] = {}

    def read(self, after: str, runs: Mapping[RunKey, str], block_seconds: float) -> News:
        self.read_after.append(after)
        self.followed = dict(runs)
        try:
            fed = self.fed.get(timeout=0.02)
        except queue.Empty:
            return News()
        if isinstance(fed, Exception):
            raise fed
        return News([fed])

    def wake(self) -> None:
        self.woken.set()

    def trim(self, before: str) -> None:
        self.trimmed.set()


def said(job: str, saying: Saying, number: int, **data: str) -> dict[str, str]:
    return {
        "job": job,
        "id": f"{number}-0",
        "say": saying.value,
        "data": json.dumps(data, ensure_ascii=False),
    }


def all_of(ear: Ear, *, timeout: float = 5) -> Iterator[Message]:
    """What an ear hears, to the end."""
    while True:
        for message in ear.batch(timeout=timeout):
            yield message
            if message.terminal:
                return


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def inbox(stream: Stream) -> Iterator[Inbox]:
    made = Inbox(stream, PlainCodec(), FakeRuns(), "i")
    made.start()
    yield made
    made.stop()


def test_each_ear_hears_its_own_run_in_order(stream: Stream, inbox: Inbox) -> None:
    # Given two ears
    one, two = inbox.listen(OWNER, "one"), inbox.listen(OWNER, "two")
    # When the stream speaks to both, and to a run that nobody knows
    for place, fields in enumerate(
        [
            said("one", Saying.CHUNK, 1, text="你"),
            said("nobody", Saying.CHUNK, 2),
            said("two", Saying.DONE, 3),
            said("one", Saying.DONE, 4),
        ]
    ):
        stream.fed.put((f"{place}-1", fields))
    # Then each hears what is its own, to the end
    heard = [(message.id, message.saying, dict(message.data)) for message in all_of(one, timeout=5)]
    assert heard == [("1-0", Saying.CHUNK, {"text": "你"}), ("4-0", Saying.DONE, {})]
    assert [message.id for message in all_of(two, timeout=5)] == ["3-0"]
    # And what was read is cut off
    assert stream.trimmed.wait(5)


def test_the_reader_goes_on_where_it_stood_after_a_failure(stream: Stream, inbox: Inbox) -> None:
    ear = inbox.listen(OWNER, "one")
    stream.fed.put(("7-0", said("one", Saying.CHUNK, 1)))
    stream.fed.put(ConnectionError())
    stream.fed.put(("9-0", {"job": "one"}))
    stream.fed.put(("9-1", said("one", Saying.DONE, 2)))
    assert [message.id for message in all_of(ear, timeout=5)] == ["1-0", "2-0"]
    assert stream.read_after[0] == "0-0"
    assert stream.read_after.count("7-0") >= 2


def test_silence_is_a_timeout(inbox: Inbox) -> None:
    with pytest.raises(TimeoutError):
        list(all_of(inbox.listen(OWNER, "one"), timeout=0.01))


def test_a_slow_reader_goes_on_from_the_runs_own_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an ear that holds two messages, and a run that says five
    monkeypatch.setattr(ears, "EAR_BOUND", 2)
    runs = FakeRuns()
    inbox = Inbox(Stream(), PlainCodec(), runs, "i")
    runs.hear = inbox.hand
    ear = inbox.listen(OWNER, "one")
    for number in range(4):
        runs.say(OWNER, "one", Saying.CHUNK, {"n": number}, inbox="i")
    runs.say(OWNER, "one", Saying.DONE, {}, inbox="i")
    # When it reads at last, then it misses nothing and hears nothing twice
    heard = list(all_of(ear, timeout=1))
    assert [message.data.get("n") for message in heard] == [0, 1, 2, 3, None]


def test_early_ends_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EARLY_BOUND", 2)
    inbox = Inbox(Stream(), PlainCodec(), FakeRuns(), "i")
    for number in range(3):
        inbox.hand(said(f"job{number}", Saying.DONE, number))
    assert [message.id for message in all_of(inbox.listen(OWNER, "job2"), timeout=0.01)] == ["2-0"]
    with pytest.raises(TimeoutError):
        list(all_of(inbox.listen(OWNER, "job0"), timeout=0.01))


def test_the_watch_sees_stores_go_and_come_back() -> None:
    # Given stores that can be away
    away: set[str] = set()

    def ping(store: str) -> None:
        if store in away:
            raise ConnectionError

    def workers() -> list[FakeWorker]:
        if "presence" in away:
            raise TrafficDown
        return [FakeWorker()]

    watch = Watch(lambda: ping("truth"), lambda: ping("traffic"), workers)
    seen = []
    for gone in ({"truth", "traffic"}, {"truth"}, {"traffic"}, {"presence"}, set[str]()):
        away.clear()
        away.update(gone)
        watch.look()
        seen.append(watch.state.status)
    assert seen == ["degraded:proxy", "degraded:truth", "degraded:traffic", "degraded:traffic", "ready"]
    # A call that fails says so at once, and the next look heals it
    watch.truth_failed()
    assert watch.state.status == "degraded:truth"
    watch.traffic_failed()
    assert watch.state.status == "degraded:proxy"
    watch.look()
    assert watch.state.status == "ready"


def test_the_watch_lets_a_request_wait_for_a_worker() -> None:
    # Given a stack whose worker comes after the first look
    found: list[FakeWorker] = []
    watch = Watch(lambda: None, lambda: None, lambda: found, period=0.01)
    watch.start()
    try:
        assert not watch.wait_for("chat", 0.02)
        found.append(FakeWorker())
        assert watch.wait_for("chat", 5)
    finally:
        watch.stop()


def test_who_comes_back_within_the_grace_keeps_the_run() -> None:
    stack = FakeStack()
    # Given a run whose client left
    stack.hangups.came("job")
    stack.hangups.left(OWNER, "job", finished=False)
    # When somebody comes back for it, then another run's end does not take it along
    stack.hangups.came("job")
    stack.hangups.stop()
    assert not stack.runs.cancelled
