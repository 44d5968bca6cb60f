"""Taking messages, pages, segments and facts out of memory, with all that was made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from memoryos_tasks.core import segmentation
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import FORGOTTEN, Kind, Page, Segment
from memoryos_tasks.core.text import keywords
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.embedder import Embedder
from memoryos_tasks.ports.locks import Held
from memoryos_tasks.ports.stm import Stm
from memoryos_tasks.ports.vectors import Hit, Point, VectorStore, Where
from memoryos_tasks.services.beliefs import FACTS, Beliefs
from memoryos_tasks.services.items import CHANGE, MESSAGES, MOST_CHANGES
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

#: What the stub of a message keeps: where it stood in the conversation, and none of its words.
KEPT = ("event_id", "session", "assistant", "role", "timestamp", "seq")


class Removal:
    """Removes under the owner's lock; removing twice changes nothing more.

    A page goes with its messages, a segment with its pages. What was derived from a message goes with it where the
    message was its only source, and is made anew from the others where it was not.
    """

    def __init__(
        self,
        vectors: VectorStore,
        recall: Recall,
        beliefs: Beliefs,
        segments: Segments,
        stm: Stm,
        embedder: Embedder,
        codec: Codec,
    ) -> None:
        self._vectors = vectors
        self._recall = recall
        self._beliefs = beliefs
        self._segments = segments
        self._stm = stm
        self._embedder = embedder
        self._codec = codec

    def messages(self, owner: Owner, id: str) -> list[str]:
        """The ids of the messages that go with an item: none for a fact. To be noted before :meth:`remove`."""
        hits = self._vectors.get(owner, [id])
        kind = hits[0].payload.get("kind") if hits else None
        if kind in MESSAGES:
            return [id]
        page_ids = [id] if kind == Kind.PAGE.value else []
        if kind == Kind.SEGMENT.value:
            page_ids = [page_id for segment in self._segments.get(owner, [id]) for page_id in segment.page_ids]
        pages = self._segments.pages(owner, page_ids)
        return [owner.derive("turn", event_id) for page in pages for event_id in page.event_ids]

    def remove(self, owner: Owner, id: str, messages: Sequence[str], held: Held) -> None:
        """Remove the item with its messages; what is not there is gone already."""
        self._unnote(owner, [id], held)
        if messages:
            self._messages(owner, self._vectors.get(owner, messages), held)
        for hit in self._vectors.get(owner, [id]):
            kind = hit.payload.get("kind")
            held.check()
            if kind in FACTS:
                self._beliefs.remove(owner, id, fence=held.token)
                continue
            # Pages whose messages had gone before.
            left = {Kind.PAGE.value: [id], Kind.SEGMENT.value: hit.payload.get("pages")}.get(str(kind))
            for page in self._segments.pages(owner, left or []):
                self._shrink(owner, page, set(page.event_ids), held)
            if kind == Kind.SEGMENT.value:
                self._segments.remove(owner, [id], fence=held.token)

    def _messages(self, owner: Owner, hits: Sequence[Hit], held: Held) -> None:
        """Remove messages: out of short-term memory, their pages and facts; the words themselves go last, so that a
        run that is cut off is seen to be unfinished."""
        events = [self._recall.event(owner, hit) for hit in hits]
        gone = {event.event_id for event in events}
        for session in {event.session for event in events}:
            mine = [event for event in events if event.session == session]
            self._stm.drop(owner, session, mine, token=held.token)
        places = list(dict.fromkeys(str(hit.payload["place"]) for hit in hits))
        for page in self._segments.pages(owner, places):
            self._shrink(owner, page, gone, held)
        self._unlearn(owner, gone, held)
        held.check()
        stubs = [self._stub(event, hit) for event, hit in zip(events, hits, strict=True)]
        self._vectors.upsert(owner, stubs, fence=held.token)

    def _unnote(self, owner: Owner, ids: Sequence[str], held: Held) -> None:
        """Notes of changes to these items hold words that are to be gone, and nothing may bring those back."""
        for id in ids:
            notes, _ = self._vectors.scroll(Where(owner, kinds=(CHANGE,), equals={"item": id}), limit=MOST_CHANGES)
            held.check()
            self._vectors.delete(owner, [note.id for note in notes if note.payload["action"] != "delete"])

    def _stub(self, event: Event, hit: Hit) -> Point:
        """What stays of a message: that it was there."""
        payload: dict[str, Any] = {name: hit.payload.get(name) for name in KEPT}
        empty = {"name": None, "metadata": None, "text": self._codec.seal(event.owner, "")}
        return Point(hit.id, {**payload, **empty, "kind": FORGOTTEN, "place": FORGOTTEN, "deleted": True})

    def _shrink(self, owner: Owner, page: Page, gone: set[str], held: Held) -> None:
        """The page without these events; without the page, when none is left."""
        self._unnote(owner, [page.id, page.segment_id], held)
        left = [event_id for event_id in page.event_ids if event_id not in gone]
        events = self._recall.events(owner, left)
        segment = next(iter(self._segments.get(owner, [page.segment_id])), None) if page.segment_id else None
        held.check()
        if events:
            text = segmentation.page_text(events)
            shorter = replace(page, event_ids=tuple(event.event_id for event in events), text=text)
            self._segments.save_pages(owner, [(shorter, self._embedder.embed([text])[0])], fence=held.token)
        if segment is not None:
            self._rewrite(owner, segment, without="" if events else page.id, held=held)
        if not events:
            held.check()
            self._vectors.delete(owner, [page.id])

    def _rewrite(self, owner: Owner, segment: Segment, *, without: str, held: Held) -> None:
        """The segment made anew of its pages, so that no word of what went is left in it."""
        kept = tuple(page_id for page_id in segment.page_ids if page_id != without)
        pages = self._segments.pages(owner, kept)
        held.check()
        if not pages:
            self._segments.remove(owner, [segment.id], fence=held.token)
            return
        vectors = self._embedder.embed([page.text for page in pages])
        made = segmentation.found(owner, pages[0], vectors[0], keywords(pages[0].text), segment.created_at)
        for page, vector in zip(pages[1:], vectors[1:], strict=True):
            made = segmentation.join(made, page, vector, keywords(page.text), segment.created_at)
        analysed = sum(page_id != without for page_id in segment.page_ids[: segment.analysed])
        rewritten = replace(
            segment,
            summary=made.summary,
            keywords=made.keywords,
            vector=made.vector,
            page_ids=kept,
            analysed=min(analysed, len(kept)),
            written=False,
        )
        self._segments.save(owner, [rewritten], fence=held.token)

    def _unlearn(self, owner: Owner, gone: set[str], held: Held) -> None:
        """Facts whose only sources these events were go; others lose them as sources."""
        for fact in self._beliefs.all(owner):
            left = tuple(source for source in fact.sources if source not in gone)
            if left == fact.sources:
                continue
            held.check()
            if left:
                self._beliefs.save(owner, [replace(fact, sources=left)], fence=held.token)
            else:
                self._unnote(owner, [fact.id], held)
                self._beliefs.remove(owner, fact.id, fence=held.token)
