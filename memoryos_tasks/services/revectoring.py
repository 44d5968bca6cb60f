"""New vectors for points that lack one, as their services made the old ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from memoryos_tasks.core import retrieval
from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.errors import Busy
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Kind
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.embedder import Embedder
from memoryos_tasks.ports.locks import Locks
from memoryos_tasks.ports.spaces import Spaces
from memoryos_tasks.ports.vectors import Hit, Where
from memoryos_tasks.services.meaning import Meaning

#: Turns embedded together.
CHUNK = 128
#: Seconds to wait for an owner's lock.
LOCK_SECONDS = 2.0
#: Turns, those that are only kept as sources among them.
TURNS = (Kind.TURN.value, "forgotten")
#: Kinds whose vector is that of their text.
OWN_TEXT = (Kind.KNOWLEDGE.value, Kind.TRAIT.value)


class Revectoring:
    """Fills one space. A text is embedded without a lock; its vector is written under the owner's lock, and only where
    the text is still the same and no vector has come meanwhile. Raises :class:`Busy` when the lock is not to be had.
    """

    def __init__(self, spaces: Spaces, space: Space, embedder: Embedder, codec: Codec, locks: Locks) -> None:
        self._spaces = spaces
        self._space = space
        self._embedder = embedder
        self._meaning = Meaning(embedder)
        self._codec = codec
        self._locks = locks
        self._share = retrieval.formula_for(embedder.name).predecessor
        self._patient = True
        self._waiting = False
        self._postponed = False

    def postpone(self) -> None:
        """An owner could not be served in this pass."""
        self._postponed = True

    def waits(self) -> bool:
        """After a pass that filled nothing: whether one more may fill segments that waited for their pages, or owners
        that were busy."""
        waited, self._waiting = self._waiting, False
        postponed, self._postponed = self._postponed, False
        if postponed:
            return True
        if waited and self._patient:
            self._patient = False
            return True
        return False

    def fill(self, owner: Owner, hits: Sequence[Hit]) -> int:
        """How many of these points, and of the sessions of their turns, have their vectors now."""
        kinds: dict[str, list[Hit]] = {}
        for hit in hits:
            kinds.setdefault(str(hit.payload["kind"]), []).append(hit)
        facts = [hit for kind in OWN_TEXT for hit in kinds.get(kind, ())]
        filled = self._write(owner, facts, self._embedded(owner, facts, plain=True))
        pages = kinds.get(Kind.PAGE.value, [])
        filled += self._write(owner, pages, self._embedded(owner, pages, plain=False))
        for session in {str(hit.payload["session"]) for kind in TURNS for hit in kinds.get(kind, ())}:
            filled += self._session(owner, session)
        segments = kinds.get(Kind.SEGMENT.value, [])
        return filled + self._write(owner, segments, self._segments(owner, segments))

    def _embedded(self, owner: Owner, hits: Sequence[Hit], *, plain: bool) -> dict[str, Sequence[float]]:
        """Vectors of the texts; ``plain``: as the index embeds what it finds by its text, else as they are."""
        texts = {hit.id: text for hit in hits if (text := self._text(owner, hit))}
        if not texts:
            return {}
        said = list(texts.values())
        vectors = self._meaning.vectors(said) if plain else self._embedder.embed(said)
        return dict(zip(texts, vectors, strict=True))

    def _session(self, owner: Owner, session: str) -> int:
        """Fill the turns of a session in its order, each mixed with the turn before it as at its first indexing."""
        view = self._spaces.within(self._space)
        where = Where(owner, kinds=TURNS, sessions=(session,))
        filled, last = 0, None
        while True:
            after = int(last.payload["seq"]) if last is not None else 0
            hits = view.in_order(where, after=after, limit=CHUNK)
            known = {hit.id for hit in view.get(owner, [hit.id for hit in hits], vectors=True) if hit.dense is not None}
            chain = [*([last] if last is not None else []), *hits]
            lacking = [at for at, hit in enumerate(chain) if hit is not last and hit.id not in known]
            filled += self._write(owner, hits, self._turns(owner, chain, lacking))
            if len(hits) < CHUNK:
                return filled
            last = hits[-1]

    def _turns(self, owner: Owner, chain: Sequence[Hit], lacking: Sequence[int]) -> dict[str, Sequence[float]]:
        needed = sorted({place for at in lacking for place in (at - 1, at) if place >= 0})
        embedded = self._embedded(owner, [chain[at] for at in needed], plain=True)
        found: dict[str, Sequence[float]] = {}
        for at in lacking:
            own = embedded.get(chain[at].id)
            linked = at > 0 and retrieval.neighbours(
                chain[at - 1].payload["timestamp"], chain[at].payload["timestamp"]
            )
            if own is not None:
                before = embedded.get(chain[at - 1].id) if linked else None
                found[chain[at].id] = retrieval.blend(own, before, self._share)
        return found

    def _segments(self, owner: Owner, hits: Sequence[Hit]) -> dict[str, Sequence[float]]:
        """The means of their pages' vectors; a segment waits for its pages, but not for ever."""
        view = self._spaces.within(self._space)
        found: dict[str, Sequence[float]] = {}
        for hit in hits:
            pages = view.get(owner, [str(id) for id in hit.payload.get("pages") or ()], vectors=True)
            vectors = [page.dense for page in pages if page.dense is not None]
            if len(vectors) < len(pages) and self._patient:
                self._waiting = True
            elif vectors:
                found[hit.id] = _mean(vectors)
            else:
                found |= self._embedded(owner, [hit], plain=True)
        return found

    def _write(self, owner: Owner, hits: Sequence[Hit], vectors: Mapping[str, Sequence[float]]) -> int:
        if not vectors:
            return 0
        read = {hit.id: hit.payload.get("text") for hit in hits}
        with self._locks.hold(owner, wait_seconds=LOCK_SECONDS) as held:
            if held is None:
                raise Busy
            now = self._spaces.within(self._space).get(owner, [*vectors])
            same = {hit.id: vectors[hit.id] for hit in now if hit.payload.get("text") == read[hit.id]}
            if same:
                self._spaces.fill(owner, self._space, same)
        return len(same)

    def _text(self, owner: Owner, hit: Hit) -> str:
        sealed = hit.payload.get("text")
        return self._codec.open(owner, sealed) if sealed else ""


def _mean(vectors: Sequence[Sequence[float]]) -> list[float]:
    summed = [math.fsum(column) for column in zip(*vectors, strict=True)]
    norm = math.hypot(*summed)
    return [value / norm for value in summed] if norm else summed
