"""What is recorded of an inference, and how records add up. Lengths and times only: nobody's text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.buckets import bucket, summed

#: The outcome of an inference that gave an answer; any other is the code of an error.
OK = "ok"
#: The outcome of one whose client did not want it any more: neither a success nor a failure.
CANCELLED = "cancelled"
#: The endpoint of a model's own row: its requests, however many endpoints each of them tried.
WHOLE = ""
#: Upper bounds (seconds) of the buckets that Prometheus sees: those of the gateway's other histograms.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


@dataclass(frozen=True, slots=True)
class InferenceRecord:
    """One try of one inference. Lengths are in characters, times in seconds; ``at`` is its end, since the epoch, UTC.

    ``queue_seconds`` went by between the request and this try. ``endpoint`` is empty when none could be had. With
    ``last`` false another try followed: it counts for its endpoint, but is no request of its own.
    """

    at: float
    owner: Owner
    model: str
    endpoint: str
    input_length: int
    output_length: int
    seconds: float
    queue_seconds: float
    outcome: str
    last: bool = True


#: A model and one of its endpoints, or :data:`WHOLE`.
Pair = tuple[str, str]


@dataclass(slots=True)
class Tally:
    """What inferences of one pair came to. ``busy`` and ``queued`` are sums of seconds.

    ``latency`` and ``waiting`` are histograms of :mod:`memoryos_tasks.core.plane.buckets`; ``bounds`` counts the
    answers by their place in :data:`BOUNDS`. ``peak`` and ``peak_busy`` are the most of ``count`` and ``busy`` that
    any one minute had.
    """

    count: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    input_length: int = 0
    output_length: int = 0
    busy: float = 0.0
    queued: float = 0.0
    latency: dict[int, int] = field(default_factory=dict)
    waiting: dict[int, int] = field(default_factory=dict)
    bounds: dict[int, int] = field(default_factory=dict)
    peak: int = 0
    peak_busy: float = 0.0

    @property
    def succeeded(self) -> int:
        """How many gave an answer."""
        return self.outcomes.get(OK, 0)

    @property
    def failed(self) -> int:
        """How many failed; those that were cancelled did not."""
        return self.count - self.succeeded - self.outcomes.get(CANCELLED, 0)

    @property
    def success(self) -> float:
        """The share of answers among those that were not cancelled; 1 when there are none."""
        judged = self.succeeded + self.failed
        return self.succeeded / judged if judged else 1.0

    def add(self, record: InferenceRecord) -> None:
        """Count one more."""
        self.count += 1
        self.outcomes[record.outcome] = self.outcomes.get(record.outcome, 0) + 1
        self.input_length += max(record.input_length, 0)
        self.output_length += max(record.output_length, 0)
        self.busy += max(record.seconds, 0.0)
        self.queued += max(record.queue_seconds, 0.0)
        if record.endpoint != WHOLE:  # What reached no endpoint took no time at one.
            _one_more(self.latency, bucket(record.seconds))
        _one_more(self.waiting, bucket(record.queue_seconds))
        _one_more(self.bounds, bisect_left(BOUNDS, record.seconds))


def rows_of(record: InferenceRecord) -> Iterator[Pair]:
    """The pairs that a record counts for: its endpoint, if it had one, and its model when it was the last try."""
    if record.endpoint != WHOLE:
        yield record.model, record.endpoint
    if record.last:
        yield record.model, WHOLE


def tallied(records: Iterable[InferenceRecord]) -> dict[Pair, Tally]:
    """Records as tallies, by pair; their peaks are not known here."""
    found: dict[Pair, Tally] = {}
    for record in records:
        for pair in rows_of(record):
            found.setdefault(pair, Tally()).add(record)
    return found


def merged(tallies: Iterable[Tally]) -> Tally:
    """The tallies of several spans of time as one."""
    kept = list(tallies)
    return Tally(
        count=sum(each.count for each in kept),
        outcomes=_counted(each.outcomes for each in kept),
        input_length=sum(each.input_length for each in kept),
        output_length=sum(each.output_length for each in kept),
        busy=sum(each.busy for each in kept),
        queued=sum(each.queued for each in kept),
        latency=summed(each.latency for each in kept),
        waiting=summed(each.waiting for each in kept),
        bounds=summed(each.bounds for each in kept),
        peak=max((each.peak for each in kept), default=0),
        peak_busy=max((each.peak_busy for each in kept), default=0.0),
    )


@dataclass(frozen=True, slots=True)
class Slice:
    """What was recorded in the ``seconds`` from ``start`` (seconds since the epoch, UTC) on."""

    start: float
    seconds: float
    tallies: Mapping[Pair, Tally]


def _counted(all_counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for counts in all_counts:
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
    return total


def _one_more(counts: dict[int, int], place: int) -> None:
    counts[place] = counts.get(place, 0) + 1
