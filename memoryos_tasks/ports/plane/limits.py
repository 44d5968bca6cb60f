"""How many requests a caller may make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Bound:
    """One bound on requests; ``name`` is what it is kept under, the same on every node.

    A bucket holds ``burst`` requests and fills at ``rate`` a second (in steps of 0.001). A ``rolling`` bound lets no
    more than ``burst`` through in any ``burst / rate`` seconds.
    """

    name: str
    rate: float
    burst: int
    rolling: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the tightest bound says: the one that refused, else the one with the least left.

    ``wait``: seconds until it lets another request through; ``reset``: seconds until all of its ``limit`` is free.
    """

    allowed: bool
    limit: int
    remaining: int
    reset: float
    wait: float


class Limiter(Protocol):
    """Counts over all nodes. Without the store that counts, each process counts for itself: it never raises."""

    def take(self, bounds: Sequence[Bound]) -> Verdict | None:
        """Let one request through all of the bounds, or through none; None when there are no bounds."""
