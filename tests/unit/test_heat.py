"""Heat: H = visits + pages + exp(-dt/24h), where visits and pages fade as recency does."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from memoryos_tasks.core.heat import TAU, heat, is_hot, recomputed, visited, warmed, warmth
from memoryos_tasks.core.items import Segment

#: Three pages and a visit at 1000, as a version before faded counts wrote it.
OLD = Segment("s", "", (), (), ("p1", "p2", "p3"), 0, 1, 5.0, 0.0, 1000.0)
SEGMENT = replace(OLD, warmth=4.0, warmed_at=1000.0)


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
    # Then what was there has faded for a day, the visit counts whole, and recency is that of a day
    assert after.heat == pytest.approx(4 * math.exp(-1) + 1 + math.exp(-1))
    # And the clock of the next visit starts now
    assert (after.visits, after.visited_at) == (2, 1000.0 + TAU)
    assert recomputed(after, 1000.0 + TAU).heat == pytest.approx(4 * math.exp(-1) + 1 + 1)


@pytest.mark.parametrize("pages", [1, 12])
@pytest.mark.parametrize("segment", [OLD, SEGMENT])
def test_a_segment_heats_with_visits_and_cools_to_under_half_in_two_tau(segment: Segment, pages: int) -> None:
    # Given a segment that is visited every hour
    segment = warmed(segment, 1000.0, pages - 3.0)
    now, heats = 1000.0, [segment.heat]
    for _ in range(6):
        now += 3600.0
        segment = visited(segment, now)
        heats.append(segment.heat)
    assert heats == sorted(heats)
    # When it is left alone, then it cools all the time, however seldom anybody looks, and never heats by it
    cooling = [recomputed(segment, now + step * TAU / 4).heat for step in range(9)]
    assert cooling == sorted(cooling, reverse=True)
    assert cooling[-1] < 0.5 * heats[-1]
    often = segment
    for step in range(1, 9):
        often = recomputed(often, now + step * TAU / 4)
    assert often.heat == pytest.approx(cooling[-1])
    assert (often.visits, often.visited_at) == (segment.visits, segment.visited_at)


def test_a_late_visit_does_not_turn_the_clock_back() -> None:
    late = visited(SEGMENT, 500.0, visits=4)
    assert (late.visits, late.visited_at, late.warmed_at) == (5, 1000.0, 1000.0)
    assert warmth(late, 1000.0) == pytest.approx(8.0)


def test_warmth_can_be_taken_away_but_not_below_none() -> None:
    assert warmth(warmed(SEGMENT, 1000.0, -1.5), 1000.0) == pytest.approx(2.5)
    assert warmth(warmed(SEGMENT, 1000.0, -9.0), 1000.0) == 0.0


def test_only_hot_segments_with_pages_to_analyse_are_promoted() -> None:
    hot = visited(SEGMENT, 1001.0)
    assert is_hot(hot)
    assert not is_hot(SEGMENT)
    done = Segment("s", "", (), (), ("p1",), 1, 9, 11.0, 0.0, 0.0)
    assert not is_hot(done)
