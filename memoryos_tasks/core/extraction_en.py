"""Claims in English sentences.

A sentence is taken apart into clauses; only a clause that begins with its subject ("I ...", "my sister's ...") can
claim something, which keeps "I wish I lived in Rome" and "do you think I am a doctor" out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from memoryos_tasks.core.claims import USER, Claim
from memoryos_tasks.core.rules_en import NOTE, POSSESSIONS, PREDICATES, RELATION, WISH_WORDS, WISHES
from memoryos_tasks.core.trimming_en import lowered
from memoryos_tasks.core.values_en import CLEANERS, things
from memoryos_tasks.core.words_en import SAME_RELATION

_CONTRACTIONS = (
    (re.compile(r"[’`]"), "'"),
    (re.compile(r"\b(?:I'm|im|Im|i'm|I'M)\b"), "I am"),
    (re.compile(r"\b(I|we|you|they)'ve\b", re.IGNORECASE), r"\1 have"),
    (re.compile(r"\bcan(?:'t|not)\b", re.IGNORECASE), "can not"),
    (re.compile(r"(?<=\w)n't\b"), " not"),
    (re.compile(r"\b(name|job|birthday|hometown|he|she|it|that)'s\b(?=\s)", re.IGNORECASE), r"\1 is"),
    (re.compile(r"(\d{1,2}(?:st|nd|rd|th)?), (?=\d{4}\b)"), "\\1\u201a "),
    (
        re.compile(
            r"(\b(?:in|from|to) [A-Z][\w.]+(?: [A-Z][\w.]+)*), (?=[A-Z][\w.]+(?: [A-Z]\w+)?(?:$|[,.]| and "
            r"| now))"
        ),
        "\\1\u201a ",
    ),
)
_CLAUSES = re.compile(
    r"\s*(?:[,，、]\s*(?:and |but |so )?|[;:；：—–]\s*|\s-\s|\b(?:but|because|although|though|while|whereas"
    r"|since(?= (?:I|my)\b)|so(?= (?:I|my)\b))\s"
    r"|(?<!\blove )\band\s+(?=(?:I|I'm|my|we|he|she|it|they|now|then|currently|also|just|live|work|am|love|like|enjoy"
    r"|have|speak|moved|prefers?|(?:dislike|hate|detest|loathe|adore|enjoy|love)s?|can not"
    r"|do not|please|call|own|is|lives|works|likes|has|was|come|from)\b))",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:(?:well|hi there|hi|hello(?: there| everyone| all)?|hey(?: there)?|actually|oh|ok|okay|so|and|also|but"
    r"|plus|yes|yeah|no|nope"
    r"|sorry|btw|by the way|fyi|for the record|just so you know|in fact|to be honest|honestly|correction|i mean"
    r"|now|currently"
    r"|right now|these days|nowadays|at the moment|anyway|basically|personally|because|since|as you know|then"
    r"|in general|thanks"
    r"|i meant(?: to say)?(?: that)?(?= (?:I|my|we)\b)"
    r"|thank you|nice to meet you|good (?:morning|evening|afternoon)|update|today|recently|last (?:week|month"
    r"|year)|yesterday)"
    r"(?:[\s,:!.\-]+|$))+",
    re.IGNORECASE,
)
_TRAIL = re.compile(
    r"(?:,? (?:now|currently|right now|these days|nowadays|at the moment|too|as well|again|today|anymore"
    r"|any more|by the way|btw|though"
    r"|actually|lately|so far|a lot|very much|so much|by profession|by trade|for a living|recently|yesterday"
    r"|last (?:week|month|year|night)|this (?:week|month|year)|(?:since|for) (?:\w+ ){0,3}(?:\d{4}|years?"
    r"|months?|weeks?|decades?)"
    r"|thanks|thank you|please|nice to meet you|in my (?:free|spare) time|on weekends))+$",
    re.IGNORECASE,
)
_ADVERBS = re.compile(
    r"^(?:(?:really|just|also|now|currently|recently|actually|absolutely|still|always|personally|mostly|mainly"
    r"|usually|particularly"
    r"|especially|quite|simply|truly|already|finally|do(?= (?:like|love|enjoy|live|work|speak))"
    r"|have(?= (?:(?:just|recently|now|already"
    r"|always|been) )*(?:moved|relocated|started|joined|adopted|bought|turned|become|living|been|switched|got"
    r"|visited))) )+",
    re.IGNORECASE,
)
_PROGRESSIVE = re.compile(
    r"^(?:am |been )(?:also |now |currently |still |really |just |actually |both )*(?=(working|living|studying"
    r"|residing)\b)",
    re.IGNORECASE,
)
_BASE = {"working": "work", "living": "live", "studying": "study", "residing": "reside"}
_THIRD = {
    "is": "am", "has": "have", "does": "do", "lives": "live", "works": "work", "likes": "like", "loves": "love",
    "hates": "hate", "enjoys": "enjoy", "speaks": "speak", "studies": "study", "plays": "play", "prefers": "prefer",
    "comes": "come", "adores": "adore", "detests": "detest", "loathes": "loathe",
    "owns": "own", "dislikes": "dislike", "drives": "drive", "goes": "go", "attends": "attend",
}  # fmt: skip
#: A clause after which "and live in Rome" is not about what is.
_WISHFUL = re.compile(
    r"^I (?:would|could|might|may|will|should|want|hope|plan|think|dream|wish|need|used|'d|'ll|am (?:going"
    r"|planning|hoping|thinking|sure|certain|afraid|glad|happy)|had"
    r"|(?:was|were)\b|never|do not|can not)", re.IGNORECASE
)  # fmt: skip
_ELIDED = re.compile(
    r"^(?:am|live|living|work|working|(?:love|like|hate|enjoy|detest|loathe|adore|dislike)s?"
    r"(?! (?:my|an?|the|this|that|when|in|for)\b)|have|prefer|can not (?:stand|bear)"
    r"|speak|moved|dislike|do not|own|study|play|come|from|based|married"
    r"|single|is|lives|works|likes|has)\b", re.IGNORECASE
)  # fmt: skip
#: A verb after a comma begins a clause of its own, not one more member of the list before.
_VERB = re.compile(
    r"^(?:(?:hate|dislike|detest|loathe|adore|enjoy|prefer)s?|loves|can not|do not|(?:love|like)(?! song| stor))\b",
    re.IGNORECASE,
)
#: Where a sentence begins to be about the user; without, its clauses have no subject.
_FIRST_PERSON = re.compile(r"\b(?:I|we|my|our)\b", re.IGNORECASE)
#: What no fact may hold: it would stand in every prompt.
_SECRET = re.compile(r"\b(?:password|passcode|pin|cvv|ssn|secret)\b", re.IGNORECASE)


def claims(sentence: str) -> Iterator[Claim]:
    """The claims of one asserted sentence, in order."""
    if _SECRET.search(sentence):
        return
    for pattern, plainer in _CONTRACTIONS:
        sentence = pattern.sub(plainer, sentence)
    reader = _Reader()
    note = NOTE.match(_lead_less(sentence.strip()))
    if note:
        inner = list(claims(note["note"]))
        yield from inner or [Claim(USER, "note", value) for value in CLEANERS["note"](note["note"])]
        return
    wishes, speaks = WISH_WORDS.search(sentence), _FIRST_PERSON.search(sentence)
    if not wishes and not speaks:
        return
    parts = _CLAUSES.split(sentence)
    if wishes:
        yield from _wishes(parts)
    if not speaks:
        return
    for part in parts:
        clause = _lead_less(part.strip())
        if clause:
            yield from reader.read(clause)


def _lead_less(clause: str) -> str:
    return _LEAD.sub("", clause).strip()


def _wishes(clauses: Sequence[str]) -> Iterator[Claim]:
    for clause in clauses:
        text = _TRAIL.sub("", _lead_less(clause).strip(" .!,"))
        for rule in WISHES:
            match = rule.match(text)
            if match:
                yield from _values(USER, "", match)
                break


class _Reader:
    """Reads the clauses of one sentence; it remembers who the last one was about."""

    def __init__(self) -> None:
        self._subject = ""
        self._label = ""
        self._open: Claim | None = None
        self._pending: list[str] = []

    def read(self, clause: str) -> list[Claim]:
        clause = clause.strip(" .!")
        more = self._continued(clause)
        if more is not None:
            return more
        subject, owns, rest, named = self._parse(clause)
        if not subject:
            self._open, self._subject = None, ""
            return []
        found = list(_match(subject, self._label, owns, rest))
        if named:
            found.insert(0, Claim(subject, "name", named, label=self._label))
        self._open = found[-1] if found else None
        self._pending = []
        return found

    def _parse(self, clause: str) -> tuple[str, bool, str, str]:
        """Subject ('' for none), whether the rest is what it owns, the rest, and the name given on the way."""
        first = re.match(r"^(?:I|we(?= (?:live|moved|have|just moved|own|adopted)))\s+(.+)$", clause, re.IGNORECASE)
        if first:
            self._subject, self._label = ("" if _WISHFUL.match(clause) and not _denies(clause) else USER), ""
            return USER, False, first[1], ""
        mine = re.match(r"^(?:my|our)\s+(.+)$", clause, re.IGNORECASE)
        if mine:
            return self._possessed(mine[1])
        other = re.match(r"^(?:he|she|it)\s+(.+)$", clause, re.IGNORECASE)
        if other and self._subject not in ("", USER):
            return self._subject, False, _third(other[1]), ""
        if self._subject and _ELIDED.match(clause):
            if self._subject == USER:
                return USER, False, re.sub(r"^(?=from |based |married|single)", "am ", clause), ""
            return self._subject, False, _third(clause), ""
        return "", False, "", ""

    def _possessed(self, rest: str) -> tuple[str, bool, str, str]:
        match = RELATION.match(rest)
        if not match:
            self._subject, self._label = USER, ""
            return USER, True, re.sub(r"^(.+?) (?:is|was(?= moved))\b", r"\1 am", rest), ""
        word = match["relation"].casefold()
        self._subject, self._label = SAME_RELATION.get(word, word), word
        owns = bool(match["owns"] or match["owns2"])
        tail = re.sub(r"^(.+?) is\b", r"\1 am", match["rest"]) if owns else _third(match["rest"])
        return self._subject, owns, tail, match["name"] or ""

    def _continued(self, clause: str) -> list[Claim] | None:
        """A fragment that goes on with the clause before: an age, an origin, a trade, a member of a list."""
        if self._open is None:
            return None
        if re.fullmatch(r"\d{1,3}(?: years? old| y/?o)?", clause):
            return list(_match(self._subject or USER, self._label, False, f"am {clause}"))
        if re.match(r"(?:an?|the) \w+", clause) and self._open.attribute in ("name", "age", "hometown", "residence"):
            return list(_match(self._subject or USER, self._label, False, f"am {clause}"))
        if _VERB.match(clause):
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


def _third(rest: str) -> str:
    """The predicate with its verb in the base form, as after "I"."""
    word, _, tail = rest.partition(" ")
    return f"{_THIRD.get(word.casefold(), word)} {tail}".strip()


def _match(subject: str, label: str, owns: bool, rest: str) -> Iterator[Claim]:
    rest = _TRAIL.sub("", re.sub(r"^have lived in (.+?) (?:for|since) .+$", r"live in \1", rest))
    if not owns:
        rest = _ADVERBS.sub("", rest)
        rest = _PROGRESSIVE.sub("", rest)
        word, _, tail = rest.partition(" ")
        rest = f"{_BASE.get(word.casefold(), word)} {tail}".strip()
        rest = re.sub(
            r"^am (?:also|now|currently|actually|still|just|originally|really|both"
            r"|only) ",
            "am ",
            rest,
            flags=re.IGNORECASE,
        )
    for rule in POSSESSIONS if owns else PREDICATES:
        match = rule.match(rest)
        found = list(_values(subject, label, match)) if match else []
        if found:
            yield from found
            return


def _values(subject: str, label: str, match: re.Match[str]) -> Iterator[Claim]:
    groups = {name.replace("_", " "): value for name, value in match.groupdict().items() if value}
    what = groups.pop("what", "") or groups.get("pet", "")
    for attribute, raw in groups.items():
        for value in CLEANERS.get(attribute, lowered)(raw):
            yield from _claim(subject, label, attribute, value, what)
        if attribute in ("trade", "bare trade") and not CLEANERS[attribute](raw):
            return


def _claim(subject: str, label: str, attribute: str, value: str, what: str) -> Iterator[Claim]:
    what = " ".join(what.casefold().replace("colour", "color").replace("film", "movie").split())
    if attribute == "thing":
        dated = re.search(r"\d|tomorrow|(?:mon|tues|wednes|thurs|fri|satur|sun)day|next ", value, re.IGNORECASE)
        yield Claim(what, "date" if dated else "kind", value, label=what)
    elif attribute == "pet name":
        animal = what.split()[-1]
        yield Claim(SAME_RELATION.get(animal, animal), "name", value, label=animal)
    elif attribute == "birthday" and re.fullmatch(r"\d{4}", value):
        yield Claim(subject, "birth year", value, label=label)
    else:
        named = {
            "trade": "occupation",
            "bare trade": "occupation",
            "self name": "name",
            "playing": "hobby",
            "personal": what,
            "favorite": f"favorite {what}",
        }
        yield Claim(subject, named.get(attribute, attribute), value, label=label)
