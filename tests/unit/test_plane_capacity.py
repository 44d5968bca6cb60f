"""The capacity report: figures of models and endpoints over time, and their plot."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import pytest

from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.capacity import STEPS, report
from memoryos_tasks.core.plane.plot import svg
from memoryos_tasks.core.plane.records import OK, WHOLE, InferenceRecord, Slice, Tally, merged, tallied

#: A full hour.
START = 1_700_000_000.0 // 3600 * 3600
A = InferenceRecord(START, Owner("acme", "王"), "通义千问", "ep-1", 10, 4, 0.5, 0.1, OK)
SVG = "{http://www.w3.org/2000/svg}"


def minute(place: int, *records: InferenceRecord) -> Slice:
    tallies = tallied(records)
    for tally in tallies.values():
        tally.peak, tally.peak_busy = tally.count, tally.busy
    return Slice(START + 60 * place, 60, tallies)


def test_a_model_counts_requests_and_an_endpoint_its_tries() -> None:
    # Given two requests, one of which needed a second endpoint
    failed = replace(A, endpoint="ep-2", outcome="upstream_timeout", seconds=30.0, output_length=0, last=False)
    made = report([minute(0, A, failed, replace(A, seconds=1.5))], START, START + 600)
    # Then the model has two requests, all answered; the endpoint that failed has one try, failed
    rows = {(row.model, row.endpoint): row for row in made.rows}
    assert list(rows) == [("通义千问", WHOLE), ("通义千问", "ep-1"), ("通义千问", "ep-2")]
    model, bad = rows["通义千问", WHOLE], rows["通义千问", "ep-2"]
    assert (model.requests, model.success, model.errors) == (2, 1.0, {})
    assert (model.input_length, model.output_length) == (20, 8)
    assert (bad.requests, bad.success, bad.errors) == (1, 0.0, {"upstream_timeout": 1})
    assert bad.p50 == pytest.approx(30.0, rel=0.07)


def test_what_its_client_cancelled_is_neither_success_nor_failure() -> None:
    gone = replace(A, outcome="cancelled")
    made = report([minute(0, A, gone, gone, replace(A, outcome="upstream_error"))], START, START + 60)
    row = made.rows[0]
    assert (row.requests, row.success, row.errors) == (4, 0.5, {"cancelled": 2, "upstream_error": 1})
    assert (made.points[0].succeeded, made.points[0].failed) == (1, 1)
    assert report([minute(0, gone)], START, START + 60).rows[0].success == 1.0


def test_what_reached_no_endpoint_makes_no_model_look_faster() -> None:
    full = replace(A, endpoint=WHOLE, outcome="service_unavailable", seconds=0.0, output_length=0)
    row = report([minute(0, A, full, full, full)], START, START + 60).rows[0]
    assert (row.requests, row.success) == (4, 0.25)
    assert row.p50 == pytest.approx(0.5, rel=0.07)


def test_percentiles_are_of_all_slices_together() -> None:
    # Given a minute of 98 quick answers, and one of two slow ones
    made = report([minute(0, *[A] * 98), minute(1, *[replace(A, seconds=8.0)] * 2)], START, START + 120)
    row = made.rows[0]
    assert row.p50 == pytest.approx(0.5, rel=0.07)
    assert row.p95 == pytest.approx(0.5, rel=0.07)
    assert row.p99 == pytest.approx(8.0, rel=0.07)


def test_concurrency_follows_littles_law() -> None:
    # Given a minute with 120 answers of half a second, and a quiet one
    made = report([minute(0, *[A] * 120), minute(1, A)], START, START + 120)
    row = made.rows[0]
    # Then one request was in service on average in the busiest minute, and half as many over both
    assert row.busiest == pytest.approx(1.0)
    assert row.concurrency == pytest.approx(60.5 / 120)
    assert row.peak == 120


def test_a_young_system_is_not_idle_before_it_began() -> None:
    made = report([minute(0, *[A] * 120)], START - 86_400, START + 60)
    assert made.since == START
    assert made.rows[0].concurrency == pytest.approx(1.0)


@pytest.mark.parametrize(("days", "slices"), [(1 / 24, 60), (1, 60), (7, 3600), (90, 3600), (1000, 3600)])
def test_curves_have_equal_steps_without_gaps_and_hold_every_request(days: float, slices: int) -> None:
    # Given a record at the beginning, in the middle and at the end
    end = START + days * 86_400
    places = [0.0, days * 43_200 // slices * slices, days * 86_400 - slices]
    kept = [Slice(START + place, slices, tallied([A])) for place in places]
    points = report(kept, START, end).points
    assert len(points) <= STEPS + 2 or points[0].seconds == 86_400
    assert [later.start - one.start for one, later in pairwise(points)] == [
        points[0].seconds] * (len(points) - 1)
    assert sum(point.succeeded for point in points) == 3
    assert points[0].start <= START
    assert points[-1].start + points[-1].seconds >= end


def test_nothing_recorded_is_a_report_of_nothing() -> None:
    made = report([], START, START + 60)
    assert (list(made.rows), list(made.points)) == ([], [])
    assert "No inference was recorded" in svg(made)


def test_the_plot_is_well_formed_and_stays_on_its_paper() -> None:
    # Given an hour with some failures and a silent stretch
    kept = [minute(place, *[A] * (place % 7 + 1), replace(A, outcome="upstream_error", seconds=4.0))
            for place in range(60) if not 20 <= place < 30]
    picture = ET.fromstring(svg(report(kept, START, START + 3600), title="通义 <千问> & more"))
    # Then it says what it was told, and nothing is drawn outside
    assert any("通义 <千问> & more" in (text.text or "") for text in picture.iter(f"{SVG}text"))
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    for rect in picture.iter(f"{SVG}rect"):
        assert 0 <= float(rect.get("x", 0)) <= float(rect.get("x", 0)) + float(rect.attrib["width"]) <= width
        assert 0 <= float(rect.get("y", 0)) <= float(rect.get("y", 0)) + float(rect.attrib["height"]) <= height + 0.1
    lines = list(picture.iter(f"{SVG}polyline"))
    # Two percentiles broken by the silence, and one unbroken curve of what was in service
    assert len([line for line in lines if "p50" in line.attrib["class"]]) == 2
    assert len([line for line in lines if "busy" in line.attrib["class"]]) == 1
    for line in lines:
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height
    assert [rect for rect in picture.iter(f"{SVG}rect") if rect.get("class") == "bad"]


def test_tallies_of_several_spans_add_up_and_keep_the_highest_peak() -> None:
    one = Tally(count=2, outcomes={OK: 2}, busy=1.0, latency={3: 2}, peak=2, peak_busy=1.0)
    two = Tally(count=1, outcomes={"x": 1}, busy=4.0, latency={3: 1}, peak=1, peak_busy=4.0)
    both = merged([one, two])
    assert (both.count, both.outcomes, both.latency) == (3, {OK: 2, "x": 1}, {3: 3})
    assert (both.busy, both.peak, both.peak_busy, both.succeeded) == (5.0, 2, 4.0, 2)
    assert merged([]) == Tally()
