"""Finding memories again: every event is indexed as a turn, and one search ranks all kinds of items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from memoryos_tasks.core import retrieval
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Kind, Recalled
from memoryos_tasks.core.text import query_weights, terms
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.embedder import Embedder
from memoryos_tasks.ports.vectors import Hit, Point, Search, SparseVector, VectorStore, Where
from memoryos_tasks.services.ranking import FACTS, scored
from memoryos_tasks.services.turns import Turns, sparse


class Recall:
    """Index and search. ``term_key`` keys the hashes of the terms; it must never change for a store.

    Every method raises :class:`VectorsDown` when the store cannot be reached.
    """

    def __init__(self, vectors: VectorStore, embedder: Embedder, codec: Codec, term_key: bytes = b"") -> None:
        self._vectors = vectors
        self._embedder = embedder
        self._codec = codec
        self._key = term_key
        self._turns = Turns(embedder, codec, term_key)
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
        beside: dict[str, dict[str, SparseVector]] = {}
        for chain in _chains(events, before):
            new = {at for at, event in enumerate(chain) if event.event_id in given and event.turn_id not in known}
            counted = [(terms(event.content), event.timestamp) for event in chain]
            for at in _beside(new, len(chain)):
                beside[chain[at].turn_id] = {"window": self._turns.window(counted, at)}
            points += self._turns.points(chain, counted, sorted(new))
        if beside:
            # The old turns first: a new turn that exists then says that its neighbours know of it.
            self._vectors.revector(owner, beside)
        if points:
            # No lock is held here: a turn that consolidation has filed meanwhile keeps the place that it was given.
            self._vectors.upsert(owner, points, fence=0)

    def forget(self, owner: Owner, events: Sequence[Event]) -> None:
        """Remove the turns of these events from the index."""
        self._vectors.delete(owner, [event.turn_id for event in events])

    def event(self, owner: Owner, hit: Hit) -> Event:
        """The event of a turn's point."""
        return self._turns.event(owner, hit)

    def events(self, owner: Owner, event_ids: Sequence[str]) -> list[Event]:
        """The indexed events among these ids, in the order asked for."""
        hits = self._vectors.get(owner, [owner.derive("turn", event_id) for event_id in event_ids])
        return [self._turns.event(owner, hit) for hit in hits]

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
        return Point(id, fields, dense, {"turn": self._turns.own(terms(text))})

    def search(
        self,
        owner: Owner,
        query: str,
        *,
        limit: int,
        now: float,
        kinds: Iterable[str] | None = None,
        exclude_event_ids: Iterable[str] = (),
        as_of: float | None = None,
    ) -> list[Recalled]:
        """At most ``limit`` items for the question, best first, of these kinds (default: all).

        Turns of the excluded events and facts that ended are not among them. ``now`` is in seconds since the
        epoch; so is ``as_of``, which asks for what was said and valid at that time.
        """
        query = query[: retrieval.MOST_ASKED]
        wanted = {Kind(kind) for kind in kinds} if kinds is not None else set(Kind)
        excluded = set(exclude_event_ids)
        depth = max(retrieval.DEPTH, 2 * limit)
        lists = self._ask(owner, query, wanted, depth, excluded, as_of)
        if as_of is not None:
            lists = {name: [hit for hit in found if _stood(hit, as_of)] for name, found in lists.items()}
        items = scored(lists, query, now=now, depth=depth, formula=self._formula, keep=limit)
        kept = [item for item in items if not item.sources or not excluded.issuperset(item.sources)]
        ranked = retrieval.placed(
            [item for item in kept if item.kind is Kind.TURN],
            [item for item in items if item.kind in FACTS],
            [item for item in kept if item.kind in (Kind.PAGE, Kind.SEGMENT)],
            limit,
        )
        return [replace(item, content=self._codec.open(owner, item.content)) for item in ranked]

    def _ask(
        self,
        owner: Owner,
        query: str,
        wanted: set[Kind],
        depth: int,
        excluded: Iterable[str],
        as_of: float | None,
    ) -> dict[str, list[Hit]]:
        """The lists that the formula weighs, in one batch. IDF is taken over the owner's turns throughout."""
        words = sparse(query_weights(query, self._key))
        dense = self._embedder.embed([retrieval.dense_question(query)])[0]
        corpus = Where(owner, kinds=(Kind.TURN.value,))
        turns = replace(
            corpus,
            without=tuple(owner.derive("turn", event_id) for event_id in excluded),
            at_most={} if as_of is None else {"timestamp": as_of},
        )
        distilled = tuple(sorted(kind.value for kind in wanted - {Kind.TURN}))
        searches: dict[str, Search] = {}
        if Kind.TURN in wanted:
            searches["window"] = Search(turns, depth, sparse=words, using="window", corpus=corpus)
            searches["own"] = Search(turns, depth, sparse=words, using="turn", corpus=corpus)
            searches["dense"] = Search(turns, depth, dense=dense)
        if distilled:
            valid = Where(owner, kinds=distilled, equals={"valid_to": None})
            if as_of is not None:
                valid = Where(owner, kinds=distilled, at_most={"created_at": as_of})
            searches["distilled own"] = Search(valid, depth // 2, sparse=words, using="turn", corpus=corpus)
            searches["distilled dense"] = Search(valid, depth // 2, dense=dense)
        if not any(dense):  # nothing to compare with
            searches = {name: search for name, search in searches.items() if search.dense is None}
        return dict(zip(searches, self._vectors.search(list(searches.values())), strict=True))


def _stood(hit: Hit, at: float) -> bool:
    """Whether a fact had not ended yet; all else never ends."""
    ended = hit.payload.get("valid_to")
    return ended is None or bool(ended > at)


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
