"""Chunks that are said without waiting for each."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from memoryos_tasks.adapters.redis import connections, keyspace
from memoryos_tasks.adapters.redis import speech as module
from memoryos_tasks.adapters.redis.runs import RedisRuns
from memoryos_tasks.adapters.redis.speech import Mouth
from memoryos_tasks.core.errors import TrafficDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.runs import Saying

ALICE = Owner("acme", "alice")


@pytest.fixture
def runs(traffic: redis.Redis, codec: Codec) -> RedisRuns:
    return RedisRuns(traffic, codec)


def test_all_chunks_stand_in_order_when_the_speech_ends(runs: RedisRuns, traffic: redis.Redis) -> None:
    # When many chunks are said, and the end after them
    with runs.speaking(ALICE, "job", inbox="gate") as speech:
        cancelled = [speech.say(Saying.CHUNK, {"number": number}) for number in range(50)]
    runs.say(ALICE, "job", Saying.DONE, {}, inbox="gate")
    # Then the run's stream and the inbox hold each once, in order
    whole = runs.replay(ALICE, "job")
    assert [message.data for message in whole[:-1]] == [{"number": number} for number in range(50)]
    assert whole[-1].saying is Saying.DONE
    assert traffic.xlen(keyspace.inbox_key("gate")) == 51
    assert not any(cancelled)


def test_a_cancelled_run_hears_of_it_while_it_speaks(runs: RedisRuns) -> None:
    with runs.speaking(ALICE, "job", inbox="") as speech:
        assert not speech.say(Saying.CHUNK, {"number": 0})
        # When it is cancelled between two chunks
        runs.cancel(ALICE, "job")
        # Then it knows a moment after the next one
        until = time.monotonic() + 2
        while not speech.say(Saying.CHUNK, {"number": 1}):
            assert time.monotonic() < until
            time.sleep(0.001)


def text(said: str) -> dict[str, Any]:
    """A chunk of text."""
    return {"id": "c", "choices": [{"index": 0, "delta": {"content": said}, "finish_reason": None}]}


def heard(runs: RedisRuns, job_id: str) -> str:
    """All text of a run."""
    return "".join(message.data["choices"][0]["delta"]["content"] for message in runs.replay(ALICE, job_id))


def test_text_that_gathers_becomes_one_chunk(
    runs: RedisRuns, traffic: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given Redis that takes its time for one call
    begun, go_on = threading.Event(), threading.Event()
    send = Mouth._send

    def slowly(self: Mouth, spoken: Any) -> Any:
        begun.set()
        assert go_on.wait(5)
        return send(self, spoken)

    monkeypatch.setattr(Mouth, "_send", slowly)
    # When a run says many words meanwhile
    with runs.speaking(ALICE, "job", inbox="gate") as speech:
        speech.say(Saying.CHUNK, text("0 "))
        assert begun.wait(5)
        for number in range(1, 100):
            speech.say(Saying.CHUNK, text(f"{number} "))
        go_on.set()
    # Then they stand in two messages, in order, in its stream and in the inbox
    whole = runs.replay(ALICE, "job")
    assert len(whole) == 2
    assert heard(runs, "job") == "".join(f"{number} " for number in range(100))
    assert traffic.xlen(keyspace.inbox_key("gate")) == 2


def test_many_runs_speak_at_once(runs: RedisRuns, traffic: redis.Redis) -> None:
    # Given forty runs that each say a hundred words and an end
    def run(number: int) -> None:
        with runs.speaking(ALICE, f"job{number}", inbox="gate") as speech:
            for place in range(100):
                speech.say(Saying.CHUNK, text(f"{number}:{place} "))
            speech.say(Saying.CHUNK, {"end": number})
        runs.say(ALICE, f"job{number}", Saying.DONE, {}, inbox="gate")

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(run, range(40)))
    # Then each stream holds its own, in order, and so does the inbox
    for number in range(40):
        *chunks, end, done = runs.replay(ALICE, f"job{number}")
        said = "".join(message.data["choices"][0]["delta"]["content"] for message in chunks)
        assert said == "".join(f"{number}:{place} " for place in range(100))
        assert (end.data, done.saying) == ({"end": number}, Saying.DONE)
    ids: dict[str, list[tuple[int, ...]]] = {}
    entries: Any = traffic.xrange(keyspace.inbox_key("gate"))
    for _, fields in entries:
        ids.setdefault(fields["job"], []).append(tuple(int(part) for part in fields["id"].split("-")))
    assert all(places == sorted(places) for places in ids.values())
    assert len(ids) == 40


def test_a_failure_is_said_after_what_came_before_it(runs: RedisRuns) -> None:
    # When a run fails in the middle of its words, and says so
    def failing() -> None:
        with runs.speaking(ALICE, "job", inbox="") as speech:
            for number in range(300):
                speech.say(Saying.CHUNK, {"number": number})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        failing()
    runs.say(ALICE, "job", Saying.ERROR, {"code": "x"}, inbox="")
    # Then the error is the last word
    *chunks, error = runs.replay(ALICE, "job")
    assert [message.data["number"] for message in chunks] == list(range(300))
    assert error.saying is Saying.ERROR


def test_half_a_character_is_kept(runs: RedisRuns) -> None:
    with runs.speaking(ALICE, "job", inbox="") as speech:
        speech.say(Saying.CHUNK, {"half": "\ud83d"})
        speech.say(Saying.CHUNK, {"词": "世界"})
    assert [message.data for message in runs.replay(ALICE, "job")] == [{"half": "\ud83d"}, {"词": "世界"}]


def test_without_the_store_a_run_is_told_and_does_not_hang(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given nobody where Redis should be
    monkeypatch.setattr(connections, "REFUSED_SECONDS", 0.0)
    away = redis.Redis(port=1, socket_connect_timeout=0.2, socket_timeout=0.2)

    def speak() -> None:
        with RedisRuns(away, codec).speaking(ALICE, "job", inbox="") as speech:
            speech.say(Saying.CHUNK, {"number": 0})

    with pytest.raises(TrafficDown):
        speak()


def test_the_thread_ends_when_nobody_speaks(runs: RedisRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
    for _ in range(2):
        with runs.speaking(ALICE, "job", inbox="") as speech:
            speech.say(Saying.CHUNK, {"number": 0})
            thread = runs._mouth._thread
        assert thread is not None
        thread.join(5)
        assert not thread.is_alive()
    assert len(runs.replay(ALICE, "job")) == 2


def test_a_server_that_lost_its_scripts_is_told_again(runs: RedisRuns, traffic: redis.Redis) -> None:
    # When the server forgets its scripts in the middle of a speech
    with runs.speaking(ALICE, "job", inbox="") as speech:
        speech.say(Saying.CHUNK, {"number": 0})
        speech.say(Saying.CHUNK, {"number": 1})
        traffic.script_flush()
        speech.say(Saying.CHUNK, {"number": 2})
        speech.say(Saying.CHUNK, {"number": 3})
    # Then nothing is lost or out of order
    assert [message.data["number"] for message in runs.replay(ALICE, "job")] == [0, 1, 2, 3]


def test_a_speech_that_breaks_off_leaves_a_clean_connection(runs: RedisRuns, traffic: redis.Redis) -> None:
    # When a run raises in the middle of its speech
    def broken() -> None:
        with runs.speaking(ALICE, "job", inbox="") as speech:
            speech.say(Saying.CHUNK, {"number": 0})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    # Then nobody reads its last answer in place of their own
    assert [traffic.get(f"nothing-{number}") for number in range(5)] == [None] * 5
    with runs.speaking(ALICE, "other", inbox="") as speech:
        assert not speech.say(Saying.CHUNK, {"number": 1})
    assert [message.data for message in runs.replay(ALICE, "other")] == [{"number": 1}]


def test_a_store_that_lost_the_beginning_is_told_no_more(runs: RedisRuns, traffic: redis.Redis) -> None:
    # Given a stream whose beginning is lost with the store's memory
    def speak() -> None:
        with runs.speaking(ALICE, "job", inbox="gate") as speech:
            speech.say(Saying.CHUNK, {"number": 0})
            speech.settle()
            traffic.flushdb()
            speech.say(Saying.CHUNK, {"number": 1})

    # Then the run is told, and nobody takes the rest for the whole
    with pytest.raises(TrafficDown):
        speak()
    with pytest.raises(TrafficDown):
        runs.say(ALICE, "job", Saying.DONE, {}, inbox="gate", behind=True)
    assert runs.replay(ALICE, "job") == []
    assert traffic.xlen(keyspace.inbox_key("gate")) == 0
    # And an end that stands for itself is said
    runs.say(ALICE, "job", Saying.ERROR, {"code": "x"}, inbox="gate")
    assert [message.saying for message in runs.replay(ALICE, "job")] == [Saying.ERROR]


def test_a_refusal_that_another_caused_is_waited_for(
    runs: RedisRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a store that counts as down for a moment, because another thread's call failed
    monkeypatch.setattr(connections, "REFUSED_SECONDS", 0.3)
    with pytest.raises(TrafficDown), connections.traffic_errors():
        raise redis.TimeoutError
    # When a run speaks meanwhile, to its end
    with runs.speaking(ALICE, "job", inbox="") as speech:
        speech.say(Saying.CHUNK, {"number": 0})
    with pytest.raises(TrafficDown), connections.traffic_errors():
        raise redis.TimeoutError
    runs.say(ALICE, "job", Saying.DONE, {}, inbox="", behind=True)
    # Then all of it is said
    assert [message.saying for message in runs.replay(ALICE, "job")] == [Saying.CHUNK, Saying.DONE]
