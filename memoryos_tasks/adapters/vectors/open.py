"""The vector store that the settings name."""

from __future__ import annotations

from memoryos_tasks.adapters.redis.connections import truth
from memoryos_tasks.adapters.redis.presence import claim_store
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.adapters.vectors.none import NoStore
from memoryos_tasks.adapters.vectors.queue import QueueStore
from memoryos_tasks.adapters.vectors.shared import SharedStore
from memoryos_tasks.core.embedding import STATIC_DIMENSIONS
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.spaces import SpacedStore


def open_vectors(settings: Settings, remote: QueueStore) -> tuple[SpacedStore, SharedStore | None]:
    """The store, and the same again where a process of ours may own it; ``remote`` leads to the one that does."""
    limit = settings.vectors.timeout
    if settings.vectors.engine == "none":
        return NoStore(), None
    if settings.vectors.url:
        # Importing the client costs a second and 60 MB, so only those pay who use it.
        from memoryos_tasks.adapters.vectors.qdrant import QdrantStore, connect

        client = connect(settings.vectors.url, limit, api_key=settings.vectors.api_key)
        return QdrantStore(client, STATIC_DIMENSIONS, timeout=limit), None
    shared = SharedStore(
        lambda: EdgeStore(settings.data_dir / "vectors", STATIC_DIMENSIONS),
        remote,
        claim=lambda identity: claim_store(truth(settings), identity),
    )
    return shared, shared


def write_out(shared: SharedStore | None) -> None:
    """Have the embedded store tidy up and write to disk, where this process owns it; elsewhere beat has it done."""
    store = shared.owned if shared is not None else None
    if store is not None:
        store.optimize()
