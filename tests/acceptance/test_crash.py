"""Processes are killed at random under load; what was acknowledged is in memory, once and in order."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from acceptance.crash.engines import path_with, redis_server
from acceptance.crash.killer import Killer
from acceptance.crash.load import Adds, Chats, Load, RawEntries
from acceptance.crash.plan import calls, lane, singles
from acceptance.crash.rest import come_to_rest
from acceptance.system import System, serves, wait_for

EVENTS = int(os.environ.get("CRASH_EVENTS", "400"))
KILLS = int(os.environ.get("CRASH_KILLS", "4"))
SEED = int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(1, 10**6))
ENGINES = [os.environ["CRASH_REDIS"]] if os.environ.get("CRASH_REDIS") else ["6.2", "7"]
PIPELINES = [os.environ["CRASH_PIPELINE"]] if os.environ.get("CRASH_PIPELINE") else ["sync", "async"]
#: All of them in full, by scripts/crash_test; every engine and every pipeline once in the short form.
FULL = "CRASH_EVENTS" in os.environ
SYSTEMS = list(product(ENGINES, PIPELINES)) if FULL else list(zip(ENGINES, PIPELINES, strict=True))
#: The most seconds that a round waits for its calls before the next kill.
ROUND_SECONDS = 3.0


@pytest.mark.slow
@pytest.mark.timeout(150 + 15 * KILLS)
@pytest.mark.parametrize(("engine", "pipeline"), SYSTEMS)
def test_what_was_acknowledged_is_in_memory_once(
    engine: str, pipeline: str, make_system: Callable[..., System], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a running system whose sessions soon fall idle, and clients that repeat each call until it is acknowledged
    system = make_system({
        "PATH": path_with(tmp_path / "bin", redis_server(engine)),
        "MEMORYOS_ASYNC_MEMORY_PIPELINE": str(pipeline == "async").lower(),
        "MEMORYOS__MEMORY__IDLE_SECONDS": "10",
    })
    started, load, chats = time.monotonic(), Load(), Chats(system, later=True)
    plans = [*calls(EVENTS, seed=SEED), lane("raw", EVENTS // 50), singles("chat", EVENTS // 50)]
    for send, plan in zip([*(Adds(system) for _ in plans[2:]), RawEntries(system), chats], plans, strict=True):
        load.start(send, plan)

    # When one process after the other is killed amid their calls
    killer = Killer(system, seed=SEED)
    share = sum(map(len, plans)) // (KILLS + 1)
    for _ in range(KILLS):
        before = len(load.acked)
        load.allow(share)
        load.reached(before + killer.share(share), seconds=ROUND_SECONDS)
        print(f"{time.monotonic() - started:.1f} s: killed {killer.kill()} after {len(load.acked)} events")
        load.reached(before + share, seconds=ROUND_SECONDS)
        wait_for(lambda: serves(system), seconds=killer.patience())
    load.allow(sum(map(len, plans)))
    load.join()

    # Then the system comes to rest, and every acknowledged event stands in one place
    verdict = come_to_rest(system, load, chats.jobs)
    with capsys.disabled():
        print(f"\ncrash test, Redis {engine}, {pipeline} (seed {SEED}): {verdict} / kills {killer.killed.total()} "
              f"({load.retries} calls sent again, {time.monotonic() - started:.0f} s)")
    assert not verdict.faults(), verdict.faults()
