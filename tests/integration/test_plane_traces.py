"""Who asks far more than usual, found in real stores by the rounds that beat rings for."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import redis
import structlog
from fakes.counters import FakeCounters

from memoryos_tasks.adapters.plane.footprints import Footprints
from memoryos_tasks.adapters.plane.records import Records
from memoryos_tasks.adapters.plane.traces import RedisTraces
from memoryos_tasks.adapters.redis.keyspace import observed
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.anomalies import Rules, Sort, Subject
from memoryos_tasks.core.settings_observe import Observe
from memoryos_tasks.services.plane.watching import Watching

WANG = Owner("acme", "王小明")
#: The first second of a minute.
START = 1_700_000_040.0


@dataclass
class Plane:
    """A plane at whose door people come, minute by minute."""

    truth: redis.Redis
    traffic: redis.Redis
    now: float = START
    counters: FakeCounters = field(default_factory=FakeCounters)

    def __post_init__(self) -> None:
        self.records = Records(self.truth, self.traffic, Observe(), clock=lambda: self.now, interval=60)
        self.traces = RedisTraces(self.traffic, Observe())
        self.watching = Watching(self.traces, self.counters, Rules, lambda: self.now)

    def minute(self, counts: dict[tuple[Owner, str], int]) -> list[tuple[Sort, str]]:
        """A minute in which so many requests come, looked at in its middle and after its end; what is new."""
        for (owner, ip), count in counts.items():
            for _ in range(count):
                self.records.asked(owner, ip)
        self.records.flush()
        self.now += 30
        found = self.watching.look()
        self.now += 30
        later = self.now
        self.now += 10
        found += self.watching.look()
        self.now = later
        return [(each.subject.sort, each.subject.name) for each in found]


@pytest.fixture
def plane(truth: redis.Redis, traffic: redis.Redis) -> Plane:
    return Plane(truth, traffic)


def test_a_user_far_above_its_norm_is_flagged_once(plane: Plane) -> None:
    # Given two users with a quarter of an hour behind them, at addresses of their own
    alice = Owner("acme", "alice")
    usual = {(alice, "192.0.2.1"): 10, (WANG, "192.0.2.2"): 15}
    assert [plane.minute(usual) for _ in range(15)] == [[]] * 15
    # When one asks fifty times more, then it and its address are flagged within that minute, and only they
    with structlog.testing.capture_logs() as logs:
        assert sorted(plane.minute({**usual, (WANG, "192.0.2.2"): 750})) == [
            (Sort.ADDRESS, "192.0.2.2"), (Sort.USER, "王小明")]
        assert plane.minute({**usual, (WANG, "192.0.2.2"): 700}) == []
    said = {line["sort"]: line for line in logs if line["event"] == "plane_anomaly"}
    assert len([line for line in logs if line["event"] == "plane_anomaly"]) == 2
    about = said["user_rate"]
    assert (about["tenant"], about["user"], about["count"]) == ("acme", "王小明", 750)
    assert said["ip_rate"]["ip"] == "192.0.2.2"
    # And listed with what is usual
    listed = {each.subject: each for each in plane.traces.anomalies()}
    found = listed[Subject(Sort.USER, "王小明", "acme")]
    assert (found.usual, found.peak, found.count, found.open(plane.now)) == (15.0, 750, 700, True)
    assert plane.counters.counts["plane_anomalies", "user_rate"] == 1


def test_newcomers_are_left_alone_below_their_floor(plane: Plane) -> None:
    assert plane.minute({(Owner("acme", f"new-{number}"), f"198.51.100.{number}"): 500 for number in range(3)}) == []
    assert plane.minute({(Owner("acme", "flood"), ""): 601}) == [(Sort.USER, "flood")]


def test_repeated_auth_failures_are_flagged_over_minutes(plane: Plane) -> None:
    # Given failures that come slowly: three a minute
    fresh = []
    for _ in range(4):
        for _ in range(3):
            plane.records.refused("203.0.113.7")
        plane.records.refused("203.0.113.8")
        fresh.append(plane.minute({}))
    # Then the tenth within five minutes is odd; one a minute is not
    assert fresh == [[], [], [], [(Sort.AUTH, "203.0.113.7")]]
    # When they stop, then the anomaly is over after ten minutes, and still listed
    for _ in range(16):
        assert plane.minute({}) == []
    (only,) = plane.traces.anomalies()
    assert not only.open(plane.now)
    # When they come back, it is a new one
    for _ in range(10):
        plane.records.refused("203.0.113.7")
    assert plane.minute({}) == [(Sort.AUTH, "203.0.113.7")]


def test_a_burst_at_the_very_end_of_a_minute_is_found(plane: Plane) -> None:
    # Given a user with a norm, when a burst comes after the last look at a minute
    for _ in range(6):
        assert plane.minute({(WANG, ""): 15}) == []
    plane.now += 58
    for _ in range(400):
        plane.records.asked(WANG, "")
    plane.records.flush()
    # Then it is found once the minute is complete
    plane.now += 4
    assert plane.watching.look() == []
    plane.now += 8
    assert [each.subject.name for each in plane.watching.look()] == ["王小明"]
    plane.now += 10
    assert plane.watching.look() == []


def test_a_newcomer_does_not_become_odd_by_being_remembered(plane: Plane) -> None:
    # Given a user whose fifth active minute has more than its norm will allow, and less than a newcomer may
    for _ in range(4):
        assert plane.minute({(WANG, ""): 5}) == []
    assert plane.minute({(WANG, ""): 400}) == []
    # Then later rounds do not hold that minute against it
    assert plane.minute({(WANG, ""): 5}) == []


def test_two_beats_remember_a_minute_once(plane: Plane) -> None:
    other = Watching(RedisTraces(plane.traffic, Observe()), FakeCounters(), Rules, lambda: plane.now)
    for _ in range(4):
        plane.minute({(WANG, ""): 7})
        other.look()
    plane.now += 15
    plane.watching.look()
    other.look()
    told = plane.traces.counts(int(START // 60))
    assert told.history[Subject(Sort.USER, "王小明", "acme")] == (7, 7, 7, 7)


def test_a_user_is_forgotten(plane: Plane) -> None:
    for _ in range(6):
        plane.minute({(WANG, "192.0.2.2"): 8, (Owner("acme", "alice"), "192.0.2.2"): 8})
    plane.minute({(WANG, "192.0.2.2"): 700})
    assert "acme %E7%8E%8B" in _kept(plane.traffic)
    Footprints(plane.traffic).forget(WANG, plane.now)
    assert "acme %E7%8E%8B" not in _kept(plane.traffic)
    assert "alice" in _kept(plane.traffic)


def _kept(traffic: redis.Redis) -> str:
    """All that the traffic role holds of subjects."""
    hashes = [key for key in traffic.keys("*") if traffic.type(key) == "hash"]
    return str([traffic.hgetall(key) for key in hashes]) + str(traffic.zrange(observed("heard"), 0, -1))


def test_what_is_kept_is_bounded(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memoryos_tasks.adapters.plane.records.MOST_SUBJECTS", 20)
    monkeypatch.setattr("memoryos_tasks.adapters.plane.traces.MOST_HISTORIES", 10)
    plane.minute({(Owner("acme", f"u{number}"), ""): 1 for number in range(50)})
    assert plane.traffic.hlen(observed("asked", int(START // 60))) == 20
    assert plane.traffic.hlen(observed("history")) == 10
    # Those not heard of for a week go
    plane.traces.remember(int(START // 60) + 8 * 1440, {Subject(Sort.ADDRESS, "::1"): (1,)})
    assert plane.traffic.hlen(observed("history")) == 1
    assert int(plane.traffic.ttl(observed("asked", int(START // 60)))) <= 900
