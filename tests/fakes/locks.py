"""Locks that are free unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from memoryos_tasks.core.errors import LostClaim
from memoryos_tasks.core.events import Owner


@dataclass
class FakeHeld:
    """A lock while it is held; ``lost`` says that it is not any more."""

    token: int = 1
    lost: bool = False

    def check(self) -> None:
        if self.lost:
            raise LostClaim


@dataclass
class FakeLocks:
    """Gives ``held`` to everybody; None is a lock that somebody else holds."""

    held: FakeHeld | None = field(default_factory=FakeHeld)
    taken: int = 0

    @contextmanager
    def hold(self, owner: Owner, *, wait_seconds: float) -> Iterator[FakeHeld | None]:
        self.taken += 1
        yield self.held

    @contextmanager
    def hold_free(self, owners: Sequence[Owner]) -> Iterator[Mapping[Owner, FakeHeld]]:
        self.taken += len(owners)
        yield {} if self.held is None else dict.fromkeys(owners, self.held)
