"""Text as it is: for tests, and to measure what sealing costs. No deployment stores it."""

from __future__ import annotations

from memoryos_tasks.core.events import Owner


class PlainCodec:
    """Stores text unchanged."""

    def seal(self, owner: Owner, text: str) -> str:
        return text

    def open(self, owner: Owner, sealed: str) -> str:
        return sealed
