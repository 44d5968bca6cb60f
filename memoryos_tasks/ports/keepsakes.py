"""What a vendor wants back with a tool call's result, and what OpenAI's clients drop on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from memoryos_tasks.core.events import Owner


class Keepsakes(Protocol):
    """Opaque parts of an answer (a thought's signature, reasoning text) by the id of the tool call they belong to.

    Best effort, for a bounded time: a store that is down keeps nothing and finds nothing.
    """

    def keep(self, owner: Owner, parts: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep JSON objects by tool-call id."""

    def kept(self, owner: Owner, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Those of ``ids`` that are known."""


class NoKeepsakes:
    """Keeps nothing; for calls without an owner."""

    def keep(self, owner: Owner, parts: Mapping[str, Mapping[str, Any]]) -> None:
        """Nothing."""

    def kept(self, owner: Owner, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """None."""
        return {}
