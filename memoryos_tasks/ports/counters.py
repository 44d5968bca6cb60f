"""Counters: what workers have done, for metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Counters(Protocol):
    """Numbers that only grow."""

    def add(self, name: str, counts: Mapping[str, int]) -> None:
        """Add to the counters of this name, by label; nothing is told when they cannot be reached."""
