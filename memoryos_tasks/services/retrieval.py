"""The answers to ``/v1/memory/retrieve`` and ``/v1/memory/profile``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from memoryos_tasks.core.claims import ASSISTANT
from memoryos_tasks.core.errors import TruthDown, VectorsDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Fact, Kind, Recalled, Tier
from memoryos_tasks.core.selection import LeftOut, fitting
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.context import Contexts
from memoryos_tasks.services.recall import Recall

#: How many items are given where the request does not say, and where it says only what they may cost.
LIMIT, BUDGET_LIMIT = 10, 100


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
        query, budget = str(request["query"]), request.get("max_tokens")
        limit = int(request.get("limit") or (LIMIT if budget is None else BUDGET_LIMIT))
        tiers = set(request.get("tiers") or ())
        explain = bool(request.get("explain"))
        left_out: Sequence[LeftOut] = ()
        as_of = float(request["as_of"]) if request.get("as_of") is not None else None
        missing: list[str] = []
        found: Sequence[Recalled]
        profile: Sequence[Fact] = ()
        self._catch_up(owner)
        try:
            answer = self._recall.found(
                owner,
                query,
                limit=limit,
                now=as_of or self._clock(),
                tiers=tiers or None,
                as_of=as_of,
                budget=budget,
                explain=explain,
                asked=self._beliefs.asked(owner, query, as_of=as_of, now=self._clock()),
            )
            found, left_out = answer.items, answer.left_out
            if not tiers or Tier.LONG in tiers:
                believed = self._beliefs.believed(owner, kinds=(Kind.TRAIT.value,), as_of=as_of, now=self._clock())
                profile = [fact for fact in believed if fact.id not in answer.over]
            if self._recall.meaning.away:
                missing.append("embedder")
        except VectorsDown:
            missing.append("vectors")
            found = [item for item in self._remembered(owner, query, limit) if not tiers or item.tier in tiers]
            if budget is not None:
                found, left_out = fitting(found, budget)
        self._visited(owner, found)
        results = [result(item, explain=explain) for item in found]
        explained = {"left_out": [omitted(each) for each in left_out]} if explain else {}
        return {
            "short_term": [row for row in results if row["tier"] == Tier.SHORT],
            "mid_term": [row for row in results if row["tier"] == Tier.MID],
            "long_term": {
                "profile": [trait(fact) for fact in profile],
                "knowledge": [row for row in results if row["kind"] == Kind.KNOWLEDGE],
            },
            "results": results,
            "missing": missing,
            **explained,
        }

    def profile(self, owner: Owner) -> dict[str, Any]:
        """What is believed of the user now. Raises :class:`VectorsDown`."""
        self._catch_up(owner)
        facts = self._beliefs.believed(owner, now=self._clock())
        known = [fact for fact in facts if fact.kind is Kind.KNOWLEDGE]
        return {
            "user_id": owner.user,
            "profile": [trait(fact) for fact in facts if fact.kind is Kind.TRAIT],
            "knowledge": [trait(fact) for fact in known if fact.subject != ASSISTANT],
            "assistant": [trait(fact) for fact in known if fact.subject == ASSISTANT],
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
    if item.ended is not None:
        row["valid_to"] = item.ended
    if explain:
        row["explain"] = dict(item.parts)
    return row


def omitted(each: LeftOut) -> dict[str, Any]:
    """A candidate that is not among the results, and why."""
    row = {"id": each.id, "kind": each.kind.value, "reason": each.reason.value}
    return row if each.score is None else {**row, "score": round(each.score, 6)}


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
