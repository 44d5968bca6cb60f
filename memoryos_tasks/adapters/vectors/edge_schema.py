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


def schema(dimensions: int) -> engine.EdgeConfig:
    """The configuration of a new shard whose default vectors have so many numbers."""
    return engine.EdgeConfig(
        vectors={DENSE: engine.EdgeVectorParams(size=dimensions, distance=engine.Distance.Cosine)},
        sparse_vectors={name: engine.EdgeSparseVectorParams(modifier=engine.Modifier.Idf) for name in SPARSE},
        # Every search is one user's: graphs inside users who have many points, none across users.
        hnsw_config=engine.HnswIndexConfig(m=0, ef_construct=100, full_scan_threshold=10_000, payload_m=16),
        optimizers=engine.EdgeOptimizersConfig(max_segment_size=LARGEST_SEGMENT),
    )
