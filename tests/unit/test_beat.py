from __future__ import annotations

from typing import Any, cast

import pytest
import redis
from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import LockError, LockNotOwnedError
from waiting import until

from memoryos_tasks import beat
from memoryos_tasks.adapters.redis.connections import Role
from memoryos_tasks.beat import Lead, Scheduler
from memoryos_tasks.core.errors import TruthDown


class FakeLock:
    """redis-py's lock as far as a lead uses it."""

    def __init__(self) -> None:
        self.free, self.owned, self.down, self.asked = True, False, False, 0

    def _ask(self) -> None:
        self.asked += 1
        if self.down:
            raise redis.ConnectionError

    def acquire(self) -> bool:
        self._ask()
        if self.free:
            self.free, self.owned = False, True
            return True
        return False

    def extend(self, seconds: float, replace_ttl: bool) -> None:
        self._ask()
        assert replace_ttl
        assert seconds == beat.LEASE_SECONDS
        if not self.owned:
            raise LockNotOwnedError

    def release(self) -> None:
        self._ask()
        if not self.owned:
            raise LockError
        self.free, self.owned = True, False


class FakeRedis:
    """Gives the lock away."""

    def __init__(self, lock: FakeLock) -> None:
        self._lock = lock

    def lock(self, *_: Any, **__: Any) -> FakeLock:
        return self._lock


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch) -> FakeLock:
    monkeypatch.setattr(beat, "RENEW_SECONDS", 0.0)
    monkeypatch.setattr(beat, "truth_errors", Role(TruthDown).errors)  # One that no other test has seen fail
    return FakeLock()


@pytest.fixture
def lead(lock: FakeLock) -> Lead:
    return Lead(cast("redis.Redis", FakeRedis(lock)))


class Bells:
    """A beat's app and what it would publish."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, lead: Lead) -> None:
        self.rung: list[str] = []
        app = Celery("test", set_as_current=False, broker="memory://")
        app.conf.beat_schedule = {"often": {"task": "tests.bell", "schedule": 0.0}}
        monkeypatch.setattr(beat, "Lead", lambda _: lead)
        self.scheduler = Scheduler(app=app, max_interval=1.0)
        self.scheduler.send_task = lambda name, *_, **__: self.rung.append(name)  # type: ignore[method-assign]


@pytest.fixture
def bells(monkeypatch: pytest.MonkeyPatch, lead: Lead) -> Bells:
    return Bells(monkeypatch, lead)


def test_a_beat_rings_while_it_leads(bells: Bells) -> None:
    bells.scheduler.tick()
    assert bells.rung == ["tests.bell"]


def test_a_beat_is_silent_while_another_leads_and_looks_again_soon(bells: Bells, lock: FakeLock) -> None:
    lock.free = False
    assert 0 < bells.scheduler.tick() <= 1
    assert bells.rung == []
    lock.free = True
    bells.scheduler.tick()
    assert bells.rung == ["tests.bell"]


def test_a_beat_that_lost_its_lock_is_silent_until_it_has_it_again(bells: Bells, lock: FakeLock) -> None:
    bells.scheduler.tick()
    lock.owned = False
    bells.scheduler.tick()
    assert len(bells.rung) == 1
    lock.free = True
    bells.scheduler.tick()
    assert len(bells.rung) == 2


def test_while_the_truth_is_away_nothing_is_rung_and_then_it_goes_on(bells: Bells, lock: FakeLock) -> None:
    bells.scheduler.tick()
    lock.down = True
    assert bells.scheduler.tick() > 0
    assert len(bells.rung) == 1
    lock.down = False

    def resumed() -> bool:
        bells.scheduler.tick()
        return len(bells.rung) > 1

    until(resumed, seconds=3, what="it rings again")


def test_a_bell_is_not_rung_late_by_one_that_may_lead_no_more(
    bells: Bells, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an entry that was taken up while this beat led
    bells.scheduler.tick()
    (entry,) = bells.scheduler.schedule.values()
    # When it comes to publishing it, the lease may be over
    monkeypatch.setattr(beat, "LEASE_SECONDS", 0.0)
    bells.scheduler.apply_entry(entry)
    assert len(bells.rung) == 1


def test_without_a_broker_nothing_is_taken_up(bells: Bells, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(bells.scheduler.connection, "ensure_connection", refused)
    assert bells.scheduler.tick() > 0
    (entry,) = bells.scheduler.schedule.values()
    assert (bells.rung, entry.total_run_count) == ([], 0)


def test_a_bell_that_cannot_be_rung_stops_nothing(bells: Bells) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise OperationalError

    bells.scheduler.send_task = refused  # type: ignore[method-assign]
    bells.scheduler.tick()
    bells.scheduler.send_task = lambda name, *_, **__: bells.rung.append(name)  # type: ignore[method-assign]
    bells.scheduler.tick()
    assert bells.rung == ["tests.bell"]


def test_a_beat_that_stops_gives_the_lead_away_once(bells: Bells, lock: FakeLock) -> None:
    bells.scheduler.tick()
    bells.scheduler.close()
    assert lock.free
    asked = lock.asked
    bells.scheduler.close()
    assert lock.asked == asked


def test_a_scheduler_that_only_describes_itself_takes_no_lead(
    monkeypatch: pytest.MonkeyPatch, lead: Lead, lock: FakeLock
) -> None:
    monkeypatch.setattr(beat, "Lead", lambda _: lead)
    Scheduler(app=Celery("test", set_as_current=False), lazy=True).close()
    assert lock.asked == 0


def test_the_lead_is_renewed_once_a_second_at_most(lead: Lead, lock: FakeLock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beat, "RENEW_SECONDS", 1.0)
    assert all(lead.hold() for _ in range(5))
    assert lock.asked == 1
