"""Texts to vectors as the index wants them, or to none while the embedder is away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from memoryos_tasks.core import retrieval
from memoryos_tasks.core.embedding import averaging
from memoryos_tasks.core.errors import EmbedderDown
from memoryos_tasks.ports.embedder import Embedder

#: The meaning of a text; None while the embedder is away.
Dense = Sequence[float] | None


class Meaning:
    """What of a text is embedded depends on the embedder: averages of word vectors gain by leaving function words out,
    models that read sentences lose by it.

    A text that cannot be embedded now is indexed by its words alone, and its vector is filled in later.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._model = embedder
        #: The embedder's name.
        self.embedder = embedder.name
        self._averaging = averaging(embedder.name)
        self._here = threading.local()

    @property
    def away(self) -> bool:
        """Whether this thread's last question found no embedder."""
        return bool(getattr(self._here, "away", False))

    def documents(self, texts: Sequence[str]) -> Sequence[Dense]:
        """One vector a text, or None for all."""
        try:
            return self.vectors(texts)
        except EmbedderDown:
            return [None] * len(texts)

    def vectors(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector a text. Raises :class:`EmbedderDown`."""
        return self._model.embed(self._said(retrieval.dense_text, texts))

    def question(self, query: str) -> Dense:
        """The vector of a question, or None."""
        self._here.away = False
        try:
            return self._model.embed(self._said(retrieval.dense_question, [query]))[0]
        except EmbedderDown:
            self._here.away = True
            return None

    def _said(self, plain: Callable[[str], str], texts: Sequence[str]) -> list[str]:
        return [plain(text) for text in texts] if self._averaging else list(texts)
