"""An embedder that may be slow or away, with a cache before it and a breaker around it."""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

import structlog

from memoryos_tasks.adapters.embedding.breaker import Breaker
from memoryos_tasks.core.errors import EmbedderDown
from memoryos_tasks.ports.embedder import Embedder

log = structlog.get_logger(__name__)


class SlowDown(EmbedderDown):
    """The embedding model did not answer in time; try again."""


class Guarded:
    """See :class:`memoryos_tasks.ports.embedder.Embedder`.

    Vectors are kept by the hash of their text, the ``most`` least lately used ones; no text is kept. While the
    breaker is open, texts that are not kept are refused at once with :class:`EmbedderDown`.
    """

    def __init__(self, embedder: Embedder, *, most: int, breaker: Breaker | None = None) -> None:
        self._embedder = embedder
        self._most = most
        self._breaker = breaker or Breaker()
        self._kept: OrderedDict[bytes, array[float]] = OrderedDict()
        self._guard = threading.Lock()
        self.name = embedder.name
        self.dimensions = embedder.dimensions

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        keys = [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts]
        known = self._look(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            vectors = self._ask(list(missing.values()))
            fresh = {key: array("f", vector) for key, vector in zip(missing, vectors, strict=True)}
            self._keep(fresh)
            known |= fresh
        return [known[key].tolist() for key in keys]

    def _ask(self, texts: Sequence[str]) -> list[list[float]]:
        if not self._breaker.admit():
            raise EmbedderDown(
                "The embedding model failed a moment ago and is left alone for a while.",
                retry_after=round(self._breaker.left(), 1) or 1.0,
            )
        try:
            vectors = self._embedder.embed(texts)
        except BaseException as error:
            was = self._breaker.open
            self._breaker.failed(slow=isinstance(error, SlowDown))
            if self._breaker.open and not was:
                log.warning("embedder_away", embedder=self.name, reason=getattr(error, "message", type(error).__name__))
            raise
        if self._breaker.open:
            log.info("embedder_back", embedder=self.name)
        self._breaker.succeeded()
        return vectors

    def _look(self, keys: Sequence[bytes]) -> dict[bytes, array[float]]:
        with self._guard:
            known = {key: self._kept[key] for key in keys if key in self._kept}
            for key in known:
                self._kept.move_to_end(key)
        return known

    def _keep(self, fresh: dict[bytes, array[float]]) -> None:
        with self._guard:
            self._kept.update(fresh)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
