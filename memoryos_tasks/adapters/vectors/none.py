"""No vector store: every call says so, and memory works from recent messages alone."""

from __future__ import annotations

from typing import Any

from memoryos_tasks.core.errors import VectorsDown


class NoStore:
    """Refuses every call with :class:`VectorsDown`."""

    def __getattr__(self, name: str) -> Any:
        return self._refuse

    def close(self) -> None:
        """There is nothing to release."""

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise VectorsDown("No vector store is configured (vectors.backend = \"none\").")
