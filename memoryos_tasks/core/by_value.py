"""Statements that name a value and not its slot: "I sold the Honda", "I switched from Vim to Emacs".

What is believed tells the slot. Their facts have the attributes "former *" and "instead of <value>".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from memoryos_tasks.core.items import Fact, Kind
from memoryos_tasks.core.validity import covers, former, is_former, same
from memoryos_tasks.core.wording import sentence
from memoryos_tasks.core.words_zh import RELATION_WORDS

ANY_FORMER = former("*")
_INSTEAD = "instead of "
_HAN = re.compile(r"[\u4e00-\u9fff]")


def instead_of(value: str) -> str:
    """The attribute of a value that takes the place of this one."""
    return _INSTEAD + value


def names_no_slot(attribute: str) -> bool:
    """Whether the attribute tells a value and no slot."""
    return attribute == ANY_FORMER or attribute.startswith(_INSTEAD)


def placed(facts: Sequence[Fact], believed: Iterable[Fact]) -> list[Fact]:
    """The facts with those that name no slot in the slots where the value is believed; without one they say nothing.

    New facts have no id yet.
    """
    board = [fact for fact in believed if fact.superseded_by is None and not is_former(fact.attribute)]
    board += [fact for fact in facts if not names_no_slot(fact.attribute) and not is_former(fact.attribute)]
    result: list[Fact] = []
    for fact in facts:
        result += _placed(fact, board) if names_no_slot(fact.attribute) else [fact]
    return result


def _placed(fact: Fact, board: Sequence[Fact]) -> list[Fact]:
    over = fact.value if fact.attribute == ANY_FORMER else fact.attribute.removeprefix(_INSTEAD)
    held = [known for known in board if known.valid_from <= fact.valid_from and known.id != fact.id]
    meant = [known for known in held if _is_meant(over, known, fact)]
    made: list[Fact] = []
    for known in meant:
        gone = _made(fact, known, former(known.attribute), known.value)
        if known.attribute == "name" and known.subject != fact.subject:
            # An animal called by its name: what is over is the animal.
            pet = replace(known, subject=fact.subject, attribute="pet", value=known.subject)
            made.append(_made(fact, pet, former("pet"), _word(known)))
        elif fact.attribute == ANY_FORMER:
            made.append(gone)
        else:
            made += ([gone] if known.many else []) + [_made(fact, known, known.attribute, fact.value)]
    return made


def _word(known: Fact) -> str:
    return RELATION_WORDS.get(known.subject, known.subject) if _HAN.search(known.text) else known.subject


def _is_meant(over: str, known: Fact, fact: Fact) -> bool:
    mine = same(known.subject) == same(fact.subject)
    if known.attribute == "name":
        return not mine and covers(over, known.value)
    return (mine or known.attribute == "kind") and covers(over, known.value)


def _made(fact: Fact, known: Fact, attribute: str, value: str) -> Fact:
    chinese = bool(_HAN.search(known.text))
    text = sentence(known.subject, attribute, value, chinese=chinese)
    kind = Kind.KNOWLEDGE if is_former(attribute) else known.kind
    many = known.many or is_former(attribute)
    slot = replace(fact, kind=kind, subject=known.subject, attribute=attribute, many=many)
    return replace(slot, value=value, text=text, id="")
