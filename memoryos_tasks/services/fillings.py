"""The facts that fill the slots a question asks for: now, at a time, or before."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from memoryos_tasks.core.asking import asks_former, slots_asked
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Fact
from memoryos_tasks.core.past import past_span
from memoryos_tasks.core.validity import same
from memoryos_tasks.core.when import Stretch
from memoryos_tasks.ports.vectors import Hit, VectorStore, Where
from memoryos_tasks.services.inquiry import FACTS
from memoryos_tasks.services.standing import Asked, held

#: Most slots that are looked up for one question.
MOST_ASKED = 8
#: Most facts of one slot that are put first.
MOST_FILLING = 64

KINDS = tuple(kind.value for kind in FACTS)


class Fillings:
    """``key`` tells the key of a slot (subject, attribute), ``opened`` the fact of a hit."""

    def __init__(
        self,
        vectors: VectorStore,
        key: Callable[[Owner, str, str], str],
        opened: Callable[[Owner, Hit], Fact],
    ) -> None:
        self._vectors = vectors
        self._key = key
        self._opened = opened

    def asked(self, owner: Owner, question: str, *, as_of: float | None, now: float | None) -> Asked:
        """As :meth:`Beliefs.asked`."""
        keys = [*dict.fromkeys(self._key(owner, *slot) for slot in slots_asked(question))]
        if not keys:
            return Asked()
        span = past_span(question, now) if now is not None and as_of is None else None
        if span is not None and (then := self._during(owner, keys, span)):
            return Asked(frozenset(keys), then, span)
        if span is None and as_of is None and asks_former(question):
            before = self._before(owner, question, keys) if now is not None else ()
            return Asked(facts=before, former=bool(before))
        at_most = {} if as_of is None else {"valid_from": as_of}
        equals = {"valid_to": None} if as_of is None else {}
        return Asked(frozenset(keys), self._filling(Where(owner, equals=equals, at_most=at_most), keys))

    def _before(self, owner: Owner, question: str, keys: Sequence[str]) -> tuple[Hit, ...]:
        """What has ended; where the question names a value ("before Berlin"), what had begun before that."""
        found = self._filling(Where(owner), keys)
        facts = {hit.id: self._opened(owner, hit) for hit in found if held(hit)}
        named = [fact.valid_from for fact in facts.values() if _names(question, fact.value)]
        over = [hit for hit in found if hit.id in facts and hit.payload.get("valid_to") is not None]
        return tuple(hit for hit in over if not named or hit.payload["valid_from"] < min(named))

    def _during(self, owner: Owner, keys: Sequence[str], span: Stretch) -> tuple[Hit, ...]:
        """What held at any time within the span."""
        found = self._filling(Where(owner, at_most={"valid_from": span[1]}), keys)
        ends = [(hit, hit.payload.get("valid_to") or hit.payload.get("expires")) for hit in found if held(hit)]
        return tuple(
            hit for hit, end in ends if (end is None or end > span[0]) and hit.payload["valid_from"] < span[1]
        )

    def _filling(self, where: Where, keys: Sequence[str]) -> tuple[Hit, ...]:
        """The facts of these slots, newest first."""
        slots = [*keys[:MOST_ASKED]]
        where = Where(where.owner, kinds=KINDS, equals=where.equals, at_most=where.at_most, among={"key": slots})
        # Slots that hold more values are answered by the search among them.
        hits, _ = self._vectors.scroll(where, limit=MOST_FILLING * len(slots))
        return tuple(sorted(hits, key=lambda hit: -float(hit.payload["valid_from"])))


def _names(question: str, value: str) -> bool:
    if value.isascii():
        return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", question, re.IGNORECASE) is not None
    return same(value) in same(question)
