"""The plot of a capacity report, as SVG: three panels over one axis of time.

Written here: the picture is some rectangles, lines and words, and a library for them would be larger than the product.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from memoryos_tasks.core.plane.capacity import Point, Report

WIDTH, PANEL, GAP, TOP, BOTTOM, LEFT, RIGHT = 960, 180, 52, 56, 44, 64, 24
_PLOT = WIDTH - LEFT - RIGHT
_STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000)
_STYLE = """
text { font: 12px system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', sans-serif; fill: #334155 }
.title { font-size: 16px; font-weight: 600; fill: #0f172a } .head { font-size: 13px; font-weight: 600; fill: #0f172a }
.grid { stroke: #e2e8f0 } .axis { stroke: #94a3b8 }
.ok { fill: #2563eb } .bad { fill: #dc2626 }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round } .p50 { stroke: #2563eb } .p95 { stroke: #ea580c }
.busy { stroke: #0f766e } circle.p50 { fill: #2563eb } circle.p95 { fill: #ea580c } circle.busy { fill: #0f766e }
"""


def svg(report: Report, *, title: str = "Capacity of the model control plane") -> str:
    """The picture, for a browser or an image viewer. Times of the day are UTC."""
    height = TOP + 3 * PANEL + 2 * GAP + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text class="title" x="{LEFT}" y="24">{escape(title)}</text>',
        f'<text x="{WIDTH - RIGHT}" y="24" text-anchor="end">{_day(report.since)} to {_day(report.until)} UTC</text>',
        *_panels(report),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _panels(report: Report) -> Iterator[str]:
    points = report.points
    if not points:
        yield f'<text x="{WIDTH / 2}" y="{TOP + PANEL}" text-anchor="middle">No inference was recorded.</text>'
        return
    time = _Time(points[0].start, points[-1].start + points[-1].seconds)
    each = points[0].seconds
    tops = [TOP + place * (PANEL + GAP) for place in range(3)]
    most = max(point.succeeded + point.failed for point in points)
    yield from _frame(tops[0], f"Requests in {_span(each)}", [("ok", "answered"), ("bad", "failed")], most, time, "")
    yield from _bars(points, tops[0], _nice(most), time)
    slowest = max((point.p95 or 0.0 for point in points), default=0.0)
    yield from _frame(tops[1], "Time at the endpoint", [("p50", "p50"), ("p95", "p95")], slowest, time, " s")
    for name, value in (("p95", _p95), ("p50", _p50)):
        yield from _curve(points, value, name, tops[1], _nice(slowest), time)
    busiest = max(point.concurrency for point in points)
    yield from _frame(tops[2], "Requests in service (mean)", [], busiest, time, "")
    yield from _curve(points, _concurrency, "busy", tops[2], _nice(busiest), time)
    yield from time.labels(tops[2] + PANEL)


class _Time:
    """The axis that the panels share."""

    def __init__(self, start: float, end: float) -> None:
        self.start, self.end = start, end

    def x(self, at: float) -> float:
        return LEFT + _PLOT * (at - self.start) / (self.end - self.start)

    def ticks(self) -> list[float]:
        span = self.end - self.start
        step = next((size for size in _STEPS if span / size <= 8), _STEPS[-1])
        first = math.ceil(self.start / step) * step
        return [first + place * step for place in range(int((self.end - first) // step) + 1)]

    def labels(self, bottom: float) -> Iterator[str]:
        days = self.end - self.start > 2 * 86_400
        for at in self.ticks():
            text = datetime.fromtimestamp(at, UTC).strftime("%m-%d" if days else "%H:%M")
            yield f'<text x="{self.x(at):.1f}" y="{bottom + 20}" text-anchor="middle">{text}</text>'


def _frame(top: float, head: str, legend: Sequence[tuple[str, str]], most: float, time: _Time, unit: str
           ) -> Iterator[str]:
    """A panel's heading, legend, grid and scale."""
    yield f'<text class="head" x="{LEFT}" y="{top - 8}">{escape(head)}</text>'
    x = WIDTH - RIGHT - 92 * len(legend)
    for name, text in legend:
        shape = (f'<rect class="{name}" x="{x}" y="{top - 17}" width="10" height="10"/>' if name in ("ok", "bad") else
                 f'<line class="line {name}" x1="{x}" x2="{x + 14}" y1="{top - 12}" y2="{top - 12}"/>')
        yield f'{shape}<text x="{x + 20}" y="{top - 8}">{escape(text)}</text>'
        x += 92
    for at in time.ticks():
        yield f'<line class="grid" x1="{time.x(at):.1f}" x2="{time.x(at):.1f}" y1="{top}" y2="{top + PANEL}"/>'
    scale = _nice(most)
    for place in range(5):
        value, y = scale * place / 4, top + PANEL * (1 - place / 4)
        kind = "grid" if place else "axis"
        yield f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(value)}{unit}</text>'


def _bars(points: Sequence[Point], top: float, scale: float, time: _Time) -> Iterator[str]:
    for point in points:
        left, right = time.x(point.start), time.x(point.start + point.seconds)
        width, y = max(right - left - 1, 0.8), top + PANEL
        for name, count in (("ok", point.succeeded), ("bad", point.failed)):
            height = PANEL * count / scale
            if count:
                y -= height
                yield f'<rect class="{name}" x="{left:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def _curve(points: Sequence[Point], value: Callable[[Point], float | None], name: str, top: float, scale: float,
           time: _Time) -> Iterator[str]:
    """A line, broken where nothing is known; a known step between two unknown ones is a dot."""
    run: list[str] = []
    for point in (*points, None):
        known = value(point) if point is not None else None
        if point is not None and known is not None:
            run.append(f"{time.x(point.start + point.seconds / 2):.1f},{top + PANEL * (1 - known / scale):.1f}")
            continue
        if len(run) == 1:
            x, y = run[0].split(",")
            yield f'<circle class="{name}" cx="{x}" cy="{y}" r="1.5"/>'
        elif run:
            yield f'<polyline class="line {name}" points="{" ".join(run)}"/>'
        run = []


def _p50(point: Point) -> float | None:
    return point.p50


def _p95(point: Point) -> float | None:
    return point.p95


def _concurrency(point: Point) -> float | None:
    return point.concurrency


def _nice(most: float) -> float:
    """The end of a scale, not much above the most that it shows, whose quarters are short numbers."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(power * step for step in (1, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if power * step >= most * 0.999)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _span(seconds: float) -> str:
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds / size
            return f"a {name}".replace("a hour", "an hour") if count == 1 else f"{count:g} {name}s"
    return f"{seconds:g} seconds"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
