"""The answers to ``/v1/memory/retrieve`` and ``/v1/memory/profile``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from memoryos_tasks.core.errors import TruthDown, VectorsDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Fact, Kind, Recalled, Tier
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.context import Contexts
from memoryos_tasks.services.recall import Recall

#: How many times as many items are looked at when only some tiers are asked for, and the most of them.
TIER_DEPTH = 8
MOST_FOUND = 400


class Retrieval:
    """Reads memory; writes nothing."""

    def __init__(
        self,
        recall: Recall,
        beliefs: Beliefs,
        contexts: Contexts,
        clock: Callable[[], float],
        settle: Callable[[Owner], None],
        visited: Callable[[Owner, Sequence[Recalled]], None],
    ) -> None:
        self._recall = recall
        self._beliefs = beliefs
        self._contexts = contexts
        self._clock = clock
        self._settle = settle
        self._visited = visited

    def retrieve(self, owner: Owner, request: Mapping[str, Any]) -> dict[str, Any]:
        """The ranked union and the same by tier. With the vectors down, short-term memory alone."""
        query, limit = str(request["query"]), int(request.get("limit") or 10)
        tiers = set(request.get("tiers") or ())
        as_of = float(request["as_of"]) if request.get("as_of") is not None else None
        missing: list[str] = []
        profile: Sequence[Fact] = ()
        self._catch_up(owner)
        try:
            kinds = _kinds(tiers)
            # A tier is where an item stands, told only after it was found: look at more, and keep as many.
            depth = min(limit * TIER_DEPTH, MOST_FOUND) if tiers else limit
            found = self._recall.search(
                owner, query, limit=depth, now=as_of or self._clock(), kinds=kinds, as_of=as_of
            )
            if not tiers or Tier.LONG in tiers:
                profile = self._beliefs.believed(owner, kinds=(Kind.TRAIT.value,), as_of=as_of)
        except VectorsDown:
            missing.append("vectors")
            found = self._remembered(owner, query, limit)
        if tiers:
            found = [item for item in found if item.tier in tiers][:limit]
        self._visited(owner, found)
        explain = bool(request.get("explain"))
        results = [result(item, explain=explain) for item in found]
        return {
            "short_term": [row for row in results if row["tier"] == Tier.SHORT],
            "mid_term": [row for row in results if row["tier"] == Tier.MID],
            "long_term": {
                "profile": [trait(fact) for fact in profile],
                "knowledge": [row for row in results if row["kind"] == Kind.KNOWLEDGE],
            },
            "results": results,
            "missing": missing,
        }

    def profile(self, owner: Owner) -> dict[str, Any]:
        """What is believed of the user now. Raises :class:`VectorsDown`."""
        self._catch_up(owner)
        facts = self._beliefs.believed(owner)
        return {
            "user_id": owner.user,
            "profile": [trait(fact) for fact in facts if fact.kind is Kind.TRAIT],
            "knowledge": [trait(fact) for fact in facts if fact.kind is Kind.KNOWLEDGE],
        }

    def _catch_up(self, owner: Owner) -> None:
        """What the owner was told is journaled must be found; without the store of record nothing is pending."""
        with suppress(TruthDown):
            self._settle(owner)

    def _remembered(self, owner: Owner, query: str, limit: int) -> list[Recalled]:
        try:
            return self._contexts.remembered(owner, query, limit=limit)
        except TruthDown as error:
            raise VectorsDown("Neither the vector store nor the store of record is reachable; try again.") from error


def result(item: Recalled, *, explain: bool) -> dict[str, Any]:
    """One retrieved item as clients see it."""
    row: dict[str, Any] = {
        "id": item.id,
        "tier": item.tier.value,
        "kind": item.kind.value,
        "content": item.content,
        "score": round(item.score, 6),
        "sources": list(item.sources),
        "created_at": item.created_at,
    }
    if item.role is not None:
        row |= {"role": item.role, "name": item.name, "session_id": item.session}
    if explain:
        row["explain"] = dict(item.parts)
    return row


def trait(fact: Fact) -> dict[str, Any]:
    """One fact as clients see it."""
    return {
        "id": fact.id,
        "subject": fact.subject,
        "attribute": fact.attribute,
        "value": fact.value,
        "content": fact.text,
        "sources": list(fact.sources),
        "valid_from": fact.valid_from,
        "valid_to": fact.valid_to,
        "confidence": fact.confidence,
    }


def _kinds(tiers: set[str]) -> tuple[str, ...] | None:
    """The kinds that can stand in these tiers; None for all."""
    if not tiers:
        return None
    kinds: list[str] = []
    if {Tier.SHORT, Tier.MID} & tiers:
        kinds.append(Kind.TURN)
    if Tier.MID in tiers:
        kinds += [Kind.PAGE, Kind.SEGMENT]
    if Tier.LONG in tiers:
        kinds += [Kind.KNOWLEDGE, Kind.TRAIT]
    return tuple(kinds)
