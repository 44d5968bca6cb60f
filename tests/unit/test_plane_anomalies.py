"""When a count is odd: synthetic series of users and addresses."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

import pytest

from memoryos_tasks.core.plane.anomalies import (
    MOST_MINUTES,
    Anomaly,
    Norm,
    Rules,
    Sort,
    Subject,
    norm,
    remembered,
    seen,
)

RULES = Rules()
WANG = Subject(Sort.USER, "王小明", "acme")


def alarms(series: Iterable[int], rules: Rules = RULES, history: tuple[int, ...] = ()) -> list[int]:
    """The places of a series of minutes that are odd, each judged by those before it."""
    found = []
    for place, count in enumerate(series):
        if count > norm(history, rules).most:
            found.append(place)
        history = remembered(history, count, rules)
    return found


def poisson(dice: random.Random, mean: float) -> int:
    """A Poisson count (Knuth), for means well below 700."""
    limit, product, count = math.exp(-mean), dice.random(), 0
    while product > limit:
        product *= dice.random()
        count += 1
    return count


@pytest.mark.parametrize("mean", [0.3, 2, 20, 100, 300])
def test_a_steady_source_is_never_odd(mean: float) -> None:
    dice = random.Random(int(mean * 10))
    assert alarms([poisson(dice, mean) for _ in range(3_000)]) == []


@pytest.mark.parametrize("mean", [1, 20, 100])
def test_a_source_that_asks_ten_times_more_is_odd_at_once(mean: int) -> None:
    # Given an hour of a steady source, when it asks ten times more (and more than the floor)
    dice = random.Random(mean)
    usual = [poisson(dice, mean) for _ in range(60)]
    # Then its first such minute is odd
    assert alarms([*usual, max(10 * mean, RULES.floor + 1)]) == [60]


def test_a_busy_day_after_a_quiet_night_is_not_odd() -> None:
    # Given a user who asks little at night, more every hour, and then half again of the most
    dice = random.Random(3)
    day = [poisson(dice, 5 + hour * 8) for hour in range(12) for _ in range(60)]
    assert alarms([*day, *[150] * 5]) == []


def test_bursts_within_a_users_habit_are_not_odd() -> None:
    # Given a job that asks 200 at once every third minute, when it has done so for some time
    series = [200 if minute % 3 == 0 else 5 for minute in range(120)]
    # Then its bursts are its habit; ten times as much is not
    assert alarms(series) == []
    assert alarms([*series, 2_000]) == [120]


@pytest.mark.parametrize(("count", "odd"), [(1, []), (60, []), (600, []), (601, [0])])
def test_a_newcomer_is_odd_only_above_its_own_floor(count: int, odd: list[int]) -> None:
    assert alarms([count]) == odd


def test_below_the_floor_nothing_is_odd() -> None:
    # Given a user who asks once a minute, when sixty come in one
    assert alarms([*[1] * 60, 60]) == []
    assert alarms([*[1] * 60, 61]) == [60]


def test_an_attack_does_not_become_the_norm_and_a_lasting_change_does() -> None:
    # Given an hour at 20 a minute
    usual = (20,) * MOST_MINUTES
    # When a quarter of an hour of 5,000 follows, then every minute of it is odd, and the norm has hardly moved
    attack = [5_000] * 15
    assert alarms(attack, history=usual) == list(range(15))
    history = usual
    for count in attack:
        history = remembered(history, count, RULES)
    assert norm(history, RULES).most < 100
    # When the change lasts, then within three quarters of an hour each step of it has become usual
    growth = [80] * 60
    assert max(alarms(growth, history=usual)) < 45


def test_odd_minutes_move_the_norm_of_a_robust_history_little() -> None:
    history = (20,) * 50 + (4_000,) * 10
    assert norm(history, RULES) == Norm(20.0, max(60.0, 20 + 6 * math.sqrt(20)))


def test_silent_minutes_are_not_remembered_and_the_history_is_bounded() -> None:
    history: tuple[int, ...] = ()
    for count in [0, 3, 0, 0, 4, *range(100)]:
        history = remembered(history, count, RULES)
    assert 0 not in history
    assert len(history) == MOST_MINUTES
    assert remembered((3,), 0, RULES) == (3,)


def test_an_anomaly_goes_on_until_it_was_quiet_for_ten_minutes() -> None:
    limits = Norm(20.0, 60.0)
    first = seen(None, WANG, 100, limits, 1000.0)
    assert first == Anomaly(WANG, 1000.0, 1000.0, 100, 100, 20.0, 60.0)
    # When it is seen again in time, it is the same one
    again = seen(first, WANG, 80, limits, 1590.0)
    assert (again.first_at, again.last_at, again.count, again.peak) == (1000.0, 1590.0, 80, 100)
    assert again.open(2189.0)
    # When it comes back later, it is a new one
    assert not again.open(2190.0)
    assert seen(again, WANG, 90, limits, 2190.0) == Anomaly(WANG, 2190.0, 2190.0, 90, 90, 20.0, 60.0)
