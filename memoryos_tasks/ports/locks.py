"""Locks: one run at a time reshapes an owner's memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from memoryos_tasks.core.events import Owner


class Held(Protocol):
    """A lock while it is held."""

    token: int

    def check(self) -> None:
        """Raises :class:`LostClaim` when the lock was lost; call it before each write."""


class Locks(Protocol):
    """Raises :class:`TruthDown` when the store of record cannot be reached."""

    def hold(self, owner: Owner, *, wait_seconds: float) -> AbstractContextManager[Held | None]:
        """Hold the owner's lock for the block; None in the block when another holds it for that long."""

    def hold_free(self, owners: Sequence[Owner]) -> AbstractContextManager[Mapping[Owner, Held]]:
        """Hold for the block the locks of those of these owners that nobody holds now."""
