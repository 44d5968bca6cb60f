"""How hot a question is, and when it becomes an FAQ or ceases to be one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from memoryos_tasks.core.faq_form import numbers

#: Heat of one ask on its day, and days after which half of it is left. Ten asks of today have heat 100, ten of 15 days
#: ago 50, ten spread evenly over the last 30 days 54: so "10 asks and heat 50" wants ten asks a month that do not
#: all lie in its first half.
ASK_HEAT, HALF_LIFE_DAYS = 10.0, 15.0

Vector = Sequence[float]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a question needs to be an FAQ. ``similarity`` is a mean cosine, ``cold`` the heat below which it is none."""

    asks: int = 10
    heat: float = 50.0
    window_days: int = 30
    similarity: float = 0.92
    answers: int = 3
    users: int = 1
    cold: float = 10.0


@dataclass(frozen=True, slots=True)
class Stats:
    """What is known of one question: asks and heat within the window, users who asked, answers that were compared,
    mean similarity of its wordings and of its answers, and which sample (by place) answers it best.
    """

    asks: int = 0
    heat: float = 0.0
    users: int = 0
    answers: int = 0
    wording: float = 0.0
    agreement: float = 0.0
    best: int = -1

    @property
    def similarity(self) -> float:
        """The smaller of the two means: an answer that differs every time is no FAQ."""
        return min(self.wording, self.agreement)


def heat(asks: Mapping[int, int], today: int, window_days: int) -> float:
    """``Σ 10 · 2^(−age / 15 days)`` over the asks within the window. ``asks``: how many, by day since the epoch."""
    return math.fsum(
        count * ASK_HEAT * math.pow(2.0, -max(today - day, 0) / HALF_LIFE_DAYS)
        for day, count in asks.items()
        if today - day < window_days
    )


def qualifies(stats: Stats, bounds: Bounds) -> bool:
    """Whether the question may become an FAQ."""
    return (
        frequent(stats, bounds)
        and stats.users >= bounds.users
        and stats.answers >= bounds.answers
        and stats.similarity >= bounds.similarity
    )


def frequent(stats: Stats, bounds: Bounds) -> bool:
    """Whether it is asked often enough that its answers are worth comparing."""
    return stats.asks >= bounds.asks and stats.heat >= bounds.heat


def agreement(answers: Sequence[str], vectors: Sequence[Vector]) -> tuple[float, int]:
    """The mean similarity of answers to one another, and the place of the one most like all others (-1 for none).

    Of two answers it is their cosine, times the share of their numbers that both have: averages of word vectors
    hardly see a number, and an answer that names another one is another answer.
    """
    if not answers:
        return 0.0, -1
    totals = [0.0] * len(answers)
    found = [frozenset(numbers(answer)) for answer in answers]
    pairs: list[float] = []
    for one, other in combinations(range(len(answers)), 2):
        if answers[one] == answers[other]:
            alike = 1.0
        else:
            alike = cosine(vectors[one], vectors[other]) * _shared(found[one], found[other])
        pairs.append(alike)
        totals[one] += alike
        totals[other] += alike
    return mean(pairs) if pairs else 1.0, max(range(len(answers)), key=lambda place: totals[place])


def likeness(vectors: Sequence[Vector]) -> float:
    """The mean cosine of wordings to one another; 1 for one alone."""
    return mean([cosine(one, other) for one, other in combinations(vectors, 2)]) if len(vectors) > 1 else 1.0


def cosine(one: Vector, other: Vector) -> float:
    """Of unit vectors; at most 1, whatever the rounding."""
    return min(1.0, sum(a * b for a, b in zip(one, other, strict=True)))


def mean(values: Iterable[float]) -> float:
    """0 for none."""
    known = list(values)
    return sum(known) / len(known) if known else 0.0


def _shared(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 1.0
