"""Segments and pages as points, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from memoryos_tasks.core.errors import LostClaim
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import FORGOTTEN, Kind, Page, Segment
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.vectors import Hit, Point, Search, VectorStore, Where
from memoryos_tasks.services.recall import Recall

#: Segments that a page is compared with: the nearest ones by vector.
CANDIDATES = 8


class Segments:
    """Mid-term memory in the vector store. Writes are made under the owner's lock; ``fence`` is its token.

    A page belongs to the segment that it names. It is written first; its segment's list of pages follows.
    """

    def __init__(self, vectors: VectorStore, recall: Recall, codec: Codec) -> None:
        self._vectors = vectors
        self._recall = recall
        self._codec = codec

    def near(self, owner: Owner, vectors: Sequence[Sequence[float]]) -> list[list[Segment]]:
        """For each vector, the segments whose vectors are nearest to it."""
        if not vectors:
            return []
        where = Where(owner, kinds=(Kind.SEGMENT.value,))
        found = self._vectors.search([Search(where, CANDIDATES, dense=vector) for vector in vectors])
        named = list(dict.fromkeys(hit.id for hits in found for hit in hits))
        known = {segment.id: segment for segment in self.get(owner, named)} if named else {}
        return [[known[hit.id] for hit in hits if hit.id in known] for hits in found]

    def get(self, owner: Owner, ids: Sequence[str]) -> list[Segment]:
        """The segments that exist among these ids."""
        return [self._segment(owner, hit) for hit in self._vectors.get(owner, ids, vectors=True)]

    def all(self, owner: Owner) -> list[Segment]:
        """Every segment of the owner."""
        found: list[Segment] = []
        cursor: str | None = None
        where = Where(owner, kinds=(Kind.SEGMENT.value,))
        while True:
            hits, cursor = self._vectors.scroll(where, limit=500, cursor=cursor, vectors=True)
            found += [self._segment(owner, hit) for hit in hits]
            if cursor is None:
                return found

    def save(self, owner: Owner, segments: Sequence[Segment], *, fence: int) -> None:
        """Write segments."""
        if segments:
            self._vectors.upsert(owner, [self._segment_point(owner, one) for one in segments], fence=fence)

    def save_pages(self, owner: Owner, pages: Sequence[tuple[Page, Sequence[float]]], *, fence: int) -> None:
        """Write pages, each with its vector. Raises :class:`LostClaim` when a newer lock has written one of them:
        no segment may list it then."""
        if not pages:
            return
        self._vectors.upsert(owner, [self._page_point(owner, page, vector) for page, vector in pages], fence=fence)
        stored = self._vectors.get(owner, [page.id for page, _ in pages])
        if any(hit.payload.get("fence") != fence for hit in stored):
            raise LostClaim("A newer run has written this user's pages; this one stops.")

    def pages(self, owner: Owner, ids: Sequence[str]) -> list[Page]:
        """The pages that exist among these ids."""
        return [self._page(owner, hit) for hit in self._vectors.get(owner, ids)]

    def sources(self, owner: Owner, segments: Sequence[Segment]) -> dict[str, list[str]]:
        """By segment, the ids of the events of its pages, in the order of the pages."""
        ids = [*dict.fromkeys(page for segment in segments for page in segment.page_ids)]
        pages = {hit.id: hit.payload["sources"] for hit in self._vectors.get(owner, ids)} if ids else {}
        return {one.id: [id for page in one.page_ids for id in pages.get(page, ())] for one in segments}

    def places(self, owner: Owner, event_ids: Sequence[str]) -> dict[str, str]:
        """Where the turns of these events stand; what is not indexed is not in it."""
        hits = self._vectors.get(owner, [owner.derive("turn", event_id) for event_id in event_ids])
        return {hit.payload["event_id"]: hit.payload["place"] for hit in hits}

    def place(self, owner: Owner, pages: Sequence[Page], *, fence: int) -> None:
        """Note on the turns of these pages that their page is now their place."""
        self._vectors.patch_many(owner, [(_turns(owner, page), {"place": page.id}) for page in pages], fence=fence)

    def warm(self, owner: Owner, segments: Sequence[Segment], *, fence: int) -> None:
        """Note the heat and the visits of these segments."""
        if segments:
            self._vectors.patch_many(owner, [([one.id], _heat(one)) for one in segments], fence=fence)

    def tidied(self, owner: Owner, segment: Segment, *, fence: int) -> None:
        """Note that the segment was compared and summarised."""
        self._vectors.patch(owner, [segment.id], {"tidied": segment.tidied}, fence=fence)

    def mark(self, owner: Owner, segments: Sequence[Segment], *, fence: int) -> None:
        """Note where these segments are going, before their pages go there."""
        self._vectors.patch_many(owner, [([one.id], {"into": one.into}) for one in segments], fence=fence)

    def hand_over(self, owner: Owner, page_ids: Sequence[str], segment_id: str, *, fence: int) -> None:
        """Note on the pages that they belong to this segment."""
        self._vectors.patch(owner, page_ids, {"segment": segment_id}, fence=fence)

    def forget(self, owner: Owner, pages: Sequence[Page], *, hide: bool, fence: int) -> None:
        """Take the pages out. Their turns stay, and are found by searches unless ``hide``."""
        fields = {"place": FORGOTTEN, "kind": FORGOTTEN} if hide else {"place": FORGOTTEN}
        turns = [turn for page in pages for turn in _turns(owner, page)]
        self._vectors.patch(owner, turns, fields, fence=fence)
        self._vectors.delete(owner, [page.id for page in pages], fence=fence)

    def remove(self, owner: Owner, ids: Sequence[str], *, fence: int) -> None:
        """Take segments out whose pages have gone."""
        self._vectors.delete(owner, ids, fence=fence)

    def _segment_point(self, owner: Owner, segment: Segment) -> Point:
        payload = {
            **_heat(segment),
            "keywords": self._codec.seal(owner, json.dumps(segment.keywords, ensure_ascii=False)),
            "pages": list(segment.page_ids),
            "analysed": segment.analysed,
            "into": segment.into,
            "tidied": segment.tidied,
            "written": segment.written,
        }
        return self._recall.point(
            owner, segment.id, Kind.SEGMENT, segment.summary, sources=(), created_at=segment.created_at,
            payload=payload, dense=segment.vector,
        )

    def _segment(self, owner: Owner, hit: Hit) -> Segment:
        payload = hit.payload
        return Segment(
            id=hit.id,
            summary=self._codec.open(owner, payload["text"]),
            keywords=tuple(json.loads(self._codec.open(owner, payload["keywords"]))),
            vector=hit.dense or (),
            page_ids=tuple(payload["pages"]),
            analysed=payload["analysed"],
            visits=payload["visits"],
            heat=payload["heat"],
            created_at=payload["created_at"],
            visited_at=payload["visited_at"],
            # Segments of an older version lack these.
            warmth=payload.get("warmth"),
            warmed_at=payload.get("warmed_at") or 0.0,
            into=payload.get("into") or "",
            tidied=payload.get("tidied") or 0,
            written=bool(payload.get("written")),
        )

    def _page_point(self, owner: Owner, page: Page, vector: Sequence[float]) -> Point:
        return self._recall.point(
            owner, page.id, Kind.PAGE, page.text, sources=page.event_ids, created_at=page.timestamp,
            payload={"segment": page.segment_id, "session": page.session}, dense=vector,
        )

    def _page(self, owner: Owner, hit: Hit) -> Page:
        payload = hit.payload
        return Page(
            id=hit.id,
            event_ids=tuple(payload["sources"]),
            text=self._codec.open(owner, payload["text"]),
            timestamp=payload["created_at"],
            session=payload["session"],
            segment_id=payload["segment"],
        )


def _turns(owner: Owner, page: Page) -> list[str]:
    return [owner.derive("turn", event_id) for event_id in page.event_ids]


def _heat(segment: Segment) -> dict[str, Any]:
    return {
        "visits": segment.visits,
        "heat": segment.heat,
        "visited_at": segment.visited_at,
        "warmth": segment.warmth,
        "warmed_at": segment.warmed_at,
    }
