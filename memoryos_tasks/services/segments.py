"""Segments and pages as points, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence

from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Kind, Page, Segment
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.vectors import Hit, Point, Search, VectorStore, Where
from memoryos_tasks.services.recall import Recall

#: Segments that a page is compared with: the nearest ones by vector.
CANDIDATES = 8


class Segments:
    """Mid-term memory in the vector store. Writes are made under the owner's lock; ``fence`` is its token."""

    def __init__(self, vectors: VectorStore, recall: Recall, codec: Codec) -> None:
        self._vectors = vectors
        self._recall = recall
        self._codec = codec

    def near(self, owner: Owner, vector: Sequence[float]) -> list[Segment]:
        """The segments whose vectors are nearest."""
        where = Where(owner, kinds=(Kind.SEGMENT.value,))
        found = self._vectors.search([Search(where, CANDIDATES, dense=vector)])[0]
        return self.get(owner, [hit.id for hit in found])

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

    def save(
        self,
        owner: Owner,
        segments: Sequence[Segment],
        pages: Sequence[tuple[Page, Sequence[float]]] = (),
        *,
        fence: int,
    ) -> None:
        """Write segments and pages, each page with its vector, in one step."""
        points = [self._page_point(owner, page, vector) for page, vector in pages]
        points += [self._segment_point(owner, segment) for segment in segments]
        self._vectors.upsert(owner, points, fence=fence)

    def pages(self, owner: Owner, ids: Sequence[str]) -> list[Page]:
        """The pages that exist among these ids."""
        return [self._page(owner, hit) for hit in self._vectors.get(owner, ids)]

    def place(self, owner: Owner, page: Page, *, fence: int) -> None:
        """Note on the page's turns that the page is now their place."""
        turns = [owner.derive("turn", event_id) for event_id in page.event_ids]
        self._vectors.patch(owner, turns, {"place": page.id}, fence=fence)

    def _segment_point(self, owner: Owner, segment: Segment) -> Point:
        payload = {
            "keywords": self._codec.seal(owner, json.dumps(segment.keywords, ensure_ascii=False)),
            "pages": list(segment.page_ids),
            "analysed": segment.analysed,
            "visits": segment.visits,
            "heat": segment.heat,
            "visited_at": segment.visited_at,
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
