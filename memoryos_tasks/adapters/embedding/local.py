"""Models in this process: ``fastembed`` (ONNX) and ``sentence-transformers`` (PyTorch), each an extra.

Both libraries fetch a model by its name on first use unless it is in their cache folder or ``model`` is a path.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from memoryos_tasks.adapters.embedding.units import unit, zero
from memoryos_tasks.core.errors import ConfigError, EmbedderDown

#: Longest text that is given to a model, in characters; they read some hundred tokens of it.
MAX_CHARACTERS = 8_000


class LocalEmbedder(ABC):
    """What both have in common. One call at a time: the libraries use all cores themselves.

    Raises :class:`ConfigError` when the library or the model is missing, at once and not at the first text.
    """

    provider = ""

    def __init__(self, model: str, *, folder: str = "", batch: int = 64) -> None:
        self.name = f"{self.provider}:{model}"
        self._batch = batch
        self._guard = threading.Lock()
        try:
            self._model = self._load(model, folder or None)
            self.dimensions = len(self._run(["size"])[0])
        except ImportError as error:
            raise ConfigError(
                f"embedding.provider {self.provider!r} needs a package that is not installed: "
                f"pip install 'memoryos[{self.provider}]'", param="embedding.provider",
            ) from error
        except Exception as error:  # The libraries raise whatever lies below them.
            raise ConfigError(
                f"The model {model!r} of embedding.provider {self.provider!r} could not be loaded "
                f"({type(error).__name__}): check embedding.model, or put the model into embedding.model_dir.",
                param="embedding.model",
            ) from error

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        asked = [at for at, text in enumerate(texts) if text.strip()]
        vectors = [zero(self.dimensions) for _ in texts]
        if asked:
            try:
                with self._guard:
                    found = self._run([texts[at][:MAX_CHARACTERS] for at in asked])
            except Exception as error:
                raise EmbedderDown(f"The embedding model in this process failed: {type(error).__name__}.") from error
            for at, vector in zip(asked, found, strict=True):
                vectors[at] = unit([float(number) for number in vector])
        return vectors

    @abstractmethod
    def _load(self, model: str, folder: str | None) -> Any:
        """The library's model."""

    @abstractmethod
    def _run(self, texts: list[str]) -> Sequence[Sequence[float]]:
        """The vectors of the texts."""


class FastEmbedder(LocalEmbedder):
    """``fastembed.TextEmbedding``."""

    provider = "fastembed"

    def _load(self, model: str, folder: str | None) -> Any:
        return import_module("fastembed").TextEmbedding(model_name=model, cache_dir=folder)

    def _run(self, texts: list[str]) -> Sequence[Sequence[float]]:
        return list(self._model.embed(texts, batch_size=self._batch))


class SentenceEmbedder(LocalEmbedder):
    """``sentence_transformers.SentenceTransformer``."""

    provider = "sentence-transformers"

    def _load(self, model: str, folder: str | None) -> Any:
        return import_module("sentence_transformers").SentenceTransformer(model, cache_folder=folder)

    def _run(self, texts: list[str]) -> Sequence[Sequence[float]]:
        found: Sequence[Sequence[float]] = self._model.encode(
            texts, batch_size=self._batch, show_progress_bar=False, convert_to_numpy=True
        )
        return found
