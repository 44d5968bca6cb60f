"""Counters in a dict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class FakeCounters:
    """Counts by name and label."""

    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, name: str, counts: Mapping[str, int]) -> None:
        for label, count in counts.items():
            self.counts[name, label] = self.counts.get((name, label), 0) + count
