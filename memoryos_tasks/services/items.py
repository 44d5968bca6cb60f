"""Memories one by one, as their owner sees them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from memoryos_tasks.core.errors import InvalidRequest, NotFound
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import FORGOTTEN, IN_STM, Fact, Kind, Page, Segment, Tier
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.vectors import Hit, VectorStore, Where
from memoryos_tasks.services.beliefs import FACTS, Beliefs
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

#: Items of a page when the request names no number.
LIMIT = 100
#: The kind of a note about a change; see :mod:`memoryos_tasks.services.changes`.
CHANGE = "change"
#: Changes of one item that a history tells.
MOST_CHANGES = 1_000
#: The kinds of messages: also those that the age policy hides from searches.
MESSAGES = (Kind.TURN.value, FORGOTTEN)
#: The kinds that a list shows unless it is asked for others, and those of each tier.
LISTED = (Kind.SEGMENT, Kind.PAGE, Kind.KNOWLEDGE, Kind.TRAIT)
TIERS = {
    Tier.SHORT: (Kind.TURN,),
    Tier.MID: (Kind.SEGMENT, Kind.PAGE),
    Tier.LONG: (Kind.KNOWLEDGE, Kind.TRAIT),
}


class Items:
    """Reads items; writes nothing. Every method raises :class:`VectorsDown`."""

    def __init__(
        self,
        vectors: VectorStore,
        recall: Recall,
        beliefs: Beliefs,
        segments: Segments,
        codec: Codec,
        settle: Callable[[Owner], None],
    ) -> None:
        self._vectors = vectors
        self._recall = recall
        self._beliefs = beliefs
        self._segments = segments
        self._codec = codec
        self._settle = settle

    def page(self, owner: Owner, request: Mapping[str, Any]) -> dict[str, Any]:
        """``limit`` items of the ``tier`` and the kind ``only``, in the order of their ids, and the next cursor.

        Facts that have ended come with ``ended`` only. Raises :class:`InvalidRequest` for a cursor that no page gave.
        """
        self._settle(owner)
        where = _asked(owner, request)
        if where is None:
            return {"items": [], "next_cursor": None}
        limit, cursor = int(request.get("limit") or LIMIT), _position(request.get("cursor"))
        hits, following = self._vectors.scroll(where, limit=limit, cursor=cursor)
        return {"items": self.rows(owner, hits), "next_cursor": _cursor(following) if following else None}

    def one(self, owner: Owner, request: Mapping[str, Any]) -> dict[str, Any]:
        """The item. Raises :class:`NotFound`."""
        self._settle(owner)
        return self.rows(owner, [self.hit(owner, str(request["id"]))])[0]

    def versions(self, owner: Owner, request: Mapping[str, Any]) -> dict[str, Any]:
        """What the item was: the versions of a fact's slot, oldest first, and the changes made by hand.

        Raises :class:`NotFound`.
        """
        self._settle(owner)
        hit = self.hit(owner, str(request["id"]))
        if hit.payload["kind"] in FACTS:
            versions = [fact_row(fact) for fact in self._beliefs.history(owner, hit.id)]
        else:
            versions = self.rows(owner, [hit])
        changes = [self._told(owner, each) for one in versions for each in self.changes(owner, one["id"])]
        return {"id": hit.id, "versions": versions, "changes": sorted(changes, key=lambda one: one["at"])}

    def hit(self, owner: Owner, id: str) -> Hit:
        """The point of an item of the owner. Raises :class:`NotFound`."""
        found = self._vectors.get(owner, [id]) if _is_uuid(id) else []
        kinds = {*MESSAGES, *(kind.value for kind in Kind)}
        if not found or found[0].payload.get("kind") not in kinds or found[0].payload.get("deleted"):
            raise NotFound(f"There is no item {id!r} in this user's memory.", param="id")
        return found[0]

    def changes(self, owner: Owner, id: str) -> list[Hit]:
        """The changes made to an item by hand, oldest first."""
        where = Where(owner, kinds=(CHANGE,), equals={"item": id})
        found, _ = self._vectors.scroll(where, limit=MOST_CHANGES)
        return sorted(found, key=lambda hit: float(hit.payload["at"]))

    def rows(self, owner: Owner, hits: Sequence[Hit]) -> list[dict[str, Any]]:
        """The items of these points as clients see them; what went meanwhile is left out."""
        ids: dict[str, list[str]] = {}
        for hit in hits:
            ids.setdefault(str(hit.payload["kind"]), []).append(hit.id)
        facts = [id for kind in FACTS for id in ids.get(kind, [])]
        found = [fact_row(fact) for fact in self._beliefs.get(owner, facts)]
        segments = self._segments.get(owner, ids.get(Kind.SEGMENT.value, []))
        sources = self._segments.sources(owner, segments)
        found += [segment_row(segment, sources[segment.id]) for segment in segments]
        found += [page_row(page) for page in self._segments.pages(owner, ids.get(Kind.PAGE.value, []))]
        turns = [hit for hit in hits if hit.payload["kind"] in MESSAGES]
        found += [turn_row(self._recall.event(owner, hit), hit) for hit in turns]
        known = {row["id"]: row for row in found}
        return [known[hit.id] for hit in hits if hit.id in known]

    def _told(self, owner: Owner, hit: Hit) -> dict[str, Any]:
        payload = hit.payload
        return {
            "item": payload["item"],
            "action": payload["action"],
            "at": payload["at"],
            "before": json.loads(self._codec.open(owner, payload["before"])),
            "undone": bool(payload.get("undone")),
        }


def fact_row(fact: Fact) -> dict[str, Any]:
    """A fact as clients see it."""
    return {
        "id": fact.id,
        "tier": Tier.LONG.value,
        "kind": fact.kind.value,
        "content": fact.text,
        "sources": list(fact.sources),
        "created_at": fact.valid_from,
        "subject": fact.subject,
        "attribute": fact.attribute,
        "value": fact.value,
        "valid_from": fact.valid_from,
        "valid_to": fact.valid_to,
        "superseded_by": fact.superseded_by,
        "confidence": fact.confidence,
    }


def segment_row(segment: Segment, sources: Sequence[str]) -> dict[str, Any]:
    """A segment as clients see it; its sources are the events of its pages."""
    return {
        "id": segment.id,
        "tier": Tier.MID.value,
        "kind": Kind.SEGMENT.value,
        "content": segment.summary,
        "sources": list(sources),
        "created_at": segment.created_at,
        "keywords": list(segment.keywords),
        "pages": list(segment.page_ids),
        "heat": segment.heat,
        "visits": segment.visits,
        "visited_at": segment.visited_at,
    }


def page_row(page: Page) -> dict[str, Any]:
    """A page as clients see it."""
    return {
        "id": page.id,
        "tier": Tier.MID.value,
        "kind": Kind.PAGE.value,
        "content": page.text,
        "sources": list(page.event_ids),
        "created_at": page.timestamp,
        "session_id": page.session,
        "segment": page.segment_id,
    }


def turn_row(event: Event, hit: Hit) -> dict[str, Any]:
    """A message as clients see it."""
    place = str(hit.payload["place"])
    return {
        "id": hit.id,
        "tier": (Tier.SHORT if place == IN_STM else Tier.MID).value,
        "kind": Kind.TURN.value,
        "content": event.content,
        "sources": [event.event_id],
        "created_at": event.timestamp,
        "role": event.role,
        "name": event.name,
        "session_id": event.session,
        "place": place,
    }


def _asked(owner: Owner, request: Mapping[str, Any]) -> Where | None:
    """The condition of a list; None where nothing can meet it."""
    kind, tier = request.get("only"), request.get("tier")
    kinds = (Kind(kind),) if kind else TIERS[Tier(tier)] if tier else LISTED
    # What was deleted has left a mark without words.
    equals: dict[str, str | int | bool | None] = {"deleted": None}
    if not request.get("ended"):
        equals["valid_to"] = None
    if tier and kind == Kind.TURN.value:
        if tier != Tier.SHORT.value:
            return None  # A message is listed where it is read from; its page stands for it in the mid term.
    elif tier and kind and Kind(kind) not in TIERS[Tier(tier)]:
        return None
    if tier == Tier.SHORT.value:
        equals["place"] = IN_STM
    names = {name for one in kinds for name in (MESSAGES if one is Kind.TURN else (one.value,))}
    return Where(owner, kinds=tuple(sorted(names)), equals=equals)


def _is_uuid(id: str) -> bool:
    try:
        return str(UUID(id)) == id
    except ValueError:
        return False


def _cursor(following: str) -> str:
    return base64.urlsafe_b64encode(f"item:{following}".encode()).decode().rstrip("=")


def _position(cursor: str | None) -> str | None:
    """The id at which a page begins. Raises :class:`InvalidRequest`."""
    if cursor is None:
        return None
    try:
        mark, _, id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        mark, id = "", ""
    if mark != "item" or not _is_uuid(id):
        raise InvalidRequest("The cursor is not one that a page of items gave; begin without one.", param="cursor")
    return id
