"""Finding memories again: every event is indexed as a turn, and one search ranks all kinds of items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypedDict, Unpack

from memoryos_tasks.core import retrieval
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Kind, Recalled, Tier
from memoryos_tasks.core.selection import MOST_LEFT_OUT, Found, LeftOut, Reason, chosen, fitting, left_out
from memoryos_tasks.core.sought import Sought, sought
from memoryos_tasks.core.text import query_weights, terms
from memoryos_tasks.core.when import asked_span
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.embedder import Embedder
from memoryos_tasks.ports.vectors import Hit, Point, SparseVector, VectorStore
from memoryos_tasks.services.inquiry import FACTS, GATHERED, Inquiry
from memoryos_tasks.services.meaning import Meaning
from memoryos_tasks.services.ranking import scored
from memoryos_tasks.services.standing import Asked, quotes, standing, without
from memoryos_tasks.services.succession import TOLD, succeeded
from memoryos_tasks.services.turns import TermKey, Turns, sparse


class Wishes(TypedDict, total=False):
    """What a search may be told besides: all of it is optional."""

    #: Default: all.
    kinds: Iterable[str] | None
    tiers: Iterable[str] | None
    exclude_event_ids: Iterable[str]
    #: Seconds since the epoch.
    as_of: float | None
    #: Tokens that the texts of the items may cost together, by :func:`tokens.estimate`.
    budget: int | None
    #: The slots that the question asks for and the facts that fill them.
    asked: Asked
    explain: bool


class Recall:
    """Index and search. ``term_key`` tells the secret of a tenant, which keys the hashes of the terms.

    Every method raises :class:`VectorsDown` when the store cannot be reached.
    """

    def __init__(
        self, vectors: VectorStore, embedder: Embedder, codec: Codec, term_key: TermKey = lambda tenant: b""
    ) -> None:
        self._vectors = vectors
        self.meaning = Meaning(embedder)
        self._codec = codec
        self._key = term_key
        self._turns = Turns(self.meaning, codec, term_key)
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
                beside[chain[at].turn_id] = {"window": self._turns.window(owner, counted, at)}
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
        if not dense:
            dense = self.meaning.documents([text])[0]
        fields = {
            **(payload or {}),
            "kind": Kind(kind).value,
            "text": self._codec.seal(owner, text),
            "sources": list(sources),
            "created_at": created_at,
        }
        return Point(id, fields, dense, {"turn": self._turns.own(owner, terms(text))})

    def search(self, owner: Owner, query: str, *, limit: int, now: float, **wishes: Unpack[Wishes]) -> list[Recalled]:
        """The items of :meth:`found`."""
        return list(self.found(owner, query, limit=limit, now=now, **wishes).items)

    def found(self, owner: Owner, query: str, *, limit: int, now: float, **wishes: Unpack[Wishes]) -> Found:
        """At most ``limit`` items for the question, best first, and with ``explain`` what was left out and why.

        Turns of the excluded events are not among them, nor facts that ended, unless the question asks for the past.
        ``now`` is in seconds since the epoch; so is ``as_of``, which asks for what was said and valid at that time.
        """
        query, as_of = query[: retrieval.MOST_ASKED], wishes.get("as_of")
        kinds, tiers, asked = wishes.get("kinds"), wishes.get("tiers"), wishes.get("asked") or Asked()
        excluded = set(wishes.get("exclude_event_ids") or ())
        inquiry = Inquiry(
            owner,
            depth=retrieval.depth_for(limit),
            kinds=frozenset(Kind) if kinds is None else frozenset(map(Kind, kinds)),
            tiers=frozenset(Tier) if tiers is None else frozenset(map(Tier, tiers)),
            excluded=tuple(excluded),
            as_of=as_of,
            span=asked_span(query, now),
            ended=asked.past and as_of is None,
        )
        wanted = sought(query) if inquiry.span is None and not asked.past else None
        lists = self._ask(inquiry, query, wanted)
        lists["asked"] = [hit for hit in asked.facts if inquiry.wants(Kind(hit.payload["kind"]))]
        lists, gone = standing(lists, asked, at=now if as_of is None else as_of)
        opened = partial(self._codec.open, owner)
        current, followed = ("", {}) if wanted is None else succeeded(lists, asked, wanted, opened)
        lists, gone = without(lists, followed), gone | followed
        items = scored(lists, query, span=inquiry.span, depth=inquiry.depth, formula=self._formula, keep=2 * limit,
                       opened=opened, current=current)
        kept = [item for item in items if not item.sources or not excluded.issuperset(item.sources)]
        shown, out = self._shown(owner, kept, items, gone, limit)
        if (budget := wishes.get("budget")) is not None:
            shown, unfit = fitting(shown, budget)
            out += unfit
        shown = self._sourced(owner, shown)
        if not wishes.get("explain"):
            return Found(shown, over=followed.keys())
        out += [LeftOut(id, Kind(hit.payload["kind"]), Reason.SUPERSEDED) for id, hit in gone.items()]
        out += self._unsought(inquiry, query, {item.id for item in items} | set(gone))
        # What merely ranks too low is most of it, and comes last in the bounded list.
        told = sorted(out, key=lambda each: each.reason is Reason.LIMIT)[:MOST_LEFT_OUT]
        return Found(shown, told, followed.keys())

    def _shown(
        self,
        owner: Owner,
        kept: Sequence[Recalled],
        items: Sequence[Recalled],
        gone: Mapping[str, Hit],
        limit: int,
    ) -> tuple[list[Recalled], list[LeftOut]]:
        """One ranking with opened texts, and what does not stand in it."""

        def opened(item: Recalled) -> Recalled:
            name = item.name and self._codec.open(owner, item.name)
            return item._replace(content=self._codec.open(owner, item.content), name=name)

        turns, out = chosen([item for item in kept if item.kind is Kind.TURN], limit, opened)
        lifted = retrieval.lifted([item for item in items if item.kind in FACTS], turns)
        room = retrieval.fact_room(limit, len(turns))
        facts, repeated = chosen(retrieval.best_first(lifted), room, opened)
        rest = [item for item in kept if item.kind in GATHERED]
        if gone:
            over = [self._codec.open(owner, hit.payload["text"]) for hit in gone.values()]
            rest = [item for item in rest if not quotes(self._codec.open(owner, item.content), over)]
        ranked = [
            opened(item) if item.kind in GATHERED else item for item in retrieval.placed(turns, facts, rest, limit)
        ]
        there = {item.id for item in ranked}
        crowded_out = [left_out(item, Reason.LIMIT) for item in (*turns, *facts, *rest) if item.id not in there]
        return ranked, out + repeated + crowded_out

    def _sourced(self, owner: Owner, shown: Sequence[Recalled]) -> list[Recalled]:
        """The items, segments with the events of their pages: known only now, since a ranking does not need them."""
        ids = [item.id for item in shown if item.kind is Kind.SEGMENT]
        if not ids:
            return [*shown]
        listed = {hit.id: hit.payload.get("pages", ()) for hit in self._vectors.get(owner, ids)}
        pages = [page for one in listed.values() for page in one]
        said = {hit.id: hit.payload["sources"] for hit in self._vectors.get(owner, pages)} if pages else {}
        sources = {id: tuple(event for page in of for event in said.get(page, ())) for id, of in listed.items()}
        return [item._replace(sources=sources[item.id]) if item.id in sources else item for item in shown]

    def _unsought(self, inquiry: Inquiry, query: str, known: set[str]) -> list[LeftOut]:
        """What the conditions of the search kept out of its lists, and by which of them."""
        wide = replace(inquiry, kinds=frozenset(Kind), tiers=frozenset(Tier), excluded=(), ended=True)
        out = []
        for hit in {hit.id: hit for found in self._ask(wide, query).values() for hit in found}.values():
            kind, place = Kind(hit.payload["kind"]), hit.payload.get("place", "")
            if hit.id in known or kind not in inquiry.kinds:
                continue
            if hit.payload.get("event_id") in inquiry.excluded:
                out.append(LeftOut(hit.id, kind, Reason.EXCLUDED))
            elif not inquiry.wants(kind, place):
                out.append(LeftOut(hit.id, kind, Reason.TIER))
            elif hit.payload.get("valid_to") is not None and inquiry.as_of is None:
                out.append(LeftOut(hit.id, kind, Reason.SUPERSEDED))
        return out

    def _ask(self, inquiry: Inquiry, query: str, wanted: Sought | None = None) -> dict[str, list[Hit]]:
        key = self._key(inquiry.owner.tenant)
        words = sparse(query_weights(query, key))
        searches = inquiry.searches(words, self.meaning.question(query) or ())
        if wanted is not None and wanted.words and "own" in searches:
            searches[TOLD] = replace(searches["own"], sparse=sparse(query_weights(wanted.words, key)))
        return dict(zip(searches, self._vectors.search(list(searches.values())), strict=True))


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
