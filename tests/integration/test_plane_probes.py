"""Health probes of endpoints, and what the scheduler makes of them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis
from plane_clock import HandClock
from vendors.glm import Glm

from memoryos_tasks.adapters.plane.leases import Leases
from memoryos_tasks.adapters.plane.plan import Rules
from memoryos_tasks.adapters.plane.probes import Probes, probe
from memoryos_tasks.adapters.plane.scheduler import RedisScheduler
from memoryos_tasks.core.plane.config import Endpoint, Health

HEALTH = Health(initial_delay=1.0, period=2.0, failure_threshold=3, timeout=0.5)
FOUR = tuple(Endpoint(name, "m", url=f"http://{name}.example", health=HEALTH) for name in "abcd")


class Looked:
    """Finds what the test says."""

    def __init__(self) -> None:
        self.dead: set[str] = set()
        self.seen: list[str] = []

    def __call__(self, endpoint: Endpoint) -> bool:
        self.seen.append(endpoint.id)
        return endpoint.id not in self.dead


@pytest.fixture
def clock(traffic: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> HandClock:
    return HandClock(traffic, monkeypatch)


@pytest.fixture
def scheduler(clock: HandClock, traffic: redis.Redis) -> RedisScheduler:
    return RedisScheduler(traffic, Rules, leases=Leases(traffic, lease_seconds=10**6, keep_seconds=3600))


@pytest.fixture
def glm() -> Iterator[Glm]:
    with Glm() as vendor:
        yield vendor


def test_each_endpoint_is_probed_once_a_period_by_whoever_looks(clock: HandClock, traffic: redis.Redis) -> None:
    looked = Looked()
    one, other = Probes(traffic, looked), Probes(traffic, looked)
    # Not before its initial delay
    assert one.round(FOUR) == {}
    clock.wait(1)
    assert set(one.round(FOUR)) == set("abcd")
    assert other.round(FOUR) == {}
    clock.wait(2)
    assert set(other.round(FOUR[:1])) == {"a"}
    # One that was removed is probed no more
    assert set(one.round(FOUR[1:])) == set("bcd")
    assert sorted(looked.seen) == sorted("abcd" + "a" + "bcd")


def test_an_endpoint_whose_probes_fail_is_unready_until_one_succeeds(
    clock: HandClock, scheduler: RedisScheduler, traffic: redis.Redis
) -> None:
    looked = Looked()
    looked.dead = {"a"}
    probes = Probes(traffic, looked)
    probes.round(FOUR)
    for at in range(3):
        assert not scheduler.states(FOUR)["a"].down
        clock.wait(2)
        probes.round(FOUR)
        assert scheduler.states(FOUR)["a"].down == (at == 2)
    assert not scheduler.states(FOUR)["a"].ready
    assert scheduler.states(FOUR)["b"].next_probe == 2
    for at in range(20):
        got = scheduler.reserve("m", FOUR, request_id=f"r{at}")
        assert got is not None
        assert got.endpoint.id != "a"
    # When it answers again, it comes back with a slow start
    clock.wait(60)
    looked.dead = set()
    probes.round(FOUR)
    state = scheduler.states(FOUR)["a"]
    assert (state.down, state.ready, state.weight) == (False, True, 0.1)


def test_when_most_are_unready_all_are_asked(clock: HandClock, scheduler: RedisScheduler, traffic: redis.Redis) -> None:
    looked = Looked()
    looked.dead = set("abc")
    probes = Probes(traffic, looked)
    probes.round(FOUR)
    for _ in range(3):
        clock.wait(2)
        probes.round(FOUR)
    clock.wait(60)
    # Then it shows
    assert all(state.panic for state in scheduler.states(FOUR).values())
    # And those that are said to be unready take a little of the load
    got = [scheduler.reserve("m", FOUR, request_id=f"r{at}") for at in range(26)]
    taken = [one.endpoint.id for one in got if one is not None and one.panic]
    assert {id: taken.count(id) for id in "abcd"} == {"a": 2, "b": 2, "c": 2, "d": 20}
    # Also when none is left, the last is never shut out
    looked.dead = set("abcd")
    for _ in range(3):
        clock.wait(2)
        probes.round(FOUR)
    assert scheduler.reserve("m", FOUR, request_id="more") is not None
    assert scheduler.reserve("n", [replace(FOUR[0], model="n")], request_id="only") is not None


def test_a_connection_is_enough_unless_a_path_is_given(glm: Glm) -> None:
    endpoint = Endpoint("1", "m", url=glm.url, token="secret", health=Health(timeout=0.5))
    assert probe(endpoint)
    assert not glm.seen
    for path in ("/health", "health", "/nothing-here"):
        assert probe(replace(endpoint, health=Health(path=path, timeout=0.5)))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        away = replace(endpoint, url=f"http://127.0.0.1:{free.getsockname()[1]}/generate")
        assert not probe(away)
        assert not probe(replace(away, health=Health(path="/health", timeout=0.5)))


@pytest.mark.parametrize(("said", "well"), [
    (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", False), (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", True),
    (b"HTTP/1.1 302 Go\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", True), (b"", False), (b"HTTP/1.1 200 O", False),
])
def test_a_path_is_well_below_500(said: bytes, well: bool) -> None:
    # Given a server that says so much, and then waits
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(said)
                done.wait(5)

        thread = threading.Thread(target=answer)
        thread.start()
        port = server.getsockname()[1]
        health = Health(path="/health", timeout=0.3)
        try:
            assert probe(Endpoint("1", "m", url=f"http://127.0.0.1:{port}/generate", health=health)) is well
        finally:
            done.set()
            thread.join()
