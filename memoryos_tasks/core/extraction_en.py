"""Claims in English sentences.

A sentence is taken apart into clauses; only a clause that begins with its subject ("I ...", "my sister's ...") can
claim something, which keeps "I wish I lived in Rome" and "do you think I am a doctor" out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from memoryos_tasks.core.by_value import ANY_FORMER
from memoryos_tasks.core.claims import USER, Claim
from memoryos_tasks.core.clauses_en import (
    ADVERBS,
    CLAUSES,
    COUPLE,
    ELIDED,
    FIRST_PERSON,
    MINE,
    PASSING,
    PERSON,
    SECRET,
    THERE,
    TRAIL,
    VERB,
    WISHFUL,
    lead_less,
    plainer,
)
from memoryos_tasks.core.endings_en import ENDING_WORDS, LATELY
from memoryos_tasks.core.predicates_en import ended, matched, third, values
from memoryos_tasks.core.rules_en import (
    A_THING,
    CHANGED,
    DIED,
    EVENT_WORDS,
    HAS_CHANGED,
    INVERSE,
    MENTIONS,
    MOVED,
    MOVED_BY,
    NO_MORE,
    NOTE,
    NOTE_WORDS,
    RELATION,
    SET,
    WISH_WORDS,
    WISHES,
)
from memoryos_tasks.core.validity import animal, former, is_former
from memoryos_tasks.core.values_en import CLEANERS, things
from memoryos_tasks.core.words_en import SAME_RELATION
from memoryos_tasks.core.words_zh import ANIMALS


def claims(sentence: str) -> Iterator[Claim]:
    """The claims of one asserted sentence, in order."""
    if SECRET.search(sentence):
        return
    wishes, noted = WISH_WORDS.search(sentence), NOTE_WORDS.search(sentence)
    speaks = FIRST_PERSON.search(sentence) or EVENT_WORDS.search(sentence)
    if not (wishes or speaks or noted):
        return
    sentence = plainer(sentence)
    note = NOTE.match(lead_less(sentence.strip())) if noted else None
    if note:
        inner = list(claims(note["note"]))
        yield from inner or [Claim(USER, "note", value) for value in CLEANERS["note"](note["note"])]
        return
    reader = _Reader(passing=bool(PASSING.search(sentence)))
    parts = CLAUSES.split(sentence)
    if wishes:
        yield from _wishes(parts)
    if not speaks:
        return
    for part in parts:
        clause = lead_less(part.strip())
        if clause:
            yield from reader.read(clause, part)


def _wishes(clauses: Sequence[str]) -> Iterator[Claim]:
    for clause in clauses:
        text = TRAIL.sub("", lead_less(clause).strip(" .!,"))
        for rule in WISHES:
            match = rule.match(text)
            if match:
                yield from values(USER, "", match)
                break


class _Reader:
    """Reads the clauses of one sentence; it remembers who the last one was about."""

    def __init__(self, *, passing: bool) -> None:
        self._passing = passing
        self._subject = ""
        self._label = ""
        self._open: Claim | None = None
        self._pending: list[str] = []
        self._mentioned = ""
        self._changed = ""
        self._left = False

    def read(self, clause: str, said: str) -> list[Claim]:
        """``clause`` without the words before its subject, ``said`` with them."""
        clause = clause.strip(" .!")
        inverse = INVERSE.match(TRAIL.sub("", clause)) if " my " in clause else None
        if inverse:
            clause = f"my {inverse['what']} is {inverse['value']}"
        happened = EVENT_WORDS.search(clause)
        told = (self._moved(clause) or self._died(clause)) if happened else []
        told = told or self._named_before(clause) or self._changing(clause)
        if told:
            return told
        more = self._continued(clause)
        if more is not None:
            return more
        subject, owns, rest, named = self._parse(clause)
        if not subject:
            self._open, self._subject = None, ""
            return []
        over = not owns and ENDING_WORDS.search(rest)
        found = list(ended(subject, self._label, rest, clause)) if over else []
        found = found or list(matched(subject, self._label, owns, rest, said))
        there = THERE.match(rest) if (self._left or self._passing) and not found else None
        if there:  # "I don't live in Boston anymore, I'm in Chicago now"
            attribute = "residence" if self._left else "location"
            place = PASSING.split(there[1])[0]
            found = [Claim(subject, attribute, value, label=self._label) for value in CLEANERS["residence"](place)]
        self._left = self._left or any(claim.attribute == former("residence") for claim in found)
        if not found and not named and " with my " in clause and (couple := COUPLE.search(clause)):
            status = "married" if couple[1] in ("wife", "husband") else "in a relationship"
            found = [Claim(USER, "relationship status", status)]
        if named:
            found.insert(0, Claim(subject, "name", named, label=self._label))
        self._open = found[-1] if found and not is_former(found[-1].attribute) else None
        self._pending = []
        return found

    def _moved(self, clause: str) -> list[Claim]:
        """A thing of the user's with another date."""
        moved = MOVED.match(clause) or MOVED_BY.match(clause) or SET.match(clause)
        return list(values(USER, "", moved)) if moved else []

    def _died(self, clause: str) -> list[Claim]:
        died = DIED.match(clause)
        if died is None or PERSON.match(died["what"]):
            return []
        kind = animal(died["what"].casefold())
        return [Claim(USER, former("pet") if kind in ANIMALS else ANY_FORMER, died["what"])]

    def _named_before(self, clause: str) -> list[Claim]:
        """What a pronoun says of somebody, or of a number or name, that the clause before mentioned."""
        mentioned, changed = self._mentioned, self._changed
        found = MENTIONS.search(clause)
        if found:
            word = found["relation"].casefold()
            self._mentioned, self._changed = SAME_RELATION.get(word, word), ""
        if mentioned:
            called = re.match(
                r"^(?:(?:he|she|it|they) (?:is|are|am) (?:now )?(?:called|named)|(?:his|her|its|their) (?:new )?name"
                r" (?:is|am)(?: now)?|(?:he|she|it) (?:now )?goes by|(?:is )?(?:now )?(?:called"
                r"|named)) (?P<name>.+)$",
                TRAIL.sub("", clause), re.IGNORECASE,
            )  # fmt: skip
            return [Claim(mentioned, "name", name, label=mentioned) for name in CLEANERS["name"](called["name"])
                    ] if called else []
        again = re.match(r"^(?:it|the new one) (?:is"
        r"|am) (?:now )?(?P<value>.+)$", TRAIL.sub("", clause), re.IGNORECASE)
        if changed and again:
            return [*matched(USER, "", True, f"{changed} am {again['value']}")]
        return []

    def _changing(self, clause: str) -> list[Claim]:
        """ "I changed my phone number to ...", or "..., it is ..." in the next clause."""
        gone = NO_MORE.match(clause) if LATELY.search(clause) else None
        if gone:
            self._changed = gone["what"]
            old = matched(USER, "", True, f"{gone['what']} am {gone['old']}")
            return [Claim(one.subject, former(one.attribute), one.value) for one in old]
        mine = MINE.match(clause)
        found = CHANGED.match(TRAIL.sub("", ADVERBS.sub("", mine[1]))) if mine else None
        found = found or HAS_CHANGED.match(TRAIL.sub("", clause))
        self._changed = found["what"] if found else ""
        if found and found["value"]:
            return [*matched(USER, "", True, f"{found['what']} am {found['value']}")]
        return []

    def _parse(self, clause: str) -> tuple[str, bool, str, str]:
        """Subject ('' for none), whether the rest is what it owns, the rest, and the name given on the way."""
        first = re.match(r"^(?:I|we(?= (?:(?:just|recently|finally|have|now) )*(?:live|moved|have|own|adopted"
        r"|relocated|bought|sold"
            r"|no longer|do not|gave|had to|rehomed|renamed|broke up|split|got|drive|changed"
            r"|switched)))\s+(.+)$", clause, re.IGNORECASE)
        if first:
            self._subject, self._label = ("" if WISHFUL.match(clause) and not _denies(clause) else USER), ""
            return USER, False, first[1], ""
        mine = re.match(r"^(?:my|our)\s+(.+)$", clause, re.IGNORECASE)
        if mine:
            return self._possessed(mine[1])
        other = re.match(r"^(?:he|she|it)\s+(.+)$", clause, re.IGNORECASE)
        if other and self._subject not in ("", USER):
            return self._subject, False, third(other[1]), ""
        if self._subject and ELIDED.match(clause):
            if self._subject == USER:
                return USER, False, re.sub(r"^(?=from |based |married|single)", "am ", clause), ""
            return self._subject, False, third(clause), ""
        return "", False, "", ""

    def _possessed(self, rest: str) -> tuple[str, bool, str, str]:
        match = None if A_THING.match(rest) else RELATION.match(rest)
        if not match:
            self._subject, self._label = USER, ""
            return USER, True, re.sub(r"^(.+?) (?:is|was(?= moved))\b", r"\1 am", rest), ""
        word = match["relation"].casefold()
        self._subject, self._label = SAME_RELATION.get(word, word), word
        owns = bool(match["owns"] or match["owns2"])
        tail = re.sub(r"^(.+?) is\b", r"\1 am", match["rest"]) if owns else third(match["rest"])
        return self._subject, owns, tail, match["name"] or ""

    def _continued(self, clause: str) -> list[Claim] | None:
        """A fragment that goes on with the clause before: an age, an origin, a trade, a member of a list."""
        if self._open is None:
            return None
        if re.fullmatch(r"\d{1,3}(?: years? old| y/?o)?", clause):
            return list(matched(self._subject or USER, self._label, False, f"am {clause}"))
        if re.match(r"(?:an?|the) \w+", clause) and self._open.attribute in ("name", "age", "hometown", "residence"):
            return list(matched(self._subject or USER, self._label, False, f"am {clause}"))
        if VERB.match(clause):
            return None
        if self._open.many and self._open.attribute not in ("note", "pet", "bought", "owns", "family"):
            return self._listed(clause)
        return None

    def _listed(self, clause: str) -> list[Claim] | None:
        """Members of a list are believed once its last one ("and jazz") is there."""
        assert self._open is not None
        simple = re.fullmatch(
            r"(?:and |or |& )?[\w'\-]+(?: [\w'\-]+){0,2}(?: (?:and|or"
            r"|&) [\w'\-]+(?: [\w'\-]+){0,2})?",
            clause,
        )
        if not simple or re.search(r"\b(?:I|you|my|me|it|is|are|am|please|thanks|not|can|help|your)\b", clause, re.I):
            return None
        self._pending += things(clause)
        if not re.search(r"(?:^|\s)(?:and|or|&) ", clause):
            return []
        attribute = self._open.attribute
        values = [value for part in self._pending for value in CLEANERS.get(attribute, things)(part)]
        self._pending = []
        return [Claim(self._open.subject, attribute, value, label=self._label) for value in values]


def _denies(clause: str) -> bool:
    return bool(re.match(r"I (?:do not|can not|never) (?:\w+ )?(?:like|love|enjoy|stand|eat|drink)", clause, re.I))
