"""Whether two questions of one gist are the same for the embedder, by a threshold that is measured for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from memoryos_tasks.core.embedding import averaging
from memoryos_tasks.core.errors import MemoryOSError
from memoryos_tasks.core.faq_calibration import LOOK_ALIKES, NEVER, SAME, threshold
from memoryos_tasks.core.faq_heat import cosine
from memoryos_tasks.ports.embedder import Embedder

log = structlog.get_logger(__name__)

#: Seconds until a measurement that failed is tried again.
AGAIN_SECONDS = 60.0


def _aside(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="faq-calibration", daemon=True).start()


class Alike:
    """Answers False until the threshold is measured, which the first question begins, aside from the chats."""

    def __init__(self, embedder: Embedder, aside: Callable[[Callable[[], None]], None] = _aside) -> None:
        self._embedder = embedder
        self._aside = aside
        self._threshold = NEVER if averaging(embedder.name) else None
        self._again = 0.0

    def __call__(self, one: str, other: str) -> bool:
        least = self._threshold
        if least is None and time.monotonic() >= self._again:
            self._again = time.monotonic() + AGAIN_SECONDS
            self._aside(self.measure)
        if least is None or least >= NEVER:
            return False
        try:
            first, second = self._embedder.embed([one, other])
        except MemoryOSError as error:
            log.debug("faq_not_compared", code=error.code)
            return False
        return cosine(first, second) >= least

    def measure(self) -> None:
        """Measure the threshold; it stays unknown while the embedder is away."""
        texts = [text for pair in (*LOOK_ALIKES, *SAME) for text in pair]
        try:
            vectors = self._embedder.embed(texts)
        except MemoryOSError as error:
            log.info("faq_not_calibrated", code=error.code)
            return
        cosines = [cosine(one, other) for one, other in zip(vectors[::2], vectors[1::2], strict=True)]
        self._threshold = threshold(cosines[: len(LOOK_ALIKES)], cosines[len(LOOK_ALIKES) :])
        log.info("faq_calibrated", embedder=self._embedder.name, threshold=round(self._threshold, 4))
