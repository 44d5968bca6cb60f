"""An embedder of words, without weights."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

from memoryos_tasks.core.text import terms


class WordEmbedder:
    """Unit vectors in which texts that share words lie near each other: one dimension a hashed word."""

    name = "static:wordllama-256"
    dimensions = 256

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> list[float]:
        vector = [0.0] * self.dimensions
        for term in terms(text):
            vector[zlib.crc32(term.encode()) % self.dimensions] += 1.0
        norm = math.hypot(*vector)
        return [value / norm for value in vector] if norm else vector
