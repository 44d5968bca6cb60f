"""Counting tokens as a model does."""

from __future__ import annotations

from typing import Protocol

from memoryos_tasks.core.tokens import Count, estimate


class Tokenizers(Protocol):
    """Counters by model. Needs no network."""

    def counter(self, model: str) -> Count:
        """The model's own count, or :func:`estimate` where its vocabulary is not known."""


class Estimates:
    """Estimates all."""

    def counter(self, model: str) -> Count:
        """The estimate."""
        return estimate
