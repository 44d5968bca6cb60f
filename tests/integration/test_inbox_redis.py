"""One reader a process, however many runs are listened to and followed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from memoryos_app import ear as ears
from memoryos_app.ear import Ear
from memoryos_app.inbox import Inbox, RedisSource
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.runs import RedisRuns
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.runs import Message, Saying

ALICE = Owner("acme", "alice")


@pytest.fixture
def runs(traffic: redis.Redis, codec: Codec) -> RedisRuns:
    return RedisRuns(traffic, codec)


@pytest.fixture
def inbox(traffic: redis.Redis, codec: Codec, runs: RedisRuns) -> Iterator[Inbox]:
    made = Inbox(RedisSource(traffic, keyspace.inbox_key("gate")), codec, runs, "gate")
    made.start()
    yield made
    made.stop()


def whole(ear: Ear, said: threading.Event | None = None) -> list[Message]:
    """All messages to the terminal one; ``said`` is set when the first is here."""
    heard: list[Message] = []
    until = time.monotonic() + 10
    while not (heard and heard[-1].terminal):
        try:
            heard += ear.batch(timeout=0.25)
        except TimeoutError:
            assert time.monotonic() < until, "the run went silent"
        if heard and said is not None:
            said.set()
    ear.close()
    return heard


def test_many_followers_share_one_reader(traffic: redis.Redis, runs: RedisRuns, inbox: Inbox) -> None:
    # Given thirty runs that have said something to somebody else, each followed from its start
    jobs = [f"job{number}" for number in range(30)]
    for job in jobs:
        runs.say(ALICE, job, Saying.CHUNK, {"say": job}, inbox="")
    heard = {job: threading.Event() for job in jobs}
    with ThreadPoolExecutor(30) as pool:
        waits = {job: pool.submit(whole, inbox.replay(ALICE, job), heard[job]) for job in jobs}
        assert all(event.wait(5) for event in heard.values())
        # Then one connection waits for all of them
        until = time.monotonic() + 5
        while len(inbox._followed) < len(jobs) and time.monotonic() < until:
            time.sleep(0.01)
        assert traffic.info("clients")["blocked_clients"] <= 1
        # And each hears its own to the end
        for job in jobs:
            runs.say(ALICE, job, Saying.CHUNK, {"more": job}, inbox="")
            runs.say(ALICE, job, Saying.DONE, {}, inbox="")
        for job in jobs:
            told = waits[job].result(timeout=10)
            assert [message.data for message in told] == [{"say": job}, {"more": job}, {}]
            assert [message.id for message in told] == [message.id for message in runs.replay(ALICE, job)]
    assert not inbox._followed


def test_followers_at_different_places_each_hear_all_once(runs: RedisRuns, inbox: Inbox) -> None:
    # Given a run that goes on speaking while followers come, from its start and from somewhere in it
    def speak() -> None:
        with runs.speaking(ALICE, "job", inbox="") as speech:
            for number in range(400):
                speech.say(Saying.CHUNK, {"number": number})
                time.sleep(0.001)
        runs.say(ALICE, "job", Saying.DONE, {}, inbox="")

    talker = threading.Thread(target=speak)
    talker.start()
    with ThreadPoolExecutor(12) as pool:
        waits = []
        for _ in range(12):
            so_far = runs.replay(ALICE, "job")
            after = so_far[len(so_far) // 2].id if so_far else "0-0"
            waits.append((after, pool.submit(whole, inbox.replay(ALICE, "job", after))))
            time.sleep(0.02)
        talker.join(20)
        # Then each hears what came after its place, once and in order
        for after, wait in waits:
            expected = [message.id for message in runs.replay(ALICE, "job", after=after)]
            assert [message.id for message in wait.result(timeout=10)] == expected


def test_an_ear_that_was_too_slow_goes_on_from_the_runs_stream(
    runs: RedisRuns, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an ear that holds few messages, and a run that says many before it is read
    monkeypatch.setattr(ears, "EAR_BOUND", 5)
    ear = inbox.listen(ALICE, "job")
    with runs.speaking(ALICE, "job", inbox="gate") as speech:
        for number in range(100):
            speech.say(Saying.CHUNK, {"number": number})
    until = time.monotonic() + 5
    while not ear._overflowed and time.monotonic() < until:
        time.sleep(0.01)
    # When it is read at last, and the run goes on
    first = ear.batch(timeout=1)
    for number in range(100, 150):
        runs.say(ALICE, "job", Saying.CHUNK, {"number": number}, inbox="gate")
    runs.say(ALICE, "job", Saying.DONE, {}, inbox="gate")
    # Then nothing is missing and nothing comes twice
    numbers = [message.data.get("number") for message in [*first, *whole(ear)]]
    assert numbers == [*range(150), None]
