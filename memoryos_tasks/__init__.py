"""The Celery app of MemoryOS and everything that runs in its workers.

``app`` is made on first use, so that the gateway can import the domain without loading Celery's configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memoryos_tasks.celery_app import app as app

__all__ = ["app"]


def __getattr__(name: str) -> Any:
    if name == "app":
        from memoryos_tasks.celery_app import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
