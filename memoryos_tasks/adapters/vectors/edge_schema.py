"""How a shard is made: its vectors, its indexes, and how large its segments grow."""

from __future__ import annotations

from typing import Any

import qdrant_edge as engine

DENSE = "dense"
SPARSE = ("turn", "window")
#: Payload fields that are filtered on. Only the user's has graphs: one over a whole tenant or kind would take
#: minutes to build and answer no search.
INDEXED: dict[str, Any] = {
    "user": engine.KeywordIndexParams(is_tenant=True),
    **dict.fromkeys(("tenant", "kind", "session", "place", "key"), engine.KeywordIndexParams(enable_hnsw=False)),
    "valid_to": engine.FloatIndexParams(enable_hnsw=False),
    "timestamp": engine.FloatIndexParams(enable_hnsw=False),
    "seq": engine.IntegerIndexParams(lookup=False, range=True, enable_hnsw=False),
}
#: Largest segment that is merged, in KB of vectors. The engine keeps Python's global lock while it works, so this
#: bounds how long one merge holds up the process: one to four seconds.
LARGEST_SEGMENT = 30_000
#: Payloads are mapped when a segment is opened: page by page, a search paid 1 ms for what it read first. One thread
#: searches, since a user's part of a shard takes less than to wake a second.
HELD: dict[str, Any] = {"payload_memory": engine.Memory.Cached, "max_search_threads": 1}


def schema(dimensions: int) -> engine.EdgeConfig:
    """The configuration of a new shard whose default vectors have so many numbers."""
    return engine.EdgeConfig(
        vectors={DENSE: engine.EdgeVectorParams(size=dimensions, distance=engine.Distance.Cosine)},
        sparse_vectors=_words(),
        # Every search is one user's: graphs inside users who have many points, none across users.
        hnsw_config=engine.HnswIndexConfig(m=0, ef_construct=100, full_scan_threshold=10_000, payload_m=16),
        optimizers=engine.EdgeOptimizersConfig(max_segment_size=LARGEST_SEGMENT),
        **HELD,
    )


def held() -> engine.EdgeConfig:
    """How a shard that is there is opened; all else stays as it was made."""
    return engine.EdgeConfig(sparse_vectors=_words(), **HELD)


def _words() -> dict[str, engine.EdgeSparseVectorParams]:
    return {name: engine.EdgeSparseVectorParams(modifier=engine.Modifier.Idf) for name in SPARSE}
