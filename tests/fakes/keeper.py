"""A keeper of leases that last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from memoryos_tasks.ports.ledger import Claim


@dataclass
class FakeLease:
    """A claim kept alive; the test sets what becomes of it."""

    cancelled: bool = False
    lost: bool = False


@dataclass
class FakeKeeper:
    """Gives every run the same ``lease``."""

    lease: FakeLease = field(default_factory=FakeLease)

    @contextmanager
    def keep(self, claim: Claim) -> Iterator[FakeLease]:
        yield self.lease
