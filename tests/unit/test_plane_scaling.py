"""How many workers a pool needs: a table."""

from __future__ import annotations

import pytest

from memoryos_tasks.core.plane.scaling import Advice, Load, hint, hints

GROW, SHRINK, KEEP = Advice.GROW, Advice.SHRINK, Advice.KEEP

TABLE = [
    # 2 arrivals/s × 3 s = 6 busy; planned at 70 % they need 8.6 places
    (Load("chat", 1, 8, 2.0, 3.0), GROW, 2),
    (Load("chat", 2, 8, 2.0, 3.0), KEEP, 2),
    (Load("chat", 4, 8, 2.0, 3.0), SHRINK, 2),
    # needs 2 of 3: not worth a swing
    (Load("chat", 3, 8, 2.0, 3.0), KEEP, 3),
    # exactly what is planned for: 5.6 busy of 8
    (Load("chat", 1, 8, 5.6, 1.0), KEEP, 1),
    (Load("chat", 1, 8, 5.7, 1.0), GROW, 2),
    # nothing to do: one stays
    (Load("memory", 5, 10), SHRINK, 1),
    (Load("memory", 1, 10), KEEP, 1),
    # measured instead of computed
    (Load("memory", 1, 10, busy=7.0), KEEP, 1),
    (Load("memory", 1, 10, busy=14.5), GROW, 3),
    (Load("memory", 1, 10, 99.0, 99.0, busy=1.0), KEEP, 1),
    # a backlog of 600 at 2 s each, to be gone in 60 s: 20 places on top of 2.9
    (Load("chat", 1, 10, 1.0, 2.0, waiting=600), GROW, 3),
    # idle on average, but work waits too long: one more
    (Load("chat", 2, 10, 0.1, 1.0, waiting=3, oldest=30.0), GROW, 3),
    (Load("chat", 2, 10, 0.1, 1.0, waiting=3, oldest=4.0), SHRINK, 1),
    # nobody serves it
    (Load("chat", 0, 10, waiting=4), GROW, 1),
    (Load("chat", 0, 10, 1.0, 1.0), GROW, 1),
    (Load("chat", 0, 10), KEEP, 0),
    # no limit is set: nothing can be full
    (Load("endpoint 通义 ab12", 1, 0, 50.0, 3.0), KEEP, 1),
]


@pytest.mark.parametrize(("load", "advice", "workers"), TABLE)
def test_the_advice_follows_from_the_load(load: Load, advice: Advice, workers: int) -> None:
    given = hint(load)
    assert (given.pool, given.advice, given.workers) == (load.pool, advice, workers)


def test_the_reason_tells_the_figures() -> None:
    assert hint(Load("chat", 1, 8, 2.0, 3.0, waiting=40, oldest=12.4)).why == (
        "2.00 arrivals/s × 3.00 s = 6.0 places busy of 8 (75%; planned for 70%), 40 wait, the oldest for 12 s")
    assert hint(Load("memory", 0, 8, waiting=1)).why == "no worker serves it, and 1 waits"


def test_a_higher_target_needs_fewer() -> None:
    load = Load("chat", 1, 8, 7.0, 1.0)
    assert [hint(load, target=target).workers for target in (0.3, 0.7, 0.9)] == [3, 2, 1]


def test_what_must_grow_comes_first_and_the_fullest_of_it_foremost() -> None:
    rates = (("fine", 4.0), ("full", 7.0), ("over", 9.0))
    loads = [Load("idle", 4, 8), *(Load(name, 1, 8, rate, 1.0) for name, rate in rates)]
    assert [(each.pool, each.advice) for each in hints(loads)] == [
        ("over", GROW), ("full", GROW), ("fine", KEEP), ("idle", SHRINK)]
