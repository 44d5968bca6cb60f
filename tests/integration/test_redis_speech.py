"""Chunks that are said without waiting for each."""

from __future__ import annotations

import pytest
import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.runs import RedisRuns
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


def test_a_cancelled_run_hears_of_it_within_two_chunks(runs: RedisRuns) -> None:
    with runs.speaking(ALICE, "job", inbox="") as speech:
        assert not speech.say(Saying.CHUNK, {"number": 0})
        # When it is cancelled between two chunks
        runs.cancel(ALICE, "job")
        heard = [speech.say(Saying.CHUNK, {"number": number}) for number in (1, 2)]
    # Then it knows at the latest with the second
    assert heard[1]


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
