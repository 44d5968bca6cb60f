"""The formulas of retrieval, in one place.

A turn is scored as a weighted sum of signals, each 0 to 1 (a plain weighted fusion of normalised scores: Bruch,
Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", 2023):

    score = window·BM25(turn with its neighbours) + own·BM25(turn) + dense·cos(turn after its predecessor)
          + speaker·(the question names the speaker) + time·(the turn lies in the time asked about)

BM25 and cosine are divided by the best value that this question reached. The neighbours' terms count in part,
fading with distance, as fields do in BM25F (Robertson, Zaragoza and Taylor, "Simple BM25 Extension to
Multiple Weighted Fields", 2004): an answer often shares no word with its question, but the turn before it does.
Distilled items (facts, pages, segments) are scored from their own text and then placed among the turns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot

from memoryos_tasks.core.events import Role
from memoryos_tasks.core.items import Recalled
from memoryos_tasks.core.text import content_words

#: How much the terms of a turn at this distance count in a turn's window; 0 is the turn itself.
WINDOW = {-2: 0.4, -1: 0.7, 0: 1.0, 1: 0.7, 2: 0.4}
#: How many turns on either side a window reaches.
RADIUS = 2
#: How many earlier events of a session an index call needs: those to refresh and what they see themselves.
BEFORE = 2 * RADIUS
#: Turns of one session further apart than this are not neighbours, in seconds.
NEIGHBOUR_GAP = 6 * 3600.0
#: The fixed average lengths, in terms, of a turn and of a window (a turn times the sum of WINDOW).
TURN_LENGTH, WINDOW_LENGTH = 10.0, 30.0
#: The fewest hits that each signal is asked for; those below count with the last hit's score.
DEPTH = 16
#: Characters of a question that are looked at.
MOST_ASKED = 4_000
#: Facts take at most this share of the places; pages and segments take only places that turns leave free.
FACT_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class Formula:
    """The weights, which hold for the embedder that they were calibrated with."""

    window: float = 1.0
    own: float = 0.3
    dense: float = 0.5
    speaker: float = 0.5
    time: float = 1.0
    #: How much of the turn before goes into a turn's dense vector.
    predecessor: float = 0.6


FORMULAS: Mapping[str, Formula] = {"static:wordllama-256": Formula()}


def formula_for(embedder: str) -> Formula:
    """The formula calibrated for this embedder, or the default one."""
    return FORMULAS.get(embedder, Formula())


def depth_for(limit: int) -> int:
    """How many hits each signal of turns is asked for where so many items are wanted."""
    return max(DEPTH, limit + limit // 2)


def neighbours(a_time: float, b_time: float) -> bool:
    """Whether two consecutive turns of a session belong to one exchange."""
    return abs(a_time - b_time) <= NEIGHBOUR_GAP


def window_counts(turns: Sequence[tuple[Sequence[str], float]], at: int) -> dict[str, float]:
    """Term counts of the turn ``at`` with its neighbours; ``turns``: (terms, timestamp) of one session in order."""
    counts: dict[str, float] = dict.fromkeys(turns[at][0], 0.0)
    for term in turns[at][0]:
        counts[term] += WINDOW[0]
    for step in (-1, 1):
        place = at + step
        while abs(place - at) <= RADIUS and 0 <= place < len(turns):
            if not neighbours(turns[place - step][1], turns[place][1]):
                break
            for term in turns[place][0]:
                counts[term] = counts.get(term, 0.0) + WINDOW[place - at]
            place += step
    return counts


def dense_text(text: str) -> str:
    """What is embedded of a stored text: averaging word vectors, function words only blur."""
    return " ".join(content_words(text)) or text


def dense_question(question: str) -> str:
    """What is embedded of a question: without names, which say who is asked about but not what.

    Names are the words written Like This; a question of nothing else is embedded whole.
    """
    words = content_words(question)
    plain = [word for word in words if not (word[:1].isupper() and word[1:].islower())]
    return " ".join(plain) or dense_text(question)


def blend(own: Sequence[float], before: Sequence[float] | None, share: float) -> list[float]:
    """The unit vector of ``own + share·before``."""
    mixed = list(own) if before is None else [a + share * b for a, b in zip(own, before, strict=True)]
    norm = hypot(*mixed)
    return [value / norm for value in mixed] if norm else mixed


_ME = re.compile(r"\b(?:i|me|my|mine|myself)\b|[我咱俺]", re.IGNORECASE)
_YOU = re.compile(r"\b(?:you|your|yours|yourself)\b|[你您]", re.IGNORECASE)


def speaks(question: str, name: str | None, role: Role | None) -> bool:
    """Whether the question is about what this speaker says: it names them, or says only "I" or only "you".

    A name counts whole or by its first word ("Joanna" for "Joanna Smith"). What a question without "you" asks of
    a talk without names, the user told: the assistant has nothing of its own to tell.
    """
    if name:
        first = name.split()[0] if name.split() else name
        for said in {name, first}:
            bounded = rf"(?<!\w){re.escape(said)}(?![^\W_])" if said.isascii() else re.escape(said)
            if re.search(bounded, question, re.IGNORECASE):
                return True
    me, you = bool(_ME.search(question)), bool(_YOU.search(question))
    return (role == "user" and not you and (me or not name)) or (role == "assistant" and you and not me)


class Signal:
    """One ranked list of scores, divided by its best: ``shares``. Ids that are not in it get ``floor``."""

    __slots__ = ("floor", "shares")

    def __init__(
        self, raw: Mapping[str, float], *, best: float, full: bool, beside: Mapping[str, float] | None = None
    ) -> None:
        best = max(best, 1e-9)
        #: ``beside`` are scores of ids that did not come into the list.
        every = {**beside, **raw} if beside else raw
        self.shares = {id: score / best if score > 0.0 else 0.0 for id, score in every.items()}
        #: A list that was cut says only that the others are not better than its last.
        self.floor = max(0.0, min(raw.values(), default=0.0)) / best if full else 0.0

    def __getitem__(self, id: str) -> float:
        return self.shares.get(id, self.floor)


def placed(
    turns: Sequence[Recalled], facts: Sequence[Recalled], rest: Sequence[Recalled], limit: int
) -> list[Recalled]:
    """One ranking of turns with what was distilled from them, best first, at most ``limit`` items.

    A fact stands no lower than the best of the turns that it comes from, just before it. Pages and segments
    fill places that are left, and only those that hold something not shown already.
    """
    chosen = best_first(lifted(facts, turns))[: fact_room(limit, len(turns))]
    ranked = sorted([*chosen, *best_first(turns)], key=lambda item: -item.score)[:limit]  # stable: facts first
    shown = {source for item in ranked for source in item.sources}
    lowest = ranked[-1].score if ranked else float("inf")
    for item in best_first(rest):
        if len(ranked) == limit:
            break
        if not item.sources or not shown.issuperset(item.sources):
            ranked.append(item._replace(score=min(item.score, lowest)))
            shown.update(item.sources)
    return ranked


def lifted(facts: Sequence[Recalled], turns: Sequence[Recalled]) -> list[Recalled]:
    """The facts, each with no less than the score of the best of the turns that it comes from."""
    by_event = {source: turn.score for turn in turns for source in turn.sources}
    scores = [max((by_event.get(source, 0.0) for source in fact.sources), default=0.0) for fact in facts]
    pairs = zip(facts, scores, strict=True)
    return [fact if score <= fact.score else fact._replace(score=score) for fact, score in pairs]


def fact_room(limit: int, turns: int) -> int:
    """How many of ``limit`` places facts may take beside so many turns."""
    return max(int(limit * FACT_SHARE), limit - turns)


def best_first(items: Sequence[Recalled]) -> list[Recalled]:
    """By score; of equals the newest first."""
    return sorted(items, key=lambda item: (-item.score, -item.created_at, item.id))
