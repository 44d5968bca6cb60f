"""What one message tells of what a question seeks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from memoryos_tasks.core.change_words import (
    BEGINS,
    CHANGE,
    CORRECTS,
    LASTS,
    LATELY,
    MORE,
    NOW,
    PASSING,
    POINTS,
    STOPS,
    TASTE,
    TODAY,
)
from memoryos_tasks.core.sought import Sought
from memoryos_tasks.core.speaking import Clause, Of, clauses
from memoryos_tasks.core.statements import MAX_TEXT
from memoryos_tasks.core.text import content, terms
from memoryos_tasks.core.value_kinds import LISTED, LOOSE, TELLING, has_value, values_of

#: A thing that is another now: "my editor is Neovim".
_IS = re.compile(
    r"^(?:my|our) [\w' -]{1,40}? (?:is|are|was|were|will be|has been)\b|是|换成|改成|叫|变成", re.IGNORECASE
)
#: What is beside a thing and not the thing: the birthday party is not the birthday.
_BESIDE = re.compile(
    r"\b\w+ (?:party|dinner|cake|gift|present|bag|seat|session|prep|card|photos?|playlist)\b|生日(?:派对|聚会|蛋糕"
    r"|礼物|会)",
    re.IGNORECASE,
)
_THAT = re.compile(r"\b(?:that|the old|the previous) (\w+)", re.IGNORECASE)
#: What somebody changes.
_CHANGED = re.compile(
    r"\b(?:chang|switch|mov|replac|cancel|cancell|swapp|upgrad|renew|dropp)\w+ (?:my|our|the) ([\w' -]{2,30})"
    r"|把([^，,]{1,10}?)(?:换|改|搬|退|停)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the user, at seconds since the epoch."""

    id: str
    text: str
    at: float
    #: Whether a fact of the asked slot comes from it, and whether it is the only one that the slot can hold.
    known: bool = False
    known_alone: bool = False
    #: Its place among messages of the same time.
    seq: int = 0

    @property
    def order(self) -> tuple[float, int]:
        """What a later message has more of."""
        return self.at, self.seq


@dataclass(frozen=True, slots=True)
class Told:
    """What a message says of who is asked about."""

    said: Said
    #: Values of the kind that is sought, and those of what is no passing state.
    values: frozenset[str]
    lasting: frozenset[str]
    #: The terms of the question that it shares, its telling words, and those of the sentences that tell a change.
    shared: frozenset[str]
    words: frozenset[str]
    turned: frozenset[str]
    #: Of the terms that it shares, those of the sentences that tell what is so by now.
    now: frozenset[str]
    #: Whether it is about the matter, and says anything that is no passing state.
    about: bool
    #: Whether it says so in words, not by a value alone.
    in_words: bool
    stays: bool
    #: Whether it tells a change; whether somebody makes it, rather than some thing beside; whether it puts right.
    changes: bool
    acts: bool
    corrects: bool
    #: Whether it only ends something, and begins nothing.
    stops: bool
    #: Whether it says what is so lately, points back at what was told, or adds to it.
    lately: bool
    #: Whether the author speaks of themselves in it, or of a thing of theirs.
    own: bool
    points: bool
    more: bool


def told(wanted: Sought, said: Said) -> Told | None:
    """What the message tells; None where it asserts nothing of who is asked about."""
    heard = said.text[:MAX_TEXT]
    if not said.known and not _may_tell(wanted, heard):
        return None
    corrects = CORRECTS.found(heard)
    spoken = _spoken(wanted, heard, corrects=corrects)
    if not spoken:
        return None
    lasting = spoken if corrects else _lasting(spoken, weekdays=wanted.kind in ("day", "date"))
    text, fresh = _joined(spoken), _joined(lasting)
    whole = heard if corrects else text
    values = _values(wanted, text)
    turning = {each.sentence for each in lasting if _acts(wanted, each) or CORRECTS.found(each.text)}
    by_now = {each.sentence for each in lasting if NOW.found(each.text)}
    in_words = _about(wanted, text)
    tells_by_value = wanted.kind in TELLING or bool(wanted.people)
    return Told(
        said,
        values=values,
        lasting=_values(wanted, fresh),
        shared=wanted.anchors & frozenset(terms(_BESIDE.sub(" ", whole))),
        words=frozenset(content(whole)),
        turned=frozenset(content(_joined([each for each in spoken if each.sentence in turning]))),
        now=wanted.anchors & frozenset(terms(_joined([each for each in spoken if each.sentence in by_now]))),
        about=said.known or in_words or (bool(values) and tells_by_value),
        in_words=in_words,
        stays=bool(fresh),
        changes=said.known_alone or (CHANGE.found(fresh) and _of_matter(wanted, fresh)),
        acts=said.known_alone or _changing(wanted, lasting),
        corrects=corrects,
        stops=STOPS.found(fresh) and not BEGINS.found(fresh),
        lately=LATELY.found(fresh),
        own=any(each.of not in (Of.THEY, Of.MINE) or _IS.search(each.text) for each in lasting),
        points=POINTS.found(fresh) or any(_about(wanted, word) for word in _THAT.findall(fresh)),
        more=MORE.found(fresh),
    )


