"""Static word vectors that come with the ``wordllama`` package: no download, no GPU, microseconds a text."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memoryos_tasks.core.errors import ConfigError

#: Longest text that is embedded, in characters; the rest would change an average of so many words little.
MAX_CHARACTERS = 20_000


class StaticEmbedder:
    """The mean of a text's token vectors, as a unit vector of 256 numbers. Safe to use from many threads.

    A text without tokens (an empty one) gives the zero vector, whose cosine with everything is 0.
    Raises :class:`ConfigError` when the package or its weights are missing.
    """

    name = "static:wordllama-256"
    dimensions = 256

    def __init__(self) -> None:
        model = _load()
        self._vectors: npt.NDArray[np.float32] = model.embedding
        self._tokenizer = model.tokenizer
        self._tokenizer.no_padding()  # else every text costs as much as the longest beside it

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text, in order."""
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> list[float]:
        # One at a time: the batch call starts threads of its own, which do not survive a fork.
        ids = self._tokenizer.encode(text[:MAX_CHARACTERS], add_special_tokens=False).ids
        if not ids or not text.strip():
            return [0.0] * self.dimensions
        mean = np.add.reduce(self._vectors.take(ids, axis=0, mode="clip"), axis=0, dtype=np.float64) / len(ids)
        norm = float(mean @ mean) ** 0.5
        unit: list[float] = (mean / norm if norm else mean).tolist()
        return unit


def _load() -> Any:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        import wordllama

        folder = Path(wordllama.__file__).parent
        return wordllama.WordLlama.load(cache_dir=folder, dim=256, disable_download=True)
    except (ImportError, FileNotFoundError) as error:
        message = f"the static embedder needs the 'wordllama' package with its weights: {error}"
        raise ConfigError(message, param="embedding.provider") from error
    finally:  # importing wordllama configures the root logger
        root.handlers[:] = handlers
        root.setLevel(level)
