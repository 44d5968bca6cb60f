"""What contradicts what: new facts against the facts that are believed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from memoryos_tasks.core.claims import USER
from memoryos_tasks.core.doings import replaces, verb_of
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Fact
from memoryos_tasks.core.validity import agree, alike, animal, base, covers, family, former, is_former, same

#: Attributes that cannot hold the same value of one subject at the same time.
_OPPOSITES = {"likes": ("dislikes", "avoids"), "dislikes": ("likes",), "avoids": ("likes",)}
#: What ends with the old value of a slot when both were said in one breath: who changes trades leaves the employer.
_DEPENDS = {"occupation": "employer"}
#: Whose names are of the past once the user is alone.
PARTNERS = ("girlfriend", "boyfriend", "partner", "wife", "husband", "fiance", "spouse")
ALONE = ("single", "divorced", "separated", "widowed", "单身", "离婚", "丧偶")
MARRIED = ("married", "已婚")
#: What who keeps to a diet does not eat: the diet ends with eating it again.
_MEAT = "meat|chicken|beef|pork|lamb|bacon|steak|fish|seafood|肉|荤|鸡|牛肉|猪肉|羊肉|鱼|海鲜"
_WITHOUT = {
    "vegetarian": _MEAT, "pescatarian": "meat|chicken|beef|pork|lamb|bacon|steak", "素食": _MEAT,
    "vegan": _MEAT + "|dairy|cheese|milk|eggs?|butter", "plant-based": _MEAT, "plant based": _MEAT,
}  # fmt: skip
#: Most that a fact is believed, however often it is told.
MOST_SURE = 0.99


@dataclass(frozen=True, slots=True)
class Changes:
    """What to write so that the new facts are believed.

    ``to_insert`` are facts to add as they stand: one that is already outdated carries its ``valid_to`` and
    ``superseded_by``. ``to_supersede`` are pairs (id of a stored fact, id of the fact that replaces it); the old one's
    ``valid_to`` becomes the new one's ``valid_from``. ``to_update`` are stored facts that gained sources.
    ``ended`` are all facts that these changes end, each with its end.
    """

    to_insert: tuple[Fact, ...] = ()
    to_supersede: tuple[tuple[str, str], ...] = ()
    to_update: tuple[Fact, ...] = ()
    ended: tuple[Fact, ...] = ()


def fact_id(owner: Owner, fact: Fact) -> str:
    """The id of a fact: the same slot and value from the same first source give the same id."""
    first = fact.sources[0] if fact.sources else ""
    return owner.derive("fact", fact.subject, fact.attribute, same(fact.value), first)


def resolve(owner: Owner, existing: Iterable[Fact], new: Iterable[Fact]) -> Changes:
    """What ``new`` changes among the ``existing`` facts of ``owner``; facts without an id get one.

    The order is that of ``valid_from``, so an older message that arrives late becomes history and supersedes nothing.
    Resolving the same facts again changes nothing.
    """
    told = [fact if fact.id else replace(fact, id=fact_id(owner, fact)) for fact in new]
    board = _Board(existing, told)
    for fact in sorted(told, key=lambda fact: fact.valid_from):
        board.take(fact)
    return board.changes()


def concerned(fact: Fact) -> list[tuple[str, str]]:
    """The slots whose facts this one can end."""
    mine = [(fact.subject, fact.attribute)]
    if fact.attribute == former("avoids"):
        mine.append((fact.subject, "diet"))
    if fact.subject != USER:
        return mine
    if fact.attribute == former("pet"):
        mine.append((animal(fact.value), "name"))
    if fact.attribute == "relationship status" and fact.value in (*ALONE, *MARRIED):
        mine += [(partner, "name") for partner in PARTNERS]
    return mine


def clash(older: Fact, newer: Fact) -> bool:
    """Whether the newer ends the older, given that they are not the same belief."""
    about_user = newer.subject == USER
    alone = about_user and newer.attribute == "relationship status"
    if alone and older.subject in PARTNERS and older.attribute == "name":
        ends = ALONE if older.subject in ("wife", "husband", "spouse") else (*ALONE, *MARRIED)
        return newer.value in ends and not _in_one_breath(older, newer) and not set(older.sources) & set(newer.sources)
    if same(older.subject) != same(newer.subject):
        # What was known of an animal ends with the animal.
        return about_user and newer.attribute == former("pet") and animal(newer.value) == older.subject
    if newer.attribute == former("avoids") and older.attribute == "diet":
        eaten = _WITHOUT.get(older.value.casefold(), "")
        return bool(eaten) and re.fullmatch(rf"(?:{eaten})\w*", newer.value.casefold()) is not None
    if newer.attribute == former(older.attribute):
        alive = newer.attribute == former("pet") and animal(newer.value) == animal(older.value)
        return alive or covers(newer.value, older.value)
    if is_former(older.attribute) and _in_one_breath(older, newer):
        return True
    if older.attribute == former(newer.attribute):
        return not newer.many or covers(older.value, newer.value)
    if newer.attribute in _OPPOSITES.get(older.attribute, ()):
        return alike(older.value, newer.value)
    if older.attribute == newer.attribute == "prefers":
        return older.value != newer.value and sorted(older.value.split()) == sorted(newer.value.split())
    if replaces(newer.attribute):
        return verb_of(older.attribute) == verb_of(newer.attribute)
    return same(older.attribute) == same(newer.attribute) and not (older.many or newer.many)


def _in_one_breath(older: Fact, newer: Fact) -> bool:
    """Whether one message says what is over and what has its place."""
    related = family(older.attribute) == family(newer.attribute) and not is_former(newer.attribute)
    return related and bool(set(older.sources) & set(newer.sources))


class _Board:
    """The believed facts while new ones are laid over them, and what that changed."""

    def __init__(self, existing: Iterable[Fact], told: Sequence[Fact]) -> None:
        stored = list(existing)
        self._told = told
        self._stored = {fact.id for fact in stored}
        self._facts = {fact.id: fact for fact in stored}
        self._added: list[str] = []
        self._replaced: list[tuple[str, str]] = []
        self._grown: list[str] = []
        self._over: list[str] = []

    def take(self, fact: Fact) -> None:
        if fact.id in self._facts:
            return
        believed = [known for known in self._facts.values() if _stands(known, fact.valid_from)]
        twin = next((known for known in believed if agree(known, fact)), None)
        if twin is not None:
            self._merge(twin, fact)
            return
        newer = [known for known in believed if known.valid_from > fact.valid_from and clash(fact, known)]
        if newer:
            winner = min(newer, key=lambda known: known.valid_from)
            fact = replace(fact, valid_to=winner.valid_from, superseded_by=winner.id)
            self._over.append(fact.id)
        self._facts[fact.id] = fact
        self._added.append(fact.id)
        for old in believed:
            if old.valid_from <= fact.valid_from and clash(old, fact):
                self._end(old, fact)
                for bound in self._dependents(old, fact, believed):
                    self._end(bound, fact)

    def _dependents(self, old: Fact, new: Fact, believed: Sequence[Fact]) -> list[Fact]:
        attribute = _DEPENDS.get(base(old.attribute))
        kept = any(one.attribute == attribute and set(one.sources) & set(new.sources) for one in self._told)
        if attribute is None or kept:
            return []
        return [
            known for known in believed
            if known.attribute == attribute and known.subject == old.subject and set(known.sources) & set(old.sources)
        ]  # fmt: skip

    def _merge(self, known: Fact, fact: Fact) -> None:
        extra = tuple(source for source in fact.sources if source not in known.sources)
        if not extra:
            return
        sure = min(MOST_SURE, 1.0 - (1.0 - known.confidence) * (1.0 - fact.confidence))
        sure = max(sure, known.confidence)
        self._facts[known.id] = replace(known, sources=known.sources + extra, confidence=sure)
        if known.id in self._stored and known.id not in self._grown:
            self._grown.append(known.id)

    def _end(self, old: Fact, new: Fact) -> None:
        self._facts[old.id] = replace(old, valid_to=new.valid_from, superseded_by=new.id)
        self._over.append(old.id)
        if old.id in self._stored:
            self._replaced.append((old.id, new.id))

    def changes(self) -> Changes:
        return Changes(
            to_insert=tuple(self._facts[id] for id in self._added),
            to_supersede=tuple(self._replaced),
            to_update=tuple(self._facts[id] for id in self._grown),
            ended=tuple(self._facts[id] for id in dict.fromkeys(self._over)),
        )


def _stands(known: Fact, at: float) -> bool:
    """Whether a fact is believed: not replaced, and its own end, if it has one, is still to come."""
    return known.superseded_by is None and (known.valid_to is None or known.valid_to > max(at, known.valid_from))
