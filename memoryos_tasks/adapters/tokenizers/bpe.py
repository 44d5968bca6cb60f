"""OpenAI's vocabularies, from the ``toktok-rs`` wheel, which carries them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from memoryos_tasks.core.encodings import encoding_of
from memoryos_tasks.core.tokens import Count, estimate


class BpeTokenizers:
    """Counts in the model's vocabulary, and estimates for models without one and where the package is not installed."""

    def __init__(self) -> None:
        self._package: Any = None
        try:
            self._package = import_module("toktok")
        except ImportError:
            return

    def counter(self, model: str) -> Count:
        """Tokens of a text, special ones counted as the text that they look like."""
        encoding = encoding_of(model) if self._package is not None else None
        if encoding is None:
            return estimate
        # Its documented way to a tokenizer that is asked often; batch_count costs a hundred times as much for a line.
        tokenizer = self._package._encoding(encoding)
        return lambda text: int(tokenizer.count(_clean(text)))


def _clean(text: str) -> str:
    """Half a surrogate pair has no UTF-8; it costs what its replacement does."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
