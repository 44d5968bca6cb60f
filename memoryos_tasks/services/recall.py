"""Finding memories again: every event is indexed as a turn, and one search ranks all kinds of items."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

from memoryos_tasks.core import retrieval
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Kind, Recalled, Tier
from memoryos_tasks.core.retrieval import Signal
from memoryos_tasks.core.text import document_weights, query_weights, terms
from memoryos_tasks.core.when import asked_span, nearness
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.embedder import Embedder
from memoryos_tasks.ports.vectors import Hit, Point, Search, SparseVector, VectorStore, Where

#: The payload's ``place`` of a turn that is still in short-term memory.
IN_STM = "stm"
_FACTS = (Kind.KNOWLEDGE, Kind.TRAIT)
#: A turn's terms and its timestamp.
_Counted = tuple[list[str], float]


class Recall:
    """Index and search. ``term_key`` keys the hashes of the terms; it must never change for a store.

    Every method raises :class:`VectorsDown` when the store cannot be reached.
    """

    def __init__(self, vectors: VectorStore, embedder: Embedder, codec: Codec, term_key: bytes = b"") -> None:
        self._vectors = vectors
        self._embedder = embedder
        self._codec = codec
        self._key = term_key
        self._formula = retrieval.formula_for(embedder.name)

    def index(self, events: Sequence[Event], before: Mapping[str, Sequence[Event]]) -> None:
        """Index events of one owner as turns; those indexed already stay as they are.

        ``before`` holds, by session, the newest ``retrieval.BEFORE`` events before the new ones, oldest first:
        their windows are refreshed, since the new turns are their neighbours.
        """
        if not events:
            return
        owner = events[0].owner
        known = {hit.id for hit in self._vectors.get(owner, [event.turn_id for event in events])}
        given = {event.event_id for event in events}
        points: list[Point] = []
        for chain in _chains(events, before):
            new = {at for at, event in enumerate(chain) if event.event_id in given and event.turn_id not in known}
            counted = [(terms(event.content), event.timestamp) for event in chain]
            # The old turns first: a new turn that exists then says that its neighbours know of it.
            for at in _beside(new, len(chain)):
                self._vectors.revector(owner, chain[at].turn_id, {"window": self._window(counted, at)})
            points += self._turns(chain, counted, sorted(new))
        if points:
            self._vectors.upsert(owner, points)

    def _turns(self, chain: Sequence[Event], counted: Sequence[_Counted], new: Sequence[int]) -> list[Point]:
        needed = sorted({at for place in new for at in (place - 1, place) if at >= 0})
        texts = [retrieval.dense_text(chain[at].content) for at in needed]
        dense = dict(zip(needed, self._embedder.embed(texts), strict=True))
        points = []
        for at in new:
            linked = at > 0 and retrieval.neighbours(counted[at - 1][1], counted[at][1])
            points.append(
                Point(
                    chain[at].turn_id,
                    self._payload(chain[at]),
                    retrieval.blend(dense[at], dense[at - 1] if linked else None, self._formula.predecessor),
                    {"turn": self._own(counted[at][0]), "window": self._window(counted, at)},
                )
            )
        return points

    def _own(self, found: Sequence[str]) -> SparseVector:
        counts: dict[str, float] = {}
        for term in found:
            counts[term] = counts.get(term, 0.0) + 1.0
        return _sparse(document_weights(counts, average=retrieval.TURN_LENGTH, key=self._key))

    def _window(self, counted: Sequence[_Counted], at: int) -> SparseVector:
        counts = retrieval.window_counts(counted, at)
        return _sparse(document_weights(counts, average=retrieval.WINDOW_LENGTH, key=self._key))

    def _payload(self, event: Event) -> dict[str, Any]:
        metadata = json.dumps(dict(event.metadata), ensure_ascii=False) if event.metadata else ""
        return {
            "kind": Kind.TURN.value,
            "event_id": event.event_id,
            "session": event.session,
            "assistant": event.assistant,
            "role": event.role,
            "name": event.name,
            "text": self._codec.seal(event.owner, event.content),
            "timestamp": event.timestamp,
            "seq": event.seq,
            "place": IN_STM,
            "metadata": self._codec.seal(event.owner, metadata) if metadata else None,
        }

    def event(self, owner: Owner, hit: Hit) -> Event:
        """The event of a turn's point."""
        payload = hit.payload
        sealed = payload.get("metadata")
        return Event(
            owner=owner,
            event_id=payload["event_id"],
            role=payload["role"],
            content=self._codec.open(owner, payload["text"]),
            timestamp=payload["timestamp"],
            session=payload["session"],
            assistant=payload["assistant"],
            name=payload.get("name"),
            metadata=json.loads(self._codec.open(owner, sealed)) if sealed else {},
            seq=payload["seq"],
        )

    def events(self, owner: Owner, event_ids: Sequence[str]) -> list[Event]:
        """The indexed events among these ids, in the order asked for."""
        hits = self._vectors.get(owner, [owner.derive("turn", event_id) for event_id in event_ids])
        return [self.event(owner, hit) for hit in hits]

    def point(
        self,
        owner: Owner,
        id: str,
        kind: Kind,
        text: str,
        *,
        sources: Sequence[str],
        created_at: float,
        payload: Mapping[str, Any] | None = None,
        dense: Sequence[float] | None = None,
    ) -> Point:
        """A point of a page, segment or fact that :meth:`search` finds by its text.

        ``payload`` fields are kept as they are; text in them must be sealed already. ``dense`` replaces the
        vector of the text.
        """
        if dense is None:
            dense = self._embedder.embed([retrieval.dense_text(text)])[0]
        fields = {
            **(payload or {}),
            "kind": Kind(kind).value,
            "text": self._codec.seal(owner, text),
            "sources": list(sources),
            "created_at": created_at,
        }
        return Point(id, fields, dense, {"turn": self._own(terms(text))})

    def search(
        self,
        owner: Owner,
        query: str,
        *,
        limit: int,
        now: float,
        kinds: Iterable[str] | None = None,
        exclude_event_ids: Iterable[str] = (),
    ) -> list[Recalled]:
        """At most ``limit`` items for the question, best first, of these kinds (default: all).

        Turns of the excluded events and facts that ended are not among them. ``now`` is in seconds since the
        epoch.
        """
        query = query[: retrieval.MOST_ASKED]
        wanted = {Kind(kind) for kind in kinds} if kinds is not None else set(Kind)
        excluded = set(exclude_event_ids)
        depth = max(retrieval.DEPTH, 2 * limit) + len(excluded)
        items = self._scored(query, now, self._ask(owner, query, wanted, depth), depth)
        kept = [item for item in items if not item.sources or not excluded.issuperset(item.sources)]
        ranked = retrieval.placed(
            [item for item in kept if item.kind is Kind.TURN],
            [item for item in items if item.kind in _FACTS],
            [item for item in kept if item.kind in (Kind.PAGE, Kind.SEGMENT)],
            limit,
        )
        return [replace(item, content=self._codec.open(owner, item.content)) for item in ranked]

    def _ask(self, owner: Owner, query: str, wanted: set[Kind], depth: int) -> dict[str, list[Hit]]:
        """The lists that the formula weighs, in one batch. IDF is taken over the owner's turns throughout."""
        sparse = _sparse(query_weights(query, self._key))
        dense = self._embedder.embed([retrieval.dense_question(query)])[0]
        turns = Where(owner, kinds=(Kind.TURN.value,))
        distilled = tuple(sorted(kind.value for kind in wanted - {Kind.TURN}))
        searches: dict[str, Search] = {}
        if Kind.TURN in wanted:
            searches["window"] = Search(turns, depth, sparse=sparse, using="window", corpus=turns)
            searches["own"] = Search(turns, depth, sparse=sparse, using="turn", corpus=turns)
            searches["dense"] = Search(turns, depth, dense=dense)
        if distilled:
            valid = Where(owner, kinds=distilled, equals={"valid_to": None})
            searches["distilled own"] = Search(valid, depth // 2, sparse=sparse, using="turn", corpus=turns)
            searches["distilled dense"] = Search(valid, depth // 2, dense=dense)
        if not any(dense):  # nothing to compare with
            searches = {name: search for name, search in searches.items() if search.dense is None}
        return dict(zip(searches, self._vectors.search(list(searches.values())), strict=True))

    def _scored(self, query: str, now: float, lists: Mapping[str, list[Hit]], depth: int) -> list[Recalled]:
        formula, span = self._formula, asked_span(query, now)
        speaks = cache(partial(retrieval.speaks, query))
        turns, distilled = _signals(lists, depth)
        hits = {hit.id: hit for found in lists.values() for hit in found}
        items = []
        for hit in hits.values():
            payload = hit.payload
            if payload["kind"] == Kind.TURN:
                parts = {
                    "window": formula.window * turns["window"][hit.id],
                    "own": formula.own * turns["own"][hit.id],
                    "dense": formula.dense * turns["dense"][hit.id],
                    "speaker": formula.speaker * speaks(payload.get("name"), payload.get("role")),
                    "time": formula.time * nearness(payload["timestamp"], span),
                }
            else:  # its own text stands for a window: it has no neighbours
                parts = {
                    "own": (formula.window + formula.own) * distilled["own"][hit.id],
                    "dense": formula.dense * distilled["dense"][hit.id],
                }
            items.append(_recalled(hit, parts))
        return items


def _signals(lists: Mapping[str, list[Hit]], depth: int) -> tuple[dict[str, Signal], dict[str, Signal]]:
    """The signals of turns and of distilled items; both are measured by the best of either."""
    raw = {name: {hit.id: hit.score for hit in found} for name, found in lists.items()}

    def signal(name: str, most: int, *peers: str) -> Signal:
        best = max((score for peer in peers for score in raw.get(peer, {}).values()), default=0.0)
        return Signal(raw.get(name, {}), best=best, full=len(raw.get(name, {})) >= most)

    turns = {name: signal(name, depth, name, f"distilled {name}") for name in ("window", "own", "dense")}
    distilled = {
        name: signal(f"distilled {name}", depth // 2, name, f"distilled {name}") for name in ("own", "dense")
    }
    return turns, distilled


def _recalled(hit: Hit, parts: dict[str, float]) -> Recalled:
    """The item with its text still sealed."""
    payload, kind = hit.payload, Kind(hit.payload["kind"])
    turn = kind is Kind.TURN
    tier = Tier.LONG if kind in _FACTS else Tier.SHORT if turn and payload["place"] == IN_STM else Tier.MID
    return Recalled(
        id=hit.id,
        kind=kind,
        tier=tier,
        content=payload["text"],
        score=sum(parts.values()),
        sources=(payload["event_id"],) if turn else tuple(payload["sources"]),
        created_at=payload["timestamp"] if turn else payload["created_at"],
        session=payload.get("session") or "",
        role=payload.get("role"),
        name=payload.get("name"),
        parts=parts,
    )


def _chains(events: Sequence[Event], before: Mapping[str, Sequence[Event]]) -> list[list[Event]]:
    """By session, the earlier and the new events in the order of the journal, each once."""
    sessions: dict[str, dict[str, Event]] = {}
    for event in events:
        chain = sessions.setdefault(event.session, {old.event_id: old for old in before.get(event.session, ())})
        chain.setdefault(event.event_id, event)
    return [sorted(chain.values(), key=lambda event: event.seq) for chain in sessions.values()]


def _beside(new: set[int], length: int) -> list[int]:
    """Places in the chain that are not new and have a new one in their window."""
    reach = range(-retrieval.RADIUS, retrieval.RADIUS + 1)
    return sorted({at + step for at in new for step in reach if 0 <= at + step < length} - new)


def _sparse(weights: Mapping[int, float]) -> SparseVector:
    return SparseVector(tuple(weights), tuple(weights.values()))
