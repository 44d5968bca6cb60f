"""The scripts of the scheduler against the same in plain Python, on a clock that the test moves."""

from __future__ import annotations

import itertools
import math
import os

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from plane_clock import START, HandClock
from plane_model import Model

from memoryos_tasks.adapters.plane.leases import Leases
from memoryos_tasks.adapters.plane.plan import Rules
from memoryos_tasks.adapters.plane.scheduler import RedisScheduler
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.core.plane.breaker import Outcome
from memoryos_tasks.core.plane.config import Breaker, Endpoint, Scheduling
from memoryos_tasks.ports.plane.scheduling import Reservation

SLOW_START = 30.0
EXAMPLES = int(os.environ.get("MEMORYOS_TEST_EXAMPLES", "25"))


class Machine(RuleBasedStateMachine):
    """Reserves, finishes and waits in any order."""

    client: redis.Redis
    clock: HandClock

    @initialize(
        weights=st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=1, max_size=5),
        most=st.sampled_from([0, 0, 2]),
        permits=st.integers(1, 3),
    )
    def begin(self, weights: list[float], most: int, permits: int) -> None:
        self.client.flushdb()
        self.clock.set(START)
        breaker = Breaker(failures=3, min_calls=6, slow_seconds=8.0, permits=permits)
        rules = Rules(Scheduling(stickiness=False, slow_start=SLOW_START), breaker)
        # One second is a leap here: no lease may end by itself.
        leases = Leases(self.client, lease_seconds=10**7, keep_seconds=3600)
        self.real = RedisScheduler(self.client, lambda: rules, leases=leases)
        self.endpoints = [
            Endpoint(f"e{at}", "m", weight=weight, max_concurrency=most) for at, weight in enumerate(weights)
        ]
        self.model = Model([(one.id, one.weight, most) for one in self.endpoints], breaker, SLOW_START * 1000, START)
        self.held: list[tuple[Reservation, int]] = []
        self.ids = itertools.count()
        # From here on Redis knows them all.
        self.call(Outcome.ABANDONED)

    @rule(data=st.data())
    def reserve(self, data: st.DataObject) -> None:
        exclude = data.draw(st.sets(st.sampled_from([one.id for one in self.endpoints]), max_size=2))
        got = self.reserved(exclude)
        if got is not None:
            self.held.append((got, self.model.now))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), outcome=st.sampled_from([*Outcome, Outcome.FAILED, Outcome.SUCCEEDED]),
          cooling=st.sampled_from([0.5, 20.0]))
    def finish(self, data: st.DataObject, outcome: Outcome, cooling: float) -> None:
        got, begun = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        took = self.model.now - begun
        self.real.finish(got, outcome, took / 1000, cooling)
        self.model.finish(got.endpoint.id, got.request_id, got.generation, outcome, took, int(cooling * 1000))
        self.agree()

    @rule(outcome=st.sampled_from([Outcome.FAILED, Outcome.SUCCEEDED]), times=st.integers(2, 6))
    def many_of_a_kind(self, outcome: Outcome, times: int) -> None:
        for _ in range(times):
            self.call(outcome)

    @rule(seconds=st.sampled_from([0.2, 1.5, 6.0, 9.0, 31.0, 100.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.clock.wait(seconds)
        self.model.now = self.clock.now

    def reserved(self, exclude: set[str]) -> Reservation | None:
        """Both reserve."""
        request = f"r{next(self.ids)}"
        got = self.real.reserve("m", self.endpoints, request_id=request, exclude=exclude)
        may, trial = self.model.expected(exclude)
        assert (got is None) == (not may)
        if got is not None:
            assert got.endpoint.id in may
            assert got.trial == trial
            assert got.generation == self.model.took(got.endpoint.id, request, trial)
        self.agree()
        return got

    def call(self, outcome: Outcome) -> None:
        """A whole call that takes no time."""
        got = self.reserved(set())
        if got is not None:
            self.real.finish(got, outcome, 0.0)
            self.model.finish(got.endpoint.id, got.request_id, got.generation, outcome, 0, 0)
            self.agree()

    def agree(self) -> None:
        """Both say the same of every endpoint; how long a breaker stays open is luck within its bounds."""
        for one in self.model.all:
            row = self.client.hgetall(keyspace.plane("endpoint", one.id))
            if not row:
                assert one.gen == 0
                assert not one.paced
                continue
            if one.id in self.model.opened:
                pause, most = float(row["till"]) - self.model.now, self.model.opened[one.id]
                assert 0.8 * most - 1 <= pause <= most
                one.till = float(row["till"])
            assert row["state"] == one.state
            for name in ("gen", "streak", "trips", "wins", "cool", "ramp", "paced"):
                assert float(row[name]) == getattr(one, name), name
            assert math.isclose(float(row["mean"]), one.mean, abs_tol=1e-6)
            assert self.client.zcard(keyspace.plane("load", one.id)) == len(one.load)
            assert self.client.zcard(keyspace.plane("permits", one.id)) == len(one.permits) <= self.model.rules.permits
        out = sum(one.state != "closed" for one in self.model.all)
        assert out <= len(self.model.all) // 2


def test_the_scripts_do_what_the_model_does(traffic: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    Machine.client, Machine.clock = traffic, HandClock(traffic, monkeypatch)
    run_state_machine_as_test(Machine, settings=settings(
        max_examples=EXAMPLES, stateful_step_count=60, deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]))
