"""Turns: events as points with their vectors, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from memoryos_tasks.core import retrieval
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import IN_STM, Kind
from memoryos_tasks.core.text import document_weights
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.vectors import Hit, Point, SparseVector
from memoryos_tasks.services.meaning import Meaning

#: The secret that keys the hashes of a tenant's terms; at most 64 bytes, and never another one for a store.
TermKey = Callable[[str], bytes]
#: A turn's terms and its timestamp.
Counted = tuple[list[str], float]


class Turns:
    """Makes the points of turns; stores nothing."""

    def __init__(self, meaning: Meaning, codec: Codec, term_key: TermKey) -> None:
        self._meaning = meaning
        self._codec = codec
        self._key = term_key
        self._predecessor = retrieval.formula_for(meaning.embedder).predecessor

    def points(self, chain: Sequence[Event], counted: Sequence[Counted], new: Sequence[int]) -> list[Point]:
        """The points of the turns at the places ``new`` of a chain: one session's events in order."""
        needed = sorted({at for place in new for at in (place - 1, place) if at >= 0})
        dense = dict(zip(needed, self._meaning.documents([chain[at].content for at in needed]), strict=True))
        points = []
        for at in new:
            own, linked = dense[at], at > 0 and retrieval.neighbours(counted[at - 1][1], counted[at][1])
            points.append(
                Point(
                    chain[at].turn_id,
                    self._payload(chain[at]),
                    None if own is None else retrieval.blend(own, dense[at - 1] if linked else None, self._predecessor),
                    {"turn": self.own(chain[at].owner, counted[at][0]),
                     "window": self.window(chain[at].owner, counted, at)},
                )
            )
        return points

    def own(self, owner: Owner, found: Sequence[str]) -> SparseVector:
        """The sparse vector of a text by its terms alone."""
        counts: dict[str, float] = {}
        for term in found:
            counts[term] = counts.get(term, 0.0) + 1.0
        return sparse(document_weights(counts, average=retrieval.TURN_LENGTH, key=self._key(owner.tenant)))

    def window(self, owner: Owner, counted: Sequence[Counted], at: int) -> SparseVector:
        """The sparse vector of the turn ``at`` with its neighbours."""
        counts = retrieval.window_counts(counted, at)
        return sparse(document_weights(counts, average=retrieval.WINDOW_LENGTH, key=self._key(owner.tenant)))

    def _payload(self, event: Event) -> dict[str, Any]:
        metadata = json.dumps(dict(event.metadata), ensure_ascii=False) if event.metadata else ""
        return {
            "kind": Kind.TURN.value,
            "event_id": event.event_id,
            "session": event.session,
            "assistant": event.assistant,
            "role": event.role,
            "name": None if event.name is None else self._codec.seal(event.owner, event.name),
            "text": self._codec.seal(event.owner, event.content),
            "timestamp": event.timestamp,
            "seq": event.seq,
            "place": IN_STM,
            "metadata": self._codec.seal(event.owner, metadata) if metadata else None,
        }

    def event(self, owner: Owner, hit: Hit) -> Event:
        """The event of a turn's point."""
        payload = hit.payload
        name, sealed = payload.get("name"), payload.get("metadata")
        return Event(
            owner=owner,
            event_id=payload["event_id"],
            role=payload["role"],
            content=self._codec.open(owner, payload["text"]),
            timestamp=payload["timestamp"],
            session=payload["session"],
            assistant=payload["assistant"],
            name=self._codec.open(owner, name) if name else None,
            metadata=json.loads(self._codec.open(owner, sealed)) if sealed else {},
            seq=payload["seq"],
        )


def sparse(weights: Mapping[int, float]) -> SparseVector:
    """Term weights as the store takes them."""
    return SparseVector(tuple(weights), tuple(weights.values()))
