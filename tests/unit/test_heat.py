"""Heat: H = visits + pages + exp(-dt/24h)."""

from __future__ import annotations

import math

import pytest

from memoryos_tasks.core.heat import TAU, heat, is_hot, recomputed, visited
from memoryos_tasks.core.items import Segment

SEGMENT = Segment("s", "", (), (), ("p1", "p2", "p3"), 0, 1, 5.0, 0.0, 1000.0)


@pytest.mark.parametrize(
    ("visits", "pages", "elapsed", "expected"),
    [(0, 1, 0.0, 2.0), (2, 3, TAU, 5 + math.exp(-1)), (1, 1, 1e9, 2.0), (1, 1, -50.0, 3.0)],
)
def test_heat_follows_the_formula(visits: int, pages: int, elapsed: float, expected: float) -> None:
    assert heat(visits, pages, elapsed) == pytest.approx(expected)


def test_recency_of_a_visit_is_measured_from_the_visit_before() -> None:
    # Given a segment visited a day ago
    # When it is visited again
    after = visited(SEGMENT, 1000.0 + TAU)
    # Then recency is that of a day, and the clock of the next visit starts now
    assert after.heat == pytest.approx(2 + 3 + math.exp(-1))
    assert (after.visits, after.visited_at) == (2, 1000.0 + TAU)


def test_a_segment_left_alone_cools() -> None:
    soon, later = recomputed(SEGMENT, 1000.0), recomputed(SEGMENT, 1000.0 + 10 * TAU)
    assert soon.heat == pytest.approx(5.0)
    assert later.heat < 4.001
    assert later.visits == SEGMENT.visits


def test_a_late_visit_does_not_turn_the_clock_back() -> None:
    assert visited(SEGMENT, 500.0, visits=4).visited_at == 1000.0
    assert visited(SEGMENT, 500.0, visits=4).visits == 5


def test_only_hot_segments_with_pages_to_analyse_are_promoted() -> None:
    hot = visited(SEGMENT, 1001.0)
    assert is_hot(hot)
    assert not is_hot(SEGMENT)
    done = Segment("s", "", (), (), ("p1",), 1, 9, 11.0, 0.0, 0.0)
    assert not is_hot(done)
