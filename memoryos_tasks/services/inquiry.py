"""One question to the store: the lists that the formula weighs, asked for in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import IN_STM, Kind, Tier
from memoryos_tasks.core.when import GRACE_DAYS, Stretch
from memoryos_tasks.ports.vectors import Search, SparseVector, Where

#: The kinds that stand in long-term memory, and those in mid-term memory whatever their place.
FACTS = (Kind.KNOWLEDGE, Kind.TRAIT)
GATHERED = (Kind.PAGE, Kind.SEGMENT)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What is looked for. ``span`` is the time that the question names; ``open`` asks also for what has ended."""

    owner: Owner
    depth: int
    kinds: frozenset[Kind] = frozenset(Kind)
    tiers: frozenset[Tier] = frozenset(Tier)
    excluded: Sequence[str] = field(default=())
    as_of: float | None = None
    span: Stretch | None = None
    ended: bool = False

    def wants(self, kind: Kind, place: str = "") -> bool:
        """Whether an item of this kind, a turn at this place, stands in one of the tiers, and is of the kinds."""
        if kind not in self.kinds:
            return False
        if kind in FACTS:
            return Tier.LONG in self.tiers
        return (Tier.SHORT if kind is Kind.TURN and place == IN_STM else Tier.MID) in self.tiers

    def searches(self, words: SparseVector, dense: Sequence[float]) -> dict[str, Search]:
        """The searches by the names of their lists. IDF is taken over the owner's turns throughout.

        A list with "then" in its name holds turns of the time asked about, which others may push out of the rest.
        """
        corpus = Where(self.owner, kinds=(Kind.TURN.value,))
        searches: dict[str, Search] = {}
        if (turns := self._turns(corpus)) is not None:
            searches["window"] = Search(turns, self.depth, sparse=words, using="window", corpus=corpus)
            searches["own"] = Search(turns, self.depth, sparse=words, using="turn", corpus=corpus)
            searches["dense"] = Search(turns, self.depth, dense=dense)
            if self.span is not None:
                last = self.span[1] + GRACE_DAYS * 86400
                then = replace(
                    turns,
                    at_least={"timestamp": self.span[0]},
                    at_most={"timestamp": last if self.as_of is None else min(last, self.as_of)},
                )
                searches["window then"] = replace(searches["window"], where=then)
                searches["dense then"] = replace(searches["dense"], where=then)
        if (distilled := self._distilled()) is not None:
            searches["distilled own"] = Search(distilled, self.depth // 2, sparse=words, using="turn", corpus=corpus)
            searches["distilled dense"] = Search(distilled, self.depth // 2, dense=dense)
        if not any(dense):  # nothing to compare with
            searches = {name: search for name, search in searches.items() if search.dense is None}
        return searches

    def _turns(self, all_turns: Where) -> Where | None:
        short, mid = self.wants(Kind.TURN, IN_STM), self.wants(Kind.TURN)
        if not (short or mid):
            return None
        return replace(
            all_turns,
            equals={} if mid else {"place": IN_STM},
            differs={} if short else {"place": IN_STM},
            without=tuple(self.owner.derive("turn", event_id) for event_id in self.excluded),
            at_most={} if self.as_of is None else {"timestamp": self.as_of},
        )

    def _distilled(self) -> Where | None:
        kinds = tuple(sorted(kind.value for kind in (*FACTS, *GATHERED) if self.wants(kind)))
        if not kinds:
            return None
        if self.as_of is not None:
            return Where(self.owner, kinds=kinds, at_most={"created_at": self.as_of})
        return Where(self.owner, kinds=kinds, equals={} if self.ended else {"valid_to": None})
