"""Everything about one user in one document."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from memoryos_tasks.core.errors import Busy, InvalidRequest
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import FORGOTTEN, Fact, Kind
from memoryos_tasks.core.transfer import document
from memoryos_tasks.core.transfer.markdown import markdown
from memoryos_tasks.ports.journal import Journal
from memoryos_tasks.ports.ledger import Job
from memoryos_tasks.ports.vectors import VectorStore, Where
from memoryos_tasks.services.beliefs import FACTS, Beliefs
from memoryos_tasks.services.items import page_row, segment_row
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments
from memoryos_tasks.services.work import Made, Progress

#: Largest document, in bytes of JSON: it is kept in the job's row.
MOST_BYTES = 64 * 1024 * 1024
#: Events read in one step.
STEP = 500
#: Marks a fact that was deleted by hand; its words are gone.
_GONE = "deleted"


class Exporting:
    """Reads a user's memory whole; writes nothing."""

    def __init__(
        self,
        journal: Journal,
        vectors: VectorStore,
        recall: Recall,
        beliefs: Beliefs,
        segments: Segments,
        settle: Callable[[Owner], None],
        clock: Callable[[], float],
        most: int = MOST_BYTES,
    ) -> None:
        self._journal = journal
        self._vectors = vectors
        self._recall = recall
        self._beliefs = beliefs
        self._segments = segments
        self._settle = settle
        self._clock = clock
        self._most = most

    def run(self, job: Job, progress: Progress) -> Made:
        """The document of the job's owner: ``{"format": "json" | "markdown", "counts", "document"}``.

        Raises :class:`Busy` while events wait to be applied, and :class:`InvalidRequest` for a document that is larger
        than a job can hold.
        """
        owner = job.owner
        self._settle(owner)
        if self._journal.pending(owner):
            raise Busy("Events of this user are being applied; the export begins after them.")
        whole = self._document(owner, progress)
        counts = {name: len(whole[name]) for name in ("events", "facts", "segments", "pages")}
        form = str(job.request.get("format") or "json")
        told: Any = markdown(whole) if form == "markdown" else whole
        return Made(counts, {"format": form, "counts": counts, "document": told})

    def _document(self, owner: Owner, progress: Progress) -> dict[str, Any]:
        room = _Room(self._most)
        total = self._vectors.count(Where(owner, kinds=(Kind.TURN.value, FORGOTTEN)))
        events: list[dict[str, Any]] = []
        for row in self._events(owner):
            events.append(room.take(row))
            if len(events) % STEP == 0:
                progress(len(events), max(total + STEP, len(events)))
        facts = self._beliefs.all(owner)
        segments = self._segments.all(owner)
        pages = self._segments.pages(owner, [page_id for segment in segments for page_id in segment.page_ids])
        sources = self._segments.sources(owner, segments)
        return {
            "format": document.FORMAT,
            "version": document.VERSION,
            "user_id": owner.user,
            "exported_at": datetime.fromtimestamp(self._clock(), UTC).isoformat(),
            "events": events,
            "facts": [room.take(document.fact_row(fact)) for fact in sorted(facts, key=_since)],
            "forgotten": [room.take(row) for row in self._forgotten(owner)],
            "segments": [room.take(segment_row(segment, sources[segment.id])) for segment in segments],
            "pages": [room.take(page_row(page)) for page in pages],
            "profile": room.take(_profile(facts)),
        }

    def _events(self, owner: Owner) -> Iterator[dict[str, Any]]:
        """Every event, oldest first."""
        where, after = Where(owner, kinds=(Kind.TURN.value, FORGOTTEN)), 0
        while hits := self._vectors.in_order(where, after=after, limit=STEP):
            for hit in hits:
                yield document.event_row(self._recall.event(owner, hit), str(hit.payload["place"]))
            after = int(hits[-1].payload["seq"])

    def _forgotten(self, owner: Owner) -> Iterator[dict[str, Any]]:
        """The facts that were deleted by hand: from which events they are not to be learned again."""
        cursor: str | None = None
        while True:
            where = Where(owner, kinds=FACTS, equals={_GONE: True})
            hits, cursor = self._vectors.scroll(where, limit=STEP, cursor=cursor)
            for hit in hits:
                if hit.payload.get("sources"):
                    yield {"id": hit.id, "sources": list(hit.payload["sources"])}
            if cursor is None:
                return


class _Room:
    """Counts what a document may still grow by."""

    def __init__(self, most: int) -> None:
        self._most, self._left = most, most

    def take(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row, if there is room for it. Raises :class:`InvalidRequest`."""
        self._left -= len(json.dumps(row, ensure_ascii=False).encode())
        if self._left < 0:
            raise InvalidRequest(f"This user's memory is larger than the {self._most // 1024 // 1024} MiB that an "
                                 "export holds; read it with GET /v1/memory/events and GET /v1/memory/items.")
        return row


def _since(fact: Fact) -> float:
    return fact.valid_from


def _profile(facts: Sequence[Fact]) -> dict[str, Any]:
    """What is believed now, by attribute."""
    profile: dict[str, list[str]] = {}
    for fact in facts:
        if fact.superseded_by is None and fact.valid_to is None and fact.kind is Kind.TRAIT:
            profile.setdefault(fact.attribute, []).append(fact.value)
    return profile

