from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, cast

import pytest
from waiting import until

from memoryos_tasks.adapters.leases import LeaseKeeper
from memoryos_tasks.core.errors import Cancelled, LostClaim, TruthDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.ledger import Claim, Job, Ledger

ALICE = Owner("acme", "alice")


class FakeLedger:
    """Renews and releases as told, and counts."""

    def __init__(self) -> None:
        self.renewed: list[str] = []
        self.released: list[str] = []
        self.renew_as: Callable[[str], bool] = lambda _: False
        self.release_as: Callable[[str], None] = lambda _: None

    def renew(self, claim: Claim) -> bool:
        answer = self.renew_as(claim.job.id)
        self.renewed.append(claim.job.id)
        return answer

    def release(self, claim: Claim) -> None:
        self.release_as(claim.job.id)
        self.released.append(claim.job.id)


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()


def keeper_of(ledger: FakeLedger, **changed: Any) -> LeaseKeeper:
    return LeaseKeeper(cast("Ledger", ledger), **{"interval": 0.02, "lease_seconds": 5.0, **changed})


def claim_of(id: str) -> Claim:
    return Claim(Job(id, ALICE, "chat"), 1)


def raising(error: Exception) -> Callable[[str], Any]:
    def call(_: str) -> Any:
        raise error

    return call


def test_a_lease_is_renewed_until_its_run_ends(ledger: FakeLedger) -> None:
    keeper = keeper_of(ledger)
    with keeper.keep(claim_of("a")) as lease:
        until(lambda: len(ledger.renewed) >= 3, seconds=3, what="it is renewed")
        assert (lease.cancelled, lease.lost) == (False, False)
    with keeper.keep(claim_of("b")):
        known = ledger.renewed.count("a")
        until(lambda: "b" in ledger.renewed, seconds=3, what="the next is renewed")
        assert ledger.renewed.count("a") <= known + 1


def test_a_run_hears_that_it_is_cancelled_or_that_it_lost_its_job(ledger: FakeLedger) -> None:
    keeper = keeper_of(ledger)
    with keeper.keep(claim_of("a")) as lease:
        ledger.renew_as = lambda _: True
        until(lambda: lease.cancelled, seconds=3, what="it hears of it")
        ledger.renew_as = raising(LostClaim())
        until(lambda: lease.lost, seconds=3, what="it hears of that")


def test_a_store_that_is_away_costs_the_lease_only_when_it_is_over(ledger: FakeLedger) -> None:
    keeper = keeper_of(ledger, lease_seconds=0.5)
    ledger.renew_as = raising(TruthDown())
    began = time.monotonic()
    with keeper.keep(claim_of("a")) as lease:
        until(lambda: lease.lost, seconds=5, what="the lease is over")
        assert time.monotonic() - began >= 0.5


def test_a_failure_of_any_kind_does_not_end_the_keeper(ledger: FakeLedger) -> None:
    keeper = keeper_of(ledger)
    ledger.renew_as = raising(RuntimeError("broken"))
    with keeper.keep(claim_of("a")) as lease:
        ledger.renew_as = lambda _: False
        until(lambda: ledger.renewed, seconds=3, what="it goes on")
        assert not lease.lost


def test_with_a_slow_store_and_many_runs_no_lease_waits_for_all_others(ledger: FakeLedger) -> None:
    # Given 64 runs and a store that needs 50 ms for each answer: 3.2 s one after the other
    ledger.renew_as = lambda _: time.sleep(0.05) or False
    keeper = keeper_of(ledger, interval=0.05)
    keeps = [keeper.keep(claim_of(f"job {number}")) for number in range(64)]
    for keep in keeps:
        keep.__enter__()
    try:
        began = time.monotonic()
        until(lambda: len(set(ledger.renewed)) == 64, seconds=5, what="all are renewed")
        assert time.monotonic() - began < 1.5
    finally:
        for keep in keeps:
            keep.__exit__(None, None, None)


def test_what_is_given_back_is_lost_to_its_run_and_kept_no_more(ledger: FakeLedger) -> None:
    keeper = keeper_of(ledger)
    with keeper.keep(claim_of("a")) as first, keeper.keep(claim_of("b")) as second:
        assert keeper.give_back() == 2
        assert first.lost
        assert second.lost
        assert sorted(ledger.released) == ["a", "b"]
        assert keeper.give_back() == 0


def test_a_run_loses_its_job_before_anybody_else_can_have_it(ledger: FakeLedger) -> None:
    keeper = keeper_of(ledger)
    seen: list[bool] = []
    with keeper.keep(claim_of("a")) as lease:
        ledger.release_as = lambda _: seen.append(lease.lost)
        keeper.give_back()
    assert seen == [True]


def test_a_renewal_under_way_does_not_revive_what_was_given_back(ledger: FakeLedger) -> None:
    keeper = keeper_of(ledger)
    begun, go_on = threading.Event(), threading.Event()

    def late(_: str) -> bool:
        begun.set()
        go_on.wait(5)
        raise LostClaim

    ledger.renew_as = late
    with keeper.keep(claim_of("a")) as lease:
        assert begun.wait(3)
        keeper.give_back()
        go_on.set()
        with keeper.keep(claim_of("b")):
            ledger.renew_as = lambda _: False
            until(lambda: "b" in ledger.renewed, seconds=3, what="the next round has been")
        assert lease.lost


@pytest.mark.parametrize("error", [LostClaim(), Cancelled()])
def test_a_job_that_ended_meanwhile_is_not_given_back(ledger: FakeLedger, error: Exception) -> None:
    keeper = keeper_of(ledger)
    ledger.release_as = raising(error)
    with keeper.keep(claim_of("a")), keeper.keep(claim_of("b")):
        assert keeper.give_back() == 0


def test_a_store_that_is_away_is_not_waited_for_once_for_each_job(ledger: FakeLedger) -> None:
    keeper, asked = keeper_of(ledger), []

    def away(id: str) -> None:
        asked.append(id)
        raise TruthDown

    ledger.release_as = away
    with keeper.keep(claim_of("a")) as first, keeper.keep(claim_of("b")) as second:
        assert keeper.give_back() == 0
        assert len(asked) == 1
        assert first.lost
        assert second.lost
