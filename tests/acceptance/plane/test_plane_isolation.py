"""Endpoints that are slow, fail or are dead: isolated, back with a slow start, and no client notices."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis
import requests
from acceptance.plane.load import Load
from acceptance.system import System, free_port, until
from vendors.glm import Glm

from memoryos_tasks.adapters.plane.plan import Rules
from memoryos_tasks.adapters.plane.scheduler import RedisScheduler
from memoryos_tasks.core.plane.config import Breaker, Endpoint, Scheduling, endpoint_id
from memoryos_tasks.ports.plane.scheduling import EndpointState

#: The short form runs by default; PLANE_ISOLATION=30 measures for half a minute, with the breaker's own times.
SECONDS = float(os.environ.get("PLANE_ISOLATION", "6"))
WHOLE = SECONDS >= 30
WEIGHTS = {"one": 1.0, "two": 2.0, "three": 3.0, "slow": 2.0, "failing": 2.0, "dead": 2.0}
BAD = ("slow", "failing", "dead")
#: What a healthy answer takes, and how many clients ask: some requests are under way for each unit of weight.
ANSWER, CLIENTS = 0.4, 36
OPEN, SLOW_START = (30.0, 30.0) if WHOLE else (3.0, 8.0)


class Plane:
    """A running system whose plane has these endpoints."""

    def __init__(self, system: System, urls: Mapping[str, str]) -> None:
        self.url = system.url
        self.system = system
        self.endpoints = {
            name: Endpoint(endpoint_id("glm", url, "glm"), "glm", url=url, weight=WEIGHTS.get(name, 1.0))
            for name, url in urls.items()
        }
        rules = Rules(Scheduling(stickiness=False, slow_start=SLOW_START), Breaker(open_seconds=OPEN))
        self._client = redis.Redis.from_url(system.traffic_url, decode_responses=True)
        self._scheduler = RedisScheduler(self._client, lambda: rules)

    def states(self) -> dict[str, EndpointState]:
        """By name."""
        found = self._scheduler.states(list(self.endpoints.values()))
        return {name: found[endpoint.id] for name, endpoint in self.endpoints.items()}

    def in_flight(self) -> int:
        return sum(state.in_flight for state in self.states().values())


@contextmanager
def plane(make_system: Callable[..., System], folder: Path, urls: Mapping[str, str]) -> Iterator[Plane]:
    """A system with a plane of these endpoints, once it answers."""
    config = {
        "models": [{"name": "glm", "endpoint": url, "weight": WEIGHTS.get(name, 1.0)} for name, url in urls.items()],
        "limits": {"rps": 0, "user_rate": 0, "ip_rate": 0},
        "scheduling": {"stickiness": False, "slow_start": SLOW_START},
        "breaker": {"open_seconds": OPEN},
    }
    file = folder / "mcp_config.yaml"
    file.write_text(json.dumps(config))
    # A machine on which much else runs may need a while for a write; that is not what is tested here.
    system = make_system({"MEMORYOS_MCP_CONFIG": str(file), "MEMORYOS__REDIS__TIMEOUT": "5"})
    until(lambda: _ready(system), seconds=30, what="the plane is ready")
    yield Plane(system, urls)


def _ready(system: System) -> bool:
    try:
        return bool(system.get("/mcp/health").json().get("status") == "ready")
    except (requests.RequestException, ValueError):
        return False


@pytest.mark.slow
@pytest.mark.timeout(180 + 8 * int(SECONDS + OPEN + SLOW_START))
def test_bad_endpoints_are_isolated_and_come_back_and_no_client_notices(
    make_system: Callable[..., System], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    with ExitStack() as servers:
        # Given six endpoints, three of them healthy
        modes = dict.fromkeys(WEIGHTS, "healthy") | {"slow": "slow", "failing": "failing"}
        glm = {name: servers.enter_context(Glm(mode, seconds=ANSWER, record=False))
               for name, mode in modes.items() if name != "dead"}
        urls = {name: glm[name].url if name in glm else f"http://127.0.0.1:{port}/generate" for name in WEIGHTS}
        with plane(make_system, tmp_path, urls) as running, Load(running.url, CLIENTS) as load:
            # When clients ask, then the other three are isolated within ten seconds
            began = time.monotonic()
            until(lambda: load.told.total(), seconds=10, what="the first answer")
            until(lambda: not any(running.states()[name].ready for name in BAD), seconds=10, what="all are isolated")
            isolated = time.monotonic() - began
            assert all(running.states()[name].ready for name in ("one", "two", "three"))
            # And the healthy carry the load by their weights
            before = {name: server.prompts for name, server in glm.items()}
            time.sleep(SECONDS)
            carried = {name: glm[name].prompts - before[name] for name in ("one", "two", "three")}
            for name, prompts in carried.items():
                assert prompts == pytest.approx(sum(carried.values()) * WEIGHTS[name] / 6, rel=0.1), carried
            # When they recover
            glm["dead"] = servers.enter_context(Glm("healthy", seconds=ANSWER, port=port, record=False))
            for name in BAD:
                glm[name].mode = "healthy"
                glm[name].release()
            recovered = time.monotonic()
            first: dict[str, EndpointState] = {}

            def back() -> bool:
                states = running.states()
                for name in BAD:
                    if states[name].ready:
                        first.setdefault(name, states[name])
                return len(first) == len(BAD)

            # Then they come back, with less than their weights at first, and with all of them later
            until(back, seconds=OPEN * 4 + 30, what="all are back")
            returned = time.monotonic() - recovered
            assert all(state.weight < WEIGHTS[name] / 2 for name, state in first.items()), first
            until(lambda: all(running.states()[name].weight == WEIGHTS[name] for name in BAD),
                  seconds=SLOW_START + 5, what="all have their weights")
            before = {name: glm[name].prompts for name in glm}
            time.sleep(SECONDS)
            share = {name: glm[name].prompts - before[name] for name in glm}
            for name, prompts in share.items():
                assert prompts == pytest.approx(sum(share.values()) * WEIGHTS[name] / 12, rel=0.25), share
        # And clients had their answers all the time
        with capsys.disabled():
            print(f"\n{load.told.total()} requests, {load.success:.4%} answered, slowest {load.slowest:.1f} s; "
                  f"isolated after {isolated:.1f} s, back after {returned:.1f} s; load {carried}, later {share}")
        assert load.success >= 0.999, load.told
        until(lambda: running.in_flight() == 0, seconds=5, what="no place is taken")


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_killed_worker_leaves_no_phantom_load_and_its_requests_run_again(
    make_system: Callable[..., System], tmp_path: Path
) -> None:
    # Given requests under way
    with (
        Glm("healthy", seconds=3.0) as one,
        Glm("healthy", seconds=3.0) as two,
        plane(make_system, tmp_path, {"one": one.url, "two": two.url}) as running,
        ThreadPoolExecutor(8) as clients,
    ):
        answers = [clients.submit(running.system.post, "/inference", {"prompt": f"问题{n}"}) for n in range(8)]
        until(lambda: running.in_flight() == 8, seconds=20, what="all are at an endpoint")
        # When their worker is killed
        running.system.kill("celery", "worker")
        # Then each is answered all the same
        assert [answer.result(90).json()["text"] for answer in answers] == [f"问题{n}" for n in range(8)]
        # And no place is taken by those that died
        until(lambda: running.in_flight() == 0, seconds=20, what="no place is taken")
        assert all(state.ready for state in running.states().values())
