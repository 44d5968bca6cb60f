"""Two beats of one truth ring once, and one of them always rings."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery_processes import CeleryProcess, beat, environment
from waiting import until

from memoryos_app.stack.program import Role
from memoryos_tasks.adapters.redis.keyspace import BEAT
from memoryos_tasks.core.settings import Settings

SWEEP = "maintenance.sweep"


@pytest.fixture
def start(
    redis_settings: Settings, redis_urls: dict[Role, str], tmp_path: Path
) -> Iterator[Callable[[], CeleryProcess]]:
    """Starts beats, and stops those that still run."""
    started: list[CeleryProcess] = []

    def one() -> CeleryProcess:
        process = beat(env=environment(redis_urls, tmp_path), log=tmp_path / f"beat{len(started)}.log")
        started.append(process)
        return process

    yield one
    for process in started:
        process.__exit__()


def rung(traffic: redis.Redis) -> list[tuple[int, str]]:
    """(pid of the beat, task) of every bell that lies in the queue, oldest first."""
    messages: Any = traffic.lrange("maintenance", 0, -1)
    headers = [json.loads(message)["headers"] for message in reversed(messages)]
    return [(int(each["origin"].split("@")[0].removeprefix("gen")), each["task"]) for each in headers]


def ringing(traffic: redis.Redis, pids: set[int], seconds: float) -> int:
    """Which of the beats has rung since now."""
    known = len(rung(traffic))
    return until(lambda: next((pid for pid, _ in rung(traffic)[known:] if pid in pids), None), seconds=seconds,
                 what="a beat rings")


def test_of_two_beats_one_rings_and_the_other_follows_its_end(
    start: Callable[[], CeleryProcess], traffic: redis.Redis
) -> None:
    # Given two beats, one of which rings
    beats = {process.pid: process for process in (start(), start())}
    leader = ringing(traffic, set(beats), seconds=60)
    until(lambda: all(each.says("beat_leads") or each.says("beat_follows") for each in beats.values()), seconds=30,
          what="both run")
    # Then what is due is rung for once an interval, and by nobody else
    before = len(rung(traffic))
    began = time.monotonic()
    until(lambda: Counter(rung(traffic)[before:])[(leader, SWEEP)] >= 6, seconds=15, what="six sweeps are rung")
    took = time.monotonic() - began
    bells = rung(traffic)[before:]
    assert {pid for pid, _ in bells} == {leader}
    assert took > 4.5, "sweeps are rung for more often than once a second"
    assert Counter(task for _, task in bells)["maintenance.idle"] <= 2
    # When the leader is killed, the other one rings once the lease is over
    beats.pop(leader).kill()
    (follower,) = beats
    began = time.monotonic()
    assert ringing(traffic, {follower}, seconds=10) == follower
    assert time.monotonic() - began < 7.5
    # When that one stops in peace, the next has not to wait
    third = start()
    until(lambda: third.says("beat_follows"), seconds=30, what="the third follows")
    beats[follower].terminate()
    assert beats[follower].ended(5) == 0
    began = time.monotonic()
    assert ringing(traffic, {third.pid}, seconds=5) == third.pid
    assert time.monotonic() - began < 2.5


def test_a_beat_that_loses_the_lead_is_silent_until_it_has_it_again(
    start: Callable[[], CeleryProcess], truth: redis.Redis, traffic: redis.Redis
) -> None:
    # Given a beat that rings
    process = start()
    ringing(traffic, {process.pid}, seconds=60)
    # When another one has the lead, as after a pause of the machine
    truth.set(BEAT, "another", px=60_000)
    until(lambda: process.says("beat_follows"), seconds=15, what="it knows")
    known = len(rung(traffic))
    # Then it rings no more, although much falls due
    end = time.monotonic() + 3
    until(lambda: time.monotonic() > end, seconds=30, what="three sweeps fall due")
    assert len(rung(traffic)) == known
    # And it rings again when the other is gone
    truth.delete(BEAT)
    assert ringing(traffic, {process.pid}, seconds=15)


def test_while_the_truth_is_away_nobody_rings_and_then_it_goes_on(
    start: Callable[[], CeleryProcess], truth: redis.Redis, traffic: redis.Redis
) -> None:
    # Given a beat that rings
    process = start()
    ringing(traffic, {process.pid}, seconds=60)
    # When the truth answers nobody for longer than a lease
    server = int(truth.info("server")["process_id"])
    os.kill(server, signal.SIGSTOP)
    try:
        until(lambda: process.says("truth_not_reached"), seconds=5, what="it knows")
        known = len(rung(traffic))
        end = time.monotonic() + 5
        until(lambda: time.monotonic() > end, seconds=6, what="the lease is over")
        assert len(rung(traffic)) == known
    finally:
        os.kill(server, signal.SIGCONT)
    # Then it rings again by itself
    assert ringing(traffic, {process.pid}, seconds=5)
    assert process.running
