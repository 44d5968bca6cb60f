"""Texts to dense vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """Turns texts into unit vectors of ``dimensions`` floats; ``name`` (``provider:model``) says which model did it.

    Safe to call from many threads. Vectors of two names must never be compared, nor share a name in a store.
    """

    @property
    def name(self) -> str: ...
    @property
    def dimensions(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text, in order; the zero vector for a text with nothing in it. All or nothing.

        Raises :class:`EmbedderDown` when the model is not reachable or answers nonsense, and :class:`ConfigError`
        when it cannot be used as it is configured (a missing package, another number of dimensions).
        """
