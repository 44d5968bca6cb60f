"""Who asks far more than is usual for them, and where keys are being guessed.

A subject (a user or an address) is compared with its own history: the counts of its last active minutes. The norm is
their median, the spread their median absolute deviation, so that a few odd minutes move neither (Iglewicz and Hoaglin,
"How to Detect and Handle Outliers", 1993: 1.4826 × MAD estimates the standard deviation of a normal series).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

#: Makes a median absolute deviation comparable to a standard deviation.
MAD_SCALE = 1.4826
#: What a fifth of the minutes do is a habit, such as a job that asks in bursts: half again of it is not odd either.
HABIT, HABIT_MARGIN = 0.8, 1.5
#: Active minutes that are remembered of a subject.
MOST_MINUTES = 60


class Sort(StrEnum):
    """What is odd."""

    USER = "user_rate"
    ADDRESS = "ip_rate"
    AUTH = "auth_failures"


@dataclass(frozen=True, slots=True)
class Rules:
    """When a count is odd. Rates are requests in one minute.

    ``floor``: never odd below it, whatever the norm. ``newcomer_floor``: the same for subjects with fewer than
    ``newcomer_minutes`` active minutes behind them, which have no norm yet. ``deviations`` and ``times``: how far
    above the median, in deviations and as a multiple, a count has to be; both must hold. ``auth_failures`` within
    ``auth_minutes`` from one address are odd.
    """

    floor: int = 60
    newcomer_floor: int = 600
    newcomer_minutes: int = 5
    deviations: float = 6.0
    times: float = 3.0
    auth_failures: int = 10
    auth_minutes: int = 5


@dataclass(frozen=True, slots=True)
class Norm:
    """What is usual for a subject, and the count above which a minute of it is odd."""

    usual: float
    most: float


def norm(history: Sequence[int], rules: Rules) -> Norm:
    """The norm after these active minutes (their counts, in any order)."""
    if len(history) < rules.newcomer_minutes:
        return Norm(statistics.median(history) if history else 0.0, float(max(rules.newcomer_floor, rules.floor)))
    usual = float(statistics.median(history))
    spread = MAD_SCALE * float(statistics.median(abs(count - usual) for count in history))
    # Even a perfectly steady source scatters as its arrivals do: by the root of their number (Poisson).
    spread = max(spread, math.sqrt(usual))
    habit = sorted(history)[math.ceil(HABIT * len(history)) - 1] * HABIT_MARGIN
    return Norm(usual, max(rules.floor, rules.times * usual, usual + rules.deviations * spread, habit))


def remembered(history: Sequence[int], count: int, rules: Rules) -> tuple[int, ...]:
    """The history with one more active minute, newest last.

    An odd minute counts as the most that is not odd: an attack of some minutes hardly moves the norm, while what lasts
    becomes it, step by step, within the hour. A newcomer has nothing to be cut to but its floor.
    """
    if count <= 0:
        return tuple(history)
    return (*history, min(count, math.floor(norm(history, rules).most)))[-MOST_MINUTES:]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a count is about: a user of a tenant, or an address (then ``tenant`` is empty)."""

    sort: Sort
    name: str
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A subject that is or was odd. ``count`` is what was counted last, ``peak`` the most; times are in seconds, UTC.

    It is ``open`` from its first odd minute until none was seen for :data:`CLOSED_SECONDS`.
    """

    subject: Subject
    first_at: float
    last_at: float
    count: int
    peak: int
    usual: float
    most: float

    def open(self, now: float) -> bool:
        """Whether it goes on."""
        return now - self.last_at < CLOSED_SECONDS


#: Seconds after the last odd minute that an anomaly counts as over.
CLOSED_SECONDS = 600.0


def seen(known: Anomaly | None, subject: Subject, count: int, limits: Norm, now: float) -> Anomaly:
    """The anomaly after an odd count: the known one if it is still open, else a new one."""
    if known is None or not known.open(now):
        return Anomaly(subject, now, now, count, count, limits.usual, limits.most)
    return Anomaly(subject, known.first_at, now, count, max(known.peak, count), limits.usual, limits.most)
