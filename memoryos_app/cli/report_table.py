"""A capacity report as text, and as JSON."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from memoryos_tasks.core.plane.capacity import Report, Row
from memoryos_tasks.core.plane.records import WHOLE
from memoryos_tasks.core.plane.scaling import Advice, Hint

_HEAD = ("model / endpoint", "requests", "success", "p50", "p95", "p99", "chars in", "chars out",
         "in service", "busiest", "peak/min", "errors")


def lines(report: Report, hints: Sequence[Hint]) -> Iterator[str]:
    """The table: each model, and below it its endpoints; then what to scale."""
    yield f"Capacity from {_when(report.since)} to {_when(report.until)} UTC"
    yield ""
    if report.rows:
        yield from _table([_HEAD, *map(_cells, report.rows)])
        yield ""
        yield "Of a model, requests are what callers asked; of an endpoint, its tries. 'in service' is the mean at a"
        yield "time, 'busiest' the same in the busiest minute. Times are at the endpoint, shares of errors of requests."
    else:
        yield "No inference was recorded."
    if hints:
        yield ""
        yield "Scaling, by the last 10 minutes"
        yield from (f"  {_advised(hint)}" for hint in hints)


def as_json(report: Report, hints: Sequence[Hint]) -> dict[str, Any]:
    """The same for programs: times in seconds, moments in seconds since the epoch (UTC)."""
    return {
        "since": report.since,
        "until": report.until,
        "rows": [asdict(row) for row in report.rows],
        "points": [asdict(point) for point in report.points],
        "scaling": [{**asdict(hint), "advice": str(hint.advice)} for hint in hints],
    }


def _cells(row: Row) -> tuple[str, ...]:
    errors = ", ".join(f"{code} {count / row.requests:.1%}" for code, count in
                       sorted(row.errors.items(), key=lambda each: -each[1]))
    return (
        row.model if row.endpoint == WHOLE else f"  {row.endpoint}", f"{row.requests:,}", _share(row.success),
        _time(row.p50), _time(row.p95), _time(row.p99), f"{row.input_length:,}", f"{row.output_length:,}",
        f"{row.concurrency:.2f}", f"{row.busiest:.1f}", f"{row.peak:,}", errors or "none",
    )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns side by side: the first and the last to the left, figures to the right."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [row[0] + padded[0], *(pad + cell for cell, pad in zip(row[1:-1], padded[1:-1], strict=True)), row[-1]]
        yield "  ".join(cells).rstrip()


def _width(text: str) -> int:
    """Columns on a terminal: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def _advised(hint: Hint) -> str:
    what = {Advice.GROW: f"grow to {hint.workers}", Advice.SHRINK: f"shrink to {hint.workers}",
            Advice.KEEP: f"keep {hint.workers}"}[hint.advice]
    return f"{hint.pool}: {what}; {hint.why}"


def _share(value: float) -> str:
    """Never 100 % unless all of it."""
    text = f"{value:.2%}"
    return "99.99%" if text == "100.00%" and value < 1 else text


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "none"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
