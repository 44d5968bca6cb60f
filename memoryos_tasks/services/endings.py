"""Turns whose words no longer hold: marks on them, by the slot that changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Fact, Kind
from memoryos_tasks.core.validity import base, same
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.vectors import Hit, VectorStore, Where

#: The payload field of a turn: by slot key, since when what it said there holds no longer.
ENDED = "ended"


class Endings:
    """Marks the sources of facts that ended, and the replies that repeat them. Searches leave them out where the
    question is about that slot."""

    def __init__(self, vectors: VectorStore, codec: Codec) -> None:
        self._vectors = vectors
        self._codec = codec

    def mark(
        self,
        owner: Owner,
        over: Iterable[Fact],
        board: Mapping[str, Fact],
        key: Callable[[Owner, Fact], str],
        *,
        fence: int,
    ) -> None:
        """Note on the sources of the ``over`` facts when they ended. ``board``: the facts around them, by id.

        A turn that also says what still holds in the slot ("I like tea and coffee") stays unmarked.
        """
        marks: dict[str, dict[str, float]] = {}
        values: dict[str, str] = {}
        for fact in over:
            by = board.get(fact.superseded_by or "")
            keys = {key(owner, fact)} | ({key(owner, by)} if by is not None else set())
            for source in fact.sources:
                if not _says_more(source, fact, board.values()) and not (by and source in by.sources):
                    turn = owner.derive("turn", source)
                    marks.setdefault(turn, {}).update(dict.fromkeys(keys, fact.valid_to or fact.valid_from))
                    values[turn] = fact.value
        for hit in self._vectors.get(owner, [*marks]):
            self._note(owner, hit, marks[hit.id], fence)
            reply = self._reply(owner, hit, values[hit.id])
            if reply is not None:
                self._note(owner, reply, marks[hit.id], fence)

    def clear(
        self, owner: Owner, facts: Iterable[Fact], key: Callable[[Owner, Fact], str], *, fence: int
    ) -> None:
        """Take back the marks of facts that hold again."""
        for fact in facts:
            for hit in self._vectors.get(owner, [owner.derive("turn", source) for source in fact.sources]):
                reply = self._reply(owner, hit, fact.value)
                for one in (hit, reply):
                    if one is not None and key(owner, fact) in (ended := dict(one.payload.get(ENDED) or {})):
                        del ended[key(owner, fact)]
                        self._vectors.patch(owner, [one.id], {ENDED: ended or None}, fence=fence)

    def _note(self, owner: Owner, hit: Hit, marks: Mapping[str, float], fence: int) -> None:
        known: Mapping[str, Any] = hit.payload.get(ENDED) or {}
        ended = {**marks, **known}
        if ended != known:
            self._vectors.patch(owner, [hit.id], {ENDED: ended}, fence=fence)

    def _reply(self, owner: Owner, hit: Hit, value: str) -> Hit | None:
        """The next turn of the session, if it is a reply that repeats the value."""
        payload = hit.payload
        place = Where(owner, kinds=(Kind.TURN.value,), sessions=(payload["session"],))
        for after in self._vectors.in_order(place, after=payload["seq"], limit=1):
            text = self._codec.open(owner, after.payload["text"])
            if after.payload["role"] == "assistant" and same(value) in same(text):
                return after
        return None


def _says_more(source: str, fact: Fact, board: Iterable[Fact]) -> bool:
    """Whether the source also tells what still holds in the slot."""
    return any(
        other.superseded_by is None
        and source in other.sources
        and same(other.subject) == same(fact.subject)
        and base(other.attribute) == base(fact.attribute)
        for other in board
    )
