"""Visits: which pages and segments were read, counted until heat has taken them in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from memoryos_tasks.core.events import Owner


class Visits(Protocol):
    """Raises :class:`TrafficDown` when the traffic store cannot be reached."""

    def noted(self, owner: Owner) -> dict[str, int]:
        """The visits by page or segment id that are not counted yet."""

    def counted(self, owner: Owner, visits: Mapping[str, int]) -> None:
        """These visits are counted: what came meanwhile stays for the next time."""
