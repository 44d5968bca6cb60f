"""An embedder elsewhere that never sees what must stay in house."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memoryos_tasks.adapters.embedding.units import zero
from memoryos_tasks.ports.embedder import Embedder


class Discreet:
    """See :class:`memoryos_tasks.ports.embedder.Embedder`.

    A sensitive text gets the zero vector, as one with nothing in it does: it is like nothing by meaning, and found by
    its words. It lies in the space of the embedder that did not see it, so no two embedders mix.
    """

    def __init__(self, embedder: Embedder, sensitive: Callable[[str], bool]) -> None:
        self._embedder = embedder
        self._sensitive = sensitive
        self.name = embedder.name
        self.dimensions = embedder.dimensions

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        shown = [at for at, text in enumerate(texts) if not self._sensitive(text)]
        vectors = [zero(self.dimensions) for _ in texts]
        if shown:
            for at, vector in zip(shown, self._embedder.embed([texts[at] for at in shown]), strict=True):
                vectors[at] = vector
        return vectors
