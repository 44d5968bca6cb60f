"""The capacity report: what each model and endpoint was asked for and how it did, over a span of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from memoryos_tasks.core.plane.buckets import quantile
from memoryos_tasks.core.plane.records import OK, WHOLE, Pair, Slice, Tally, merged

#: Points of a curve in a report; a span is cut into at most so many steps.
STEPS = 120
_STEP_SIZES = (60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: an endpoint of a model, or with an empty ``endpoint`` the model as a whole.

    Of a model, ``requests`` are what callers asked; of an endpoint, the tries that it was given. ``success`` is the
    share of answers among those that were not cancelled. Percentiles are of the
    time at the endpoint, in seconds; None when nothing was answered. ``concurrency`` is the mean number in service over
    the whole span, ``busiest`` the same in the busiest minute (Little's law: seconds of service in it, divided by its
    length); ``peak`` the most that ended in one minute.
    """

    model: str
    endpoint: str
    requests: int
    success: float
    p50: float | None
    p95: float | None
    p99: float | None
    input_length: int
    output_length: int
    concurrency: float
    busiest: float
    peak: int
    queue_p95: float | None
    errors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Point:
    """One step of the curves, all models together; times in seconds."""

    start: float
    seconds: float
    succeeded: int
    failed: int
    p50: float | None
    p95: float | None
    concurrency: float


@dataclass(frozen=True, slots=True)
class Report:
    """A capacity report over [``since``, ``until``), seconds since the epoch, UTC."""

    since: float
    until: float
    rows: Sequence[Row]
    points: Sequence[Point]


def report(slices: Sequence[Slice], since: float, until: float) -> Report:
    """The report of these slices; minutes and hours may be mixed, but no time may be in two of them.

    The span begins with the first record in it: a system that is younger than the days asked for is not idle before.
    """
    kept = sorted((each for each in slices if each.tallies), key=lambda each: each.start)
    begin = max(since, kept[0].start) if kept else since
    pairs: dict[Pair, list[Tally]] = {}
    for each in kept:
        for pair, tally in each.tallies.items():
            pairs.setdefault(pair, []).append(tally)
    rows = [_row(pair, merged(tallies), max(until - begin, 60.0)) for pair, tallies in sorted(pairs.items())]
    return Report(begin, until, rows, list(_points(kept, begin, until)))


def _row(pair: Pair, tally: Tally, seconds: float) -> Row:
    return Row(
        model=pair[0],
        endpoint=pair[1],
        requests=tally.count,
        success=tally.success,
        p50=quantile(tally.latency, 0.5),
        p95=quantile(tally.latency, 0.95),
        p99=quantile(tally.latency, 0.99),
        input_length=tally.input_length,
        output_length=tally.output_length,
        concurrency=tally.busy / seconds,
        busiest=tally.peak_busy / 60,
        peak=tally.peak,
        queue_p95=quantile(tally.waiting, 0.95),
        errors={code: count for code, count in sorted(tally.outcomes.items()) if code != OK},
    )


def _points(slices: Sequence[Slice], since: float, until: float) -> Iterator[Point]:
    """The curves, in equal steps; those without requests are there too, with zeros."""
    if not slices:
        return
    widest = max(each.seconds for each in slices)
    step = next((size for size in _STEP_SIZES if size >= max((until - since) / STEPS, widest)), _STEP_SIZES[-1])
    start = since - since % step
    steps: dict[int, list[Tally]] = {}
    for each in slices:
        place = int((each.start - start) // step)
        steps.setdefault(place, []).extend(tally for (_, endpoint), tally in each.tallies.items() if endpoint == WHOLE)
    for place in range(int((until - start - 1e-6) // step) + 1):
        tally = merged(steps.get(place, ()))
        yield Point(
            start=start + place * step,
            seconds=float(step),
            succeeded=tally.succeeded,
            failed=tally.failed,
            p50=quantile(tally.latency, 0.5),
            p95=quantile(tally.latency, 0.95),
            concurrency=tally.busy / step,
        )
