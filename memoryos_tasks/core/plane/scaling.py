"""How many workers a pool needs, from what it was given to do.

Little's law (J. D. C. Little, Operations Research 9, 1961): the places busy on average are arrivals per second times
seconds of service. A pool whose places are all busy has a queue without end, so only a share of them is planned for;
what already waits is to be gone within a given time on top of that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

#: Share of the places that is planned to be busy.
TARGET = 0.7
#: Seconds within which what waits now should be gone.
DRAIN_SECONDS = 60.0
#: Work that waits longer than this (seconds) is late, however idle the places look on average.
LATE_SECONDS = 5.0
#: A pool is made smaller only when it needs no more than this share of its workers: so that it does not swing.
SHRINK_SHARE = 0.5


class Advice(StrEnum):
    """What to do with a pool."""

    GROW = "grow"
    SHRINK = "shrink"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Load:
    """A pool and its work, averaged over the last minutes.

    ``workers`` are its processes (of an endpoint: its instances, always one), each with so many ``places``; 0 places
    means that nobody has set a limit. ``arrivals`` are per second, ``service`` is seconds of one piece of work;
    ``busy`` are the places in use on average where that is measured directly, else None. ``waiting`` pieces of work
    wait now, the oldest for ``oldest`` seconds.
    """

    pool: str
    workers: int
    places: int
    arrivals: float = 0.0
    service: float = 0.0
    busy: float | None = None
    waiting: int = 0
    oldest: float = 0.0


@dataclass(frozen=True, slots=True)
class Hint:
    """What to do with a pool: to ``workers`` in all, and why. ``busy`` and ``use`` (share of the places, None where
    they have no limit) are what it was decided by."""

    pool: str
    advice: Advice
    workers: int
    why: str
    busy: float
    use: float | None


def hint(load: Load, *, target: float = TARGET, drain: float = DRAIN_SECONDS) -> Hint:
    """The advice for one pool."""
    measured = load.busy is not None
    busy = load.busy if load.busy is not None else load.arrivals * load.service
    how = f"{busy:.1f} places busy" if measured else (
        f"{load.arrivals:.2f} arrivals/s × {load.service:.2f} s = {busy:.1f} places busy")
    if load.workers <= 0:
        asked = busy > 0 or load.waiting > 0
        why = f"no worker serves it, and {_waits(load) if asked else 'nothing was asked of it'}"
        return Hint(load.pool, Advice.GROW if asked else Advice.KEEP, int(asked), why, busy, None)
    if load.places <= 0:
        return Hint(load.pool, Advice.KEEP, load.workers, f"{how}; no limit is set to its places", busy, None)
    use = busy / (load.workers * load.places)
    needed = _needed(load, busy, target, drain)
    late = load.waiting > 0 and load.oldest > LATE_SECONDS
    if late:
        needed = max(needed, load.workers + 1)
    why = f"{how} of {load.workers * load.places} ({use:.0%}; planned for {target:.0%}), {_waits(load)}"
    if needed > load.workers:
        return Hint(load.pool, Advice.GROW, needed, why, busy, use)
    if needed <= load.workers * SHRINK_SHARE:
        return Hint(load.pool, Advice.SHRINK, needed, why, busy, use)
    return Hint(load.pool, Advice.KEEP, load.workers, why, busy, use)


def hints(loads: Sequence[Load], *, target: float = TARGET) -> list[Hint]:
    """The advice for every pool: what must grow first, the fullest of them foremost."""
    order = {Advice.GROW: 0, Advice.KEEP: 1, Advice.SHRINK: 2}
    given = [hint(load, target=target) for load in loads]
    return sorted(given, key=lambda each: (order[each.advice], -(each.use or 0.0), each.pool))


def _needed(load: Load, busy: float, target: float, drain: float) -> int:
    """Workers whose planned places hold the work that comes and drain what waits."""
    draining = load.waiting * load.service / drain
    return max(math.ceil((busy / target + draining) / load.places - 1e-9), 1)


def _waits(load: Load) -> str:
    if not load.waiting:
        return "nothing waits"
    age = f", the oldest for {load.oldest:.0f} s" if load.oldest else ""
    return f"{load.waiting} wait{'s' if load.waiting == 1 else ''}{age}"
