"""The context of a session: what was said before, within bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Exchange:
    """One inference of a session: what was asked and, last, the answer. ``at``: seconds since the epoch, UTC."""

    job_id: str
    at: float
    messages: tuple[Mapping[str, Any], ...]

    @property
    def characters(self) -> int:
        """How much was said in it."""
        return sum(len(str(each.get("content") or "")) for each in self.messages)


def within(exchanges: Sequence[Exchange], *, count: int, characters: int) -> list[Exchange]:
    """The newest exchanges, whole ones only, that stay within both bounds; oldest first."""
    kept: list[Exchange] = []
    for exchange in reversed(exchanges[-count:]):
        characters -= exchange.characters
        if characters < 0:
            break
        kept.append(exchange)
    return kept[::-1]


def context(exchanges: Sequence[Exchange], *, count: int, characters: int) -> list[Mapping[str, Any]]:
    """The messages that go before what is asked now."""
    return [message for exchange in within(exchanges, count=count, characters=characters)
            for message in exchange.messages]
