"""The plane's scheduler and breakers once more, in plain Python: what the scripts must agree with, step by step.

Times in ms. The one thing it does not know is luck: it names the endpoints that may be chosen, and the bounds of a
pause.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from memoryos_tasks.core.plane.breaker import FORGIVEN, PACE_CALLS, SLOW_CALLS, SLOW_FLOOR, SLOW_TIMES, Outcome
from memoryos_tasks.core.plane.config import Breaker

SLOTS = 10


@dataclass
class One:
    """An endpoint."""

    id: str
    weight: float
    most: int
    ramp: float
    state: str = "closed"
    gen: int = 0
    streak: int = 0
    trips: int = 0
    till: float = 0
    wins: int = 0
    cool: float = 0
    back: float = 0
    mean: float = 0
    paced: int = 0
    window: list[tuple[int, int, int, int]] = field(default_factory=list)
    load: dict[str, float] = field(default_factory=dict)
    #: Request to when it began, or was last counted as slow, and whether it was.
    since: dict[str, tuple[float, bool]] = field(default_factory=dict)
    permits: set[str] = field(default_factory=set)


class Model:
    """The endpoints of one model; ``now`` moves only by hand. Leases do not run out here."""

    def __init__(self, rows: list[tuple[str, float, int]], rules: Breaker, slow_start: float, now: int) -> None:
        self.now = now
        self.rules = rules
        self.slow_start = slow_start
        self.all = [One(id, weight, most, now) for id, weight, most in rows]
        #: Endpoints that opened in the last step, with the longest pause that is theirs.
        self.opened: dict[str, float] = {}

    def one(self, id: str) -> One:
        return next(one for one in self.all if one.id == id)

    def expected(self, exclude: set[str]) -> tuple[set[str], bool]:
        """The endpoints that may be chosen now, and whether as a trial; their states are brought up to date."""
        self.opened = {}
        for one in self.all:
            if one.state == "open":
                if self.now >= one.till:
                    self._turn(one, "half_open")
                continue
            limit = self._patience(one)
            late = [request for request, (begun, _) in one.since.items() if begun <= self.now - limit]
            for request in late:
                one.since[request] = (self.now, True)
            if late:
                self._count(one, len(late), 0, len(late))
                if one.state == "half_open" or (self._bad(one) and self._room(one)):
                    self._open(one)
        if not exclude:
            tries = {one.id for one in self.all if one.state == "half_open" and self._fits(one, exclude)
                     and len(one.permits) < self.rules.permits}
            if tries:
                return tries, True
        panic = 2 * sum(one.state == "closed" for one in self.all) < len(self.all)
        loads = {}
        for one in self.all:
            if self._fits(one, exclude) and (one.state == "closed" or panic):
                weight = self.weight(one) if one.state == "closed" else 0.1 * one.weight
                loads[one.id] = (len(one.load) + 1) / weight
        least = min(loads.values(), default=0)
        return {id for id, load in loads.items() if load <= least * (1 + 1e-8)}, False

    def took(self, id: str, request: str, trial: bool) -> int:
        """It was chosen; the generation of the reservation."""
        one = self.one(id)
        one.load[request], one.since[request] = self.now, (self.now, False)
        if trial:
            one.permits.add(request)
        return one.gen

    def finish(self, id: str, request: str, gen: int, outcome: Outcome, took: int, cooling: int) -> None:
        self.opened = {}
        one = self.one(id)
        begun = one.since.pop(request, None)
        watched = begun is not None and not begun[1]
        one.permits.discard(request)
        del one.load[request]
        if outcome is Outcome.LIMITED:
            one.cool = max(one.cool, self.now + cooling)
            return
        if gen != one.gen or one.state == "open" or outcome not in (Outcome.SUCCEEDED, Outcome.FAILED):
            return
        failed = outcome is Outcome.FAILED
        slow = not failed and took > self._patience(one)
        if one.state == "half_open":
            one.wins += 1
            if failed or slow:
                self._open(one)
            elif one.wins >= self.rules.successes:
                self._turn(one, "closed")
                one.back = one.ramp = self.now
            return
        one.streak = one.streak + 1 if failed else 0
        self._count(one, int(watched), int(failed), int(slow and watched))
        if not failed:
            one.mean = took if not one.paced else one.mean + 0.2 * (took - one.mean)
            one.paced += 1
        if self._bad(one) and self._room(one):
            self._open(one)

    def weight(self, one: One) -> float:
        if not self.slow_start:
            return one.weight
        return one.weight * max(0.1, min(1.0, (self.now - one.ramp) / self.slow_start))

    def _fits(self, one: One, exclude: set[str]) -> bool:
        return one.id not in exclude and (not one.most or len(one.load) < one.most) and one.cool <= self.now

    def _turn(self, one: One, state: str) -> None:
        one.state, one.gen, one.streak, one.wins, one.window = state, one.gen + 1, 0, 0, []
        one.since.clear()
        one.permits.clear()

    def _open(self, one: One) -> None:
        one.trips = 1 if self.now - one.back > FORGIVEN * 1000 else one.trips + 1
        self._turn(one, "open")
        self.opened[one.id] = min(self.rules.open_seconds * one.trips, self.rules.max_open_seconds) * 1000

    def _room(self, one: One) -> bool:
        return sum(other.state != "closed" for other in self.all if other is not one) + 1 <= len(self.all) // 2

    def _sums(self, one: One) -> tuple[int, int, int]:
        slot = int(self.now // (self.rules.window * 1000 / SLOTS))
        one.window = [row for row in one.window if row[0] > slot - SLOTS]
        return (sum(row[1] for row in one.window), sum(row[2] for row in one.window),
                sum(row[3] for row in one.window))

    def _count(self, one: One, calls: int, failed: int, slow: int) -> None:
        one.window.append((int(self.now // (self.rules.window * 1000 / SLOTS)), calls, failed, slow))

    def _bad(self, one: One) -> bool:
        if one.streak >= self.rules.failures:
            return True
        calls, failed, slow = self._sums(one)
        return (calls >= self.rules.min_calls and failed >= self.rules.share * calls) or (
            slow >= SLOW_CALLS and slow >= self.rules.slow_share * calls)

    def _patience(self, one: One) -> float:
        if not self.rules.slow_seconds:
            return math.inf
        paces = sorted(other.mean for other in self.all if other is not one and other.paced >= PACE_CALLS)
        most = self.rules.slow_seconds * 1000
        if not paces:
            return most
        return min(most, max(SLOW_FLOOR * 1000, SLOW_TIMES * paces[(len(paces) + 1) // 2 - 1]))
