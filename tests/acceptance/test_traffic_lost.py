"""The traffic Redis loses all that it holds; nothing that was accepted is lost with it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
import redis
from acceptance.crash.killer import kinds
from acceptance.crash.load import Adds, Chats, Load
from acceptance.crash.plan import calls, singles
from acceptance.crash.rest import come_to_rest, succeeded
from acceptance.system import System, answers, until

#: Seconds in which jobs finish whose messages were wiped.
FINISH_SECONDS = 10.0


def _wipe(system: System) -> None:
    """Empty the traffic store, then kill it."""
    until(lambda: answers(system.traffic_url), seconds=10, what="the traffic store answers")
    with redis.Redis.from_url(system.traffic_url, socket_timeout=5) as traffic:
        traffic.flushall()
    system.kill(*kinds(system)["redis-traffic"][0])


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_nothing_is_lost_when_the_traffic_store_is_wiped_under_load(make_system: Callable[..., System]) -> None:
    # Given clients that add events and chat, to be answered at once and later
    system = make_system()
    load, now, later = Load(), Chats(system, later=False), Chats(system, later=True)
    for plan in calls(400, seed=7):
        load.start(Adds(system), plan)
    load.start(now, singles("now", 30))
    load.start(later, singles("later", 30))
    # When the traffic store is wiped clean and killed amid their calls, several times
    for _ in range(3):
        before = len(load.acked)
        load.allow(80)
        assert load.reached(before + 40, seconds=20)
        _wipe(system)
        load.reached(before + 80, seconds=5)
    load.allow(1000)
    load.join()
    # Then every call was acknowledged in the end, and what was acknowledged is done and remembered, once
    verdict = come_to_rest(system, load, [*now.jobs, *later.jobs])
    assert not verdict.faults(), verdict.faults()


def test_jobs_whose_messages_were_wiped_finish(make_system: Callable[..., System]) -> None:
    # Given jobs that were accepted while the worker stood still, so that all their messages wait in the traffic store
    system = make_system({"MEMORYOS_ASYNC_MEMORY_PIPELINE": "true"})
    worker = system.pids(*kinds(system)["worker"][0])[0]
    os.kill(worker, signal.SIGSTOP)
    load, later = Load(), Chats(system, later=True)
    load.start(later, singles("later", 20))
    load.start(Adds(system), calls(100, seed=7)[0])
    load.allow(1000)
    load.join()
    assert not load.failures, load.failures
    # When the traffic store is wiped clean and killed, and the worker goes on
    _wipe(system)
    os.kill(worker, signal.SIGCONT)
    # Then all of them finish
    until(lambda: succeeded(system, later.jobs), seconds=FINISH_SECONDS, what="the chats are answered")
    verdict = come_to_rest(system, load)
    assert not verdict.faults(), verdict.faults()
