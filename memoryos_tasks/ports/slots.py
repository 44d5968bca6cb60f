"""How many runs are at an endpoint at a time, over all workers."""

from __future__ import annotations

from typing import Protocol


class Slots(Protocol):
    """A slot is given back by its holder, or by itself when its holder is no longer heard of."""

    def take(self, endpoint: str, run: str, most: int) -> bool:
        """Whether the run may go to the endpoint, where at most ``most`` may be. True when nobody can tell."""

    def leave(self, endpoint: str, run: str) -> None:
        """Give the slot back; one that was not taken is no error."""


class NoSlots:
    """For processes that count nothing."""

    def take(self, endpoint: str, run: str, most: int) -> bool:
        return True

    def leave(self, endpoint: str, run: str) -> None:
        return None
