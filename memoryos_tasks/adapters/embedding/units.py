"""Vectors of length one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from memoryos_tasks.core.errors import EmbedderDown


def zero(dimensions: int) -> list[float]:
    """The vector of a text with nothing in it: its cosine with everything is 0."""
    return [0.0] * dimensions


def unit(vector: Sequence[float]) -> list[float]:
    """The same direction, of length 1. Raises :class:`EmbedderDown` for what is no number."""
    norm = math.hypot(*vector)
    if not math.isfinite(norm):
        raise EmbedderDown("The embedding model answered with what is no number.")
    return [value / norm for value in vector] if norm else list(vector)
