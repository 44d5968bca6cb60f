"""What contradicts what: new facts against the facts that are believed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Fact

#: Attributes that cannot hold the same value of one subject at the same time.
_OPPOSITES = {"likes": "dislikes", "dislikes": "likes"}


@dataclass(frozen=True, slots=True)
class Changes:
    """What to write so that the new facts are believed.

    ``to_insert`` are facts to add as they stand: one that is already outdated carries its ``valid_to`` and
    ``superseded_by``. ``to_supersede`` are pairs (id of a stored fact, id of the fact that replaces it); the old one's
    ``valid_to`` becomes the new one's ``valid_from``. ``to_update`` are stored facts that gained sources.
    """

    to_insert: tuple[Fact, ...] = ()
    to_supersede: tuple[tuple[str, str], ...] = ()
    to_update: tuple[Fact, ...] = ()


def same(text: str) -> str:
    """The form in which two subjects, attributes or values are compared: width, case and spaces do not count."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def fact_id(owner: Owner, fact: Fact) -> str:
    """The id of a fact: the same slot and value from the same first source give the same id."""
    first = fact.sources[0] if fact.sources else ""
    return owner.derive("fact", fact.subject, fact.attribute, same(fact.value), first)


def resolve(owner: Owner, existing: Iterable[Fact], new: Iterable[Fact]) -> Changes:
    """What ``new`` changes among the ``existing`` facts of ``owner``; facts without an id get one.

    The order is that of ``valid_from``, so an older message that arrives late becomes history and supersedes nothing.
    Resolving the same facts again changes nothing.
    """
    board = _Board(existing)
    for fact in sorted(new, key=lambda fact: fact.valid_from):
        board.take(fact if fact.id else replace(fact, id=fact_id(owner, fact)))
    return board.changes()


def _contradicts(one: Fact, other: Fact) -> bool:
    """Whether both cannot be believed at once, given that they are not the same belief."""
    if same(one.subject) != same(other.subject):
        return False
    if _OPPOSITES.get(one.attribute) == other.attribute:
        return same(one.value) == same(other.value)
    return same(one.attribute) == same(other.attribute) and not (one.many or other.many)


def _agrees(one: Fact, other: Fact) -> bool:
    return all(
        same(a) == same(b)
        for a, b in ((one.subject, other.subject), (one.attribute, other.attribute), (one.value, other.value))
    )


class _Board:
    """The believed facts while new ones are laid over them, and what that changed."""

    def __init__(self, existing: Iterable[Fact]) -> None:
        stored = list(existing)
        self._stored = {fact.id for fact in stored}
        self._facts = {fact.id: fact for fact in stored}
        self._added: list[str] = []
        self._replaced: list[tuple[str, str]] = []
        self._grown: list[str] = []

    def take(self, fact: Fact) -> None:
        if fact.id in self._facts:
            return
        believed = [known for known in self._facts.values() if known.valid_to is None]
        twin = next((known for known in believed if _agrees(known, fact)), None)
        if twin is not None:
            self._merge(twin, fact.sources)
            return
        rivals = [known for known in believed if _contradicts(known, fact)]
        newer = [known for known in rivals if known.valid_from > fact.valid_from]
        if newer:
            winner = min(newer, key=lambda known: known.valid_from)
            fact = replace(fact, valid_to=winner.valid_from, superseded_by=winner.id)
        self._facts[fact.id] = fact
        self._added.append(fact.id)
        for old in rivals:
            if old.valid_from <= fact.valid_from:
                self._end(old, fact)

    def _merge(self, known: Fact, sources: Sequence[str]) -> None:
        extra = tuple(source for source in sources if source not in known.sources)
        if not extra:
            return
        self._facts[known.id] = replace(known, sources=known.sources + extra)
        if known.id in self._stored and known.id not in self._grown:
            self._grown.append(known.id)

    def _end(self, old: Fact, new: Fact) -> None:
        self._facts[old.id] = replace(old, valid_to=new.valid_from, superseded_by=new.id)
        if old.id in self._stored:
            self._replaced.append((old.id, new.id))

    def changes(self) -> Changes:
        return Changes(
            to_insert=tuple(self._facts[id] for id in self._added),
            to_supersede=tuple(self._replaced),
            to_update=tuple(self._facts[id] for id in self._grown),
        )
