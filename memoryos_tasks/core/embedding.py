"""Which embedder made a vector, and what is known about each of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

#: The embedder that comes with the package.
STATIC = "static:wordllama-256"
STATIC_DIMENSIONS = 256
#: The name that its vectors have in every store.
STATIC_VECTOR = "dense"
#: Embedders that average word vectors: function words only blur theirs. The others read whole sentences.
AVERAGING = frozenset({"static"})


@dataclass(frozen=True, slots=True)
class Space:
    """Where the vectors of one embedder live: two embedders never share one, whatever their dimensions.

    ``embedder`` is its name, ``provider:model``; ``dimensions`` is how many numbers its vectors have.
    """

    embedder: str
    dimensions: int

    @property
    def vector(self) -> str:
        """The name of these vectors in a store: letters, digits and hyphens, the same for ever."""
        if self.embedder == STATIC and self.dimensions == STATIC_DIMENSIONS:
            return STATIC_VECTOR
        exact = f"{self.embedder}@{self.dimensions}"
        readable = re.sub(r"[^a-z0-9]+", "-", exact.lower()).strip("-")[:48]
        return f"dense-{readable}-{blake2b(exact.encode(), digest_size=4).hexdigest()}"


STATIC_SPACE = Space(STATIC, STATIC_DIMENSIONS)


def provider_of(embedder: str) -> str:
    """The provider in an embedder's name."""
    return embedder.partition(":")[0]


def averaging(embedder: str) -> bool:
    """Whether this embedder averages word vectors."""
    return provider_of(embedder) in AVERAGING
