"""A worker that serves everything."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FakeWorker:
    """A worker that serves everything."""

    name: str = "worker@fake"
    pid: int = 1
    queues: tuple[str, ...] = ("chat", "memory", "maintenance", "vectors")
    warm: bool = True
    vectors: str = "owner"
    models: tuple[str, ...] = ()
    seen_at: float = 0.0
