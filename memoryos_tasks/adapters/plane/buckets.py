"""Bounds counted in the store of record: what a restart forgot would be free again, and only what is let through is
written, beside the job that it becomes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.core.errors import TruthDown
from memoryos_tasks.ports.plane.limits import Bound, Verdict

#: Bounds that a process remembers for when the store is away.
REMEMBERED = 10_000


class RedisBuckets:
    """See :class:`memoryos_tasks.ports.plane.limits.Limiter`.

    While the store is away this process goes on from what it heard last, and owes the store what it let through.
    """

    def __init__(self, truth: redis.Redis) -> None:
        self._take = script(truth, "bucket_take")
        self._own = LocalBuckets()

    def take(self, bounds: Sequence[Bound]) -> Verdict | None:
        if not bounds:
            return None
        debts = self._own.debts(bounds)
        try:
            with truth_errors():
                answer = self._take([keyspace.bound(each.name) for each in bounds], _asked(bounds, debts))
        except TruthDown:
            return self._own.instead(bounds, debts)
        allowed, rest = bool(answer[0]), answer[1:]
        left = [(int(rest[i]), rest[i + 1] / 1e6, rest[i + 2] / 1e6) for i in range(0, len(rest), 3)]
        self._own.heard(bounds, [one[0] for one in left])
        return tightest(allowed, bounds, left)


def _asked(bounds: Sequence[Bound], debts: Sequence[int]) -> list[str | int]:
    asked: list[str | int] = []
    for bound, debt in zip(bounds, debts, strict=True):
        asked += ["rolling" if bound.rolling else "bucket", max(1, round(bound.rate * 1000)), bound.burst, debt]
    return asked


def tightest(allowed: bool, bounds: Sequence[Bound], left: Sequence[tuple[int, float, float]]) -> Verdict:
    """The verdict of these bounds, each with what is left, the seconds to one more and to all."""
    verdicts = [Verdict(allowed, bound.burst, one[0], one[2], one[1]) for bound, one in zip(bounds, left, strict=True)]
    if allowed:
        return min(verdicts, key=lambda one: (one.remaining, -one.wait))
    return max(verdicts, key=lambda one: one.wait)


@dataclass(slots=True)
class _Level:
    """What one bucket holds at a time (monotonic seconds), and what it let through unasked."""

    tokens: float
    at: float
    debt: int = 0


class LocalBuckets:
    """The same bounds, counted in this process alone; rolling ones as buckets."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._levels: OrderedDict[str, _Level] = OrderedDict()

    def take(self, bounds: Sequence[Bound]) -> Verdict | None:
        return self.instead(bounds, [0] * len(bounds)) if bounds else None

    def debts(self, bounds: Sequence[Bound]) -> list[int]:
        """What these bounds owe the store, handed over."""
        with self._lock:
            debts = []
            for bound in bounds:
                level = self._levels.get(bound.name)
                debts.append(level.debt if level else 0)
                if level:
                    level.debt = 0
            return debts

    def heard(self, bounds: Sequence[Bound], left: Sequence[int]) -> None:
        """Note what the store says of them."""
        with self._lock:
            for bound, tokens in zip(bounds, left, strict=True):
                level = self._level(bound)
                level.tokens, level.at = float(tokens), self._clock()

    def instead(self, bounds: Sequence[Bound], debts: Sequence[int]) -> Verdict:
        """Decide in the store's place; ``debts`` are owed again."""
        with self._lock:
            levels = [self._filled(bound) for bound in bounds]
            allowed = all(level.tokens >= 1 for level in levels)
            for level, debt in zip(levels, debts, strict=True):
                level.debt += debt + allowed
                level.tokens -= allowed
            left = [
                (max(0, int(level.tokens)), max(0.0, (1 - level.tokens) / bound.rate),
                 (bound.burst - level.tokens) / bound.rate)
                for bound, level in zip(bounds, levels, strict=True)
            ]
        return tightest(allowed, bounds, left)

    def _filled(self, bound: Bound) -> _Level:
        level, now = self._level(bound), self._clock()
        level.tokens = min(float(bound.burst), level.tokens + max(0.0, now - level.at) * bound.rate)
        level.at = now
        return level

    def _level(self, bound: Bound) -> _Level:
        level = self._levels.setdefault(bound.name, _Level(float(bound.burst), self._clock()))
        self._levels.move_to_end(bound.name)
        while len(self._levels) > REMEMBERED:
            self._levels.popitem(last=False)
        return level
