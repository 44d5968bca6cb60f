"""What is due for compaction, in a dict."""

from __future__ import annotations

from dataclasses import dataclass, field

from memoryos_tasks.core.events import Owner


@dataclass
class FakeUpkeep:
    """Owners and in how many seconds they are looked at."""

    noted: dict[Owner, float] = field(default_factory=dict)

    def note(self, owner: Owner, *, after: float) -> None:
        self.noted.setdefault(owner, after)

    def settled(self, owner: Owner, *, after: float | None) -> None:
        self.noted.pop(owner, None)
        if after is not None:
            self.noted[owner] = after

    def due(self, *, count: int) -> list[Owner]:
        return [*self.noted][:count]

    def forget(self, owner: Owner) -> None:
        self.noted.pop(owner, None)
