"""The collection on a Qdrant server: made on first use, checked when it was there before."""

from __future__ import annotations

from typing import Any

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from memoryos_tasks.core.errors import ConfigError

DENSE = "dense"
SPARSE = ("turn", "window")
#: The first server that takes the IDF over one owner's points. An older one ignores the wish, and everybody's
#: texts would weigh in everybody's scores.
OLDEST = (1, 19)


def _keyword(*, graphs: bool) -> models.KeywordIndexParams:
    return models.KeywordIndexParams(
        type=models.KeywordIndexType.KEYWORD, is_tenant=graphs or None, enable_hnsw=graphs
    )


#: Payload fields that are filtered on; only the user's has graphs (see the embedded store).
INDEXED: dict[str, Any] = {
    "user": _keyword(graphs=True),
    **{name: _keyword(graphs=False) for name in ("tenant", "kind", "session", "place", "key")},
    "valid_to": models.FloatIndexParams(type=models.FloatIndexType.FLOAT, enable_hnsw=False),
    "timestamp": models.FloatIndexParams(type=models.FloatIndexType.FLOAT, enable_hnsw=False),
    "seq": models.IntegerIndexParams(
        type=models.IntegerIndexType.INTEGER, lookup=False, range=True, enable_hnsw=False
    ),
}


def prepare(client: QdrantClient, name: str, dimensions: int, timeout: int) -> None:
    """Make the collection and its indexes where they are missing; any number of processes may do so at once.

    Raises :class:`ConfigError` when the server is too old, or the collection holds vectors of another size.
    """
    _check_version(client)
    if not client.collection_exists(name):
        _create(client, name, dimensions, timeout)
    about = client.get_collection(name)
    _check_size(name, about, dimensions)
    for field, schema in INDEXED.items():
        if field not in about.payload_schema:
            client.create_payload_index(name, field, schema, wait=True, timeout=timeout)


def _check_version(client: QdrantClient) -> None:
    version = client.info().version
    try:
        known = tuple(int(part) for part in version.split(".")[:2])
    except ValueError:
        return  # Somebody's own build: taken at its word.
    if known < OLDEST:
        raise ConfigError(
            f"The Qdrant server is version {version}; MemoryOS needs {'.'.join(map(str, OLDEST))} or newer, "
            "since older ones mix the word statistics of all users. Upgrade the server.",
            param="vectors.url",
        )


def _create(client: QdrantClient, name: str, dimensions: int, timeout: int) -> None:
    idf = models.SparseVectorParams(modifier=models.Modifier.IDF)
    try:
        client.create_collection(
            name,
            vectors_config={DENSE: models.VectorParams(size=dimensions, distance=models.Distance.COSINE)},
            sparse_vectors_config=dict.fromkeys(SPARSE, idf),
            # Every search is one user's: graphs inside users who have many points, none across users.
            hnsw_config=models.HnswConfigDiff(m=0, ef_construct=100, full_scan_threshold=10_000, payload_m=16),
            timeout=timeout,
        )
    except UnexpectedResponse as error:
        if error.status_code != 409 and not client.collection_exists(name):
            raise
        # Another process was faster.


def _check_size(name: str, about: models.CollectionInfo, dimensions: int) -> None:
    vectors = about.config.params.vectors
    if not isinstance(vectors, dict) or not set(SPARSE) <= set(about.config.params.sparse_vectors or {}):
        raise ConfigError(f"The Qdrant collection {name!r} was not made by MemoryOS; remove it.", param="vectors.url")
    dense = vectors.get(DENSE)  # Gone when another embedder has taken over.
    if dense is not None and dense.size != dimensions:
        raise ConfigError(
            f"The Qdrant collection {name!r} holds vectors of {dense.size} numbers, but the embedder makes "
            f"{dimensions}: use the embedder that wrote it, or another server.",
            param="embedding.provider",
        )
