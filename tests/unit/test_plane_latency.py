"""Latencies in buckets: what is read back is near what was measured, whatever was added to what."""

from __future__ import annotations

import random

import pytest

from memoryos_tasks.core.plane.buckets import LAST, bucket, middle, quantile, summed


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_what_is_no_time_falls_into_the_first_bucket(seconds: float) -> None:
    assert bucket(seconds) == 0


@pytest.mark.parametrize(("seconds", "number"), [
    (0.0009, 0), (0.001, 1), (0.007, 7), (0.008, 8), (0.015, 15), (0.016, 16), (0.0179, 16), (0.018, 17),
    (1048.575, LAST - 1), (1048.576, LAST), (1e9, LAST), (float("inf"), LAST),
])
def test_buckets_have_known_bounds(seconds: float, number: int) -> None:
    assert bucket(seconds) == number


def test_buckets_rise_and_are_never_wider_than_an_eighth() -> None:
    numbers = [bucket(millis / 1000) for millis in range(1, 100_000, 3)]
    assert numbers == sorted(numbers)
    for millis in range(8, 1_000_000, 997):
        seconds = (millis + 0.5) / 1000
        assert abs(middle(bucket(seconds)) - seconds) <= 0.0625 * seconds + 0.0005


def test_percentiles_are_within_the_stated_error_of_the_true_ones() -> None:
    # Given times as services have them: most short, some very long
    dice = random.Random(7)
    times = [dice.lognormvariate(-1.0, 1.2) for _ in range(20_000)]
    counts: dict[int, int] = {}
    for time in times:
        counts[bucket(time)] = counts.get(bucket(time), 0) + 1
    # Then each percentile is off by at most a sixteenth and half a millisecond
    ordered = sorted(times)
    for share in (0.01, 0.5, 0.95, 0.99, 0.999, 1.0):
        true = ordered[max(int(share * len(ordered) + 0.999999), 1) - 1]
        read = quantile(counts, share)
        assert read is not None
        assert abs(read - true) <= 0.0626 * true + 0.001


def test_a_percentile_of_nothing_is_unknown() -> None:
    assert quantile({}, 0.5) is None


def test_histograms_add_up() -> None:
    assert summed([{1: 2, 3: 1}, {}, {3: 4}]) == {1: 2, 3: 5}
    assert quantile(summed([{0: 98}, {80: 2}]), 0.99) == middle(80)
