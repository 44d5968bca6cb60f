"""What is believed about a user: facts as points, learned one owner at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Fact, Kind
from memoryos_tasks.core.slots import fact_id, resolve
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.vectors import Hit, Point, VectorStore, Where
from memoryos_tasks.services.recall import Recall

#: Most facts of one owner that are weighed against new ones, far above what a person tells.
MOST_FACTS = 5_000

FACTS = (Kind.TRAIT.value, Kind.KNOWLEDGE.value)


class Beliefs:
    """Facts in the vector store. :meth:`learn` is to be called under the owner's lock."""

    def __init__(self, vectors: VectorStore, recall: Recall, codec: Codec) -> None:
        self._vectors = vectors
        self._recall = recall
        self._codec = codec

    def believed(
        self, owner: Owner, *, kinds: Sequence[str] = FACTS, as_of: float | None = None
    ) -> list[Fact]:
        """The facts believed now, or at a time in seconds since the epoch; oldest first."""
        where = Where(owner, kinds=tuple(kinds), equals={"valid_to": None})
        if as_of is not None:
            where = Where(owner, kinds=tuple(kinds), at_most={"valid_from": as_of})
        facts: list[Fact] = []
        cursor: str | None = None
        while len(facts) < MOST_FACTS:
            hits, cursor = self._vectors.scroll(where, limit=500, cursor=cursor)
            facts += [self._fact(owner, hit) for hit in hits]
            if cursor is None:
                break
        stood = [fact for fact in facts if as_of is None or fact.valid_to is None or fact.valid_to > as_of]
        return sorted(stood, key=lambda fact: fact.valid_from)

    def learn(self, owner: Owner, facts: Sequence[Fact], *, fence: int) -> int:
        """Believe these facts; how many are new. What they contradict is kept and ends. ``fence``: the lock's token."""
        if not facts:
            return 0
        facts = [fact if fact.id else replace(fact, id=fact_id(owner, fact)) for fact in facts]
        # What was learned before and has ended is known too, or learning it again would bring it back.
        known = [self._fact(owner, hit) for hit in self._vectors.get(owner, [fact.id for fact in facts])]
        existing = {fact.id: fact for fact in (*known, *self.believed(owner))}
        changes = resolve(owner, existing.values(), facts)
        points = [self._point(owner, fact) for fact in (*changes.to_insert, *changes.to_update)]
        starts = {fact.id: fact.valid_from for fact in changes.to_insert}
        # The old ends before the new stands: interrupted in between, learning again completes it.
        for old, new in changes.to_supersede:
            ended = {"valid_to": starts[new], "superseded_by": new}
            self._vectors.patch(owner, [old], ended, fence=fence)
        if points:
            self._vectors.upsert(owner, points, fence=fence)
        return len(changes.to_insert)

    def _point(self, owner: Owner, fact: Fact) -> Point:
        slot = json.dumps([fact.subject, fact.attribute, fact.value], ensure_ascii=False)
        payload: dict[str, Any] = {
            "slot": self._codec.seal(owner, slot),
            "valid_from": fact.valid_from,
            "valid_to": fact.valid_to,
            "superseded_by": fact.superseded_by,
            "many": fact.many,
            "confidence": fact.confidence,
        }
        return self._recall.point(
            owner, fact.id, fact.kind, fact.text, sources=fact.sources, created_at=fact.valid_from, payload=payload
        )

    def _fact(self, owner: Owner, hit: Hit) -> Fact:
        payload = hit.payload
        subject, attribute, value = json.loads(self._codec.open(owner, payload["slot"]))
        return Fact(
            kind=Kind(payload["kind"]),
            subject=subject,
            attribute=attribute,
            value=value,
            text=self._codec.open(owner, payload["text"]),
            sources=tuple(payload["sources"]),
            valid_from=payload["valid_from"],
            valid_to=payload.get("valid_to"),
            superseded_by=payload.get("superseded_by"),
            many=payload["many"],
            confidence=payload["confidence"],
            id=hit.id,
        )
