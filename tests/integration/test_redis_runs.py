from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from memoryos_tasks.adapters.redis import keyspace
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


def test_replay_waits_for_news(runs: RedisRuns) -> None:
    with ThreadPoolExecutor(1) as pool:
        started = threading.Event()

        def listen() -> list[str]:
            started.set()
            return [message.saying for message in runs.replay(ALICE, "job", block_seconds=5)]

        heard = pool.submit(listen)
        started.wait(5)
        runs.say(ALICE, "job", Saying.DONE, {}, inbox="")
        assert heard.result(timeout=5) == [Saying.DONE]
    assert runs.replay(ALICE, "silent", block_seconds=0.05) == []


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
