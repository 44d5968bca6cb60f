from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
import redis

from memoryos_tasks.adapters.redis import cancels, keyspace
from memoryos_tasks.adapters.redis.runs import RedisRuns
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.runs import Saying

ALICE = Owner("acme", "alice")
STRANGER = Owner("other", "alice")


@pytest.fixture
def runs(traffic: redis.Redis, codec: Codec) -> RedisRuns:
    return RedisRuns(traffic, codec)


def test_what_was_said_is_replayed_from_any_place(runs: RedisRuns, traffic: redis.Redis) -> None:
    for number in range(3):
        assert not runs.say(ALICE, "job", Saying.CHUNK, {"词": number}, inbox="")
    runs.say(ALICE, "job", Saying.DONE, {}, inbox="")
    whole = runs.replay(ALICE, "job")
    assert [(one.saying, one.data, one.terminal) for one in whole] == [
        *((Saying.CHUNK, {"词": number}, False) for number in range(3)),
        (Saying.DONE, {}, True),
    ]
    assert runs.replay(ALICE, "job", after=whole[1].id) == whole[2:]
    assert runs.replay(ALICE, "job", after=whole[-1].id) == []
    assert runs.replay(STRANGER, "job") == []
    assert traffic.ttl(keyspace.run("acme", "job")) > 0


def test_the_waiting_gateway_hears_the_same_at_once(runs: RedisRuns, traffic: redis.Redis, codec: Codec) -> None:
    runs.say(ALICE, "job", Saying.START, {"tier": "2"}, inbox="gw-1")
    entries: Any = traffic.xrange(keyspace.inbox_key("gw-1"))
    ((_, heard),) = entries
    (message,) = runs.replay(ALICE, "job")
    assert (heard["job"], heard["id"], heard["say"]) == ("job", message.id, "start")
    assert json.loads(codec.open(ALICE, heard["data"])) == {"tier": "2"}
    assert traffic.ttl(keyspace.inbox_key("gw-1")) > 0


def test_a_cancelled_run_learns_it_with_its_next_word(runs: RedisRuns) -> None:
    assert runs.say(ALICE, "job", Saying.CHUNK, {}, inbox="") is False
    runs.cancel(STRANGER, "job")
    assert runs.say(ALICE, "job", Saying.CHUNK, {}, inbox="") is False
    runs.cancel(ALICE, "job")
    assert runs.say(ALICE, "job", Saying.CHUNK, {}, inbox="gw") is True


def test_only_chunks_count_as_having_spoken(runs: RedisRuns) -> None:
    assert not runs.spoke(ALICE, "job")
    # Given two runs that died before their first chunk
    for _ in range(2):
        runs.say(ALICE, "job", Saying.START, {}, inbox="")
        assert not runs.spoke(ALICE, "job")
    # When the third one speaks
    runs.say(ALICE, "job", Saying.CHUNK, {}, inbox="")
    assert runs.spoke(ALICE, "job")
    assert not runs.spoke(STRANGER, "job")


def test_a_question_is_taken_once(runs: RedisRuns, traffic: redis.Redis) -> None:
    runs.ask(ALICE, "req", {"query": "吃什么", "limit": 3})
    assert 0 < traffic.ttl(keyspace.asked("acme", "req")) <= 60
    assert runs.asked("other", "req") is None
    with ThreadPoolExecutor(10) as pool:
        taken = [one for one in pool.map(lambda _: runs.asked("acme", "req"), range(20)) if one is not None]
    assert taken == [(ALICE, {"query": "吃什么", "limit": 3})]


def test_a_silent_run_learns_that_it_was_cancelled(runs: RedisRuns) -> None:
    # Given two silent runs, one of them a stranger's with the same id
    with runs.watching(ALICE, "job") as ours, runs.watching(STRANGER, "job") as theirs:
        assert not ours()
        # When one is cancelled
        runs.cancel(ALICE, "job")
        # Then it knows within a second, and the other goes on
        until = time.monotonic() + 1
        while not ours() and time.monotonic() < until:
            time.sleep(0.01)
        assert (ours(), theirs()) == (True, False)


def test_one_thread_looks_after_all_runs_and_ends_with_them(
    runs: RedisRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancels, "LOOK_SECONDS", 0.01)

    def lookers() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "cancels"}

    # Given other tests' threads, which end by themselves, and many runs
    before = lookers()
    with ExitStack() as open_runs:
        for number in range(20):
            open_runs.enter_context(runs.watching(ALICE, f"job{number}"))
        # Then one thread more looks after them
        (mine,) = lookers() - before
    # And it ends when they have
    mine.join(5)
    assert not mine.is_alive()
    # A later run is looked after again
    runs.cancel(ALICE, "late")
    with runs.watching(ALICE, "late") as cancelled:
        until = time.monotonic() + 1
        while not cancelled() and time.monotonic() < until:
            time.sleep(0.01)
        assert cancelled()