def _joined(spoken: Sequence[Clause]) -> str:
    return ". ".join(each.text for each in spoken)


def _values(wanted: Sought, text: str) -> frozenset[str]:
    return values_of(wanted.kind, text) - frozenset(wanted.people) if wanted.kind else frozenset()


def _may_tell(wanted: Sought, text: str) -> bool:
    """A quick look: most messages need not be taken apart."""
    if wanted.kind and wanted.kind not in LOOSE | LISTED and not has_value(wanted.kind, text):
        return False
    return wanted.kind in TELLING or _about(wanted, text) or CORRECTS.found(text) or CHANGE.found(text)


def _about(wanted: Sought, text: str) -> bool:
    if wanted.matter is not None:
        return wanted.matter.tells.search(text) is not None
    return not wanted.anchors or not wanted.anchors.isdisjoint(terms(text))


def _of_matter(wanted: Sought, text: str) -> bool:
    return wanted.matter is None or wanted.matter.changes.search(text) is not None


def _spoken(wanted: Sought, text: str, *, corrects: bool) -> list[Clause]:
    """The clauses that speak of who is asked about, or go on about a thing of theirs."""
    found: list[Clause] = []
    for each in clauses(text):
        goes_on = each.of is Of.THEY and bool(found) and found[-1].sentence == each.sentence
        if goes_on or _concerns(wanted, each, text, corrects=corrects):
            found.append(each)
    return found


def _concerns(wanted: Sought, clause: Clause, text: str, *, corrects: bool) -> bool:
    if clause.of is Of.THEY:
        return corrects or _about(wanted, clause.text) or (not wanted.people and TASTE.found(clause.text))
    if not wanted.people:
        return clause.of is not Of.OTHER
    named = _names(wanted, clause.text)
    if wanted.named:
        return named or clause.of is not Of.OTHER
    if clause.of in (Of.ME, Of.MINE):
        own = not clause.text.isascii() or re.match(r"(?:my|our)\b", clause.text, re.IGNORECASE) is not None
        return named and (own or corrects)
    if clause.of is Of.OTHER and clause.who and not _names(wanted, clause.who):
        return named and clause.text.isascii()
    return named or _names(wanted, text)


def _names(wanted: Sought, text: str) -> bool:
    """Whether a text names who is asked about; 姐夫 is not 姐."""
    low = text.casefold()
    return any(
        re.search(rf"\b{re.escape(word)}\b" if word.isascii() else rf"{word}(?![夫妇家])", low) is not None
        for word in wanted.people
    )


def _lasting(spoken: Sequence[Clause], *, weekdays: bool) -> list[Clause]:
    """What is no passing state: a sentence that tells of one day or of a trial counts only if it tells a change.

    ``weekdays`` says that they are what is asked for, and tell no single day.
    """
    sentences: dict[int, list[Clause]] = {}
    for each in spoken:
        sentences.setdefault(each.sentence, []).append(each)
    kept: list[Clause] = []
    for parts in sentences.values():
        text = ", ".join(each.text for each in parts)
        turns = CHANGE.found(text) or CORRECTS.found(text) or LASTS.found(text)
        of_things = all(each.of is Of.THEY for each in parts)
        if PASSING.found(text) or (not turns and (of_things or (not weekdays and TODAY.found(text)))):
            continue
        kept += parts
    return kept


def _changing(wanted: Sought, lasting: Sequence[Clause]) -> bool:
    """Whether somebody changes something: in one clause, or in one and what is so now in the next."""
    if any(_acts(wanted, each) for each in lasting):
        return True
    turned = {each.sentence for each in lasting if each.of is Of.THEY and CHANGE.found(each.text)}
    return any(each.of is Of.ME and each.sentence in turned and NOW.found(each.text) for each in lasting)


def _acts(wanted: Sought, clause: Clause) -> bool:
    """Whether somebody changes something in it: what changes about a thing of theirs leaves the thing the same."""
    if not CHANGE.found(clause.text):
        return False
    changed = _CHANGED.search(clause.text)
    if changed and not _about(wanted, changed[1] or changed[2]):
        return False
    if clause.of is Of.MINE and _IS.search(clause.text):
        return True
    return clause.of not in (Of.MINE, Of.THEY) or TASTE.found(clause.text)
