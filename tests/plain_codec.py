"""Text at rest as it is, for what does not depend on its being sealed."""

from __future__ import annotations

from memoryos_tasks.core.events import Owner


class PlainCodec:
    """Stores text unchanged."""

    def seal(self, owner: Owner, text: str) -> str:
        return text

    def open(self, owner: Owner, sealed: str) -> str:
        return sealed
