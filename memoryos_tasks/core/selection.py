"""What of a ranking is shown: nothing twice, no exchange alone, no more than fits."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from memoryos_tasks.core.items import Kind, Recalled
from memoryos_tasks.core.retrieval import NEIGHBOUR_GAP
from memoryos_tasks.core.tokens import estimate

#: One exchange (turns of one session within ``NEIGHBOUR_GAP``) takes at most this share of the places, but may
#: always take three.
EXCHANGE_SHARE, EXCHANGE_LEAST = 0.8, 3
#: Candidates left out that are told about, at most.
MOST_LEFT_OUT = 100
#: Characters of a text that are compared.
COMPARED = 2_000

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[?？]")
_FILLERS = frozenset((
    "a", "an", "the", "oh", "ah", "hey", "hi", "well", "so", "too", "very", "really", "also", "just", "then", "and",
    "but", "please", "ok", "okay",
))
_PARTICLES = str.maketrans("？’", "?'", "的了啊呀哦嗯嘛吧呢就也很太真")


class Reason(StrEnum):
    """Why a candidate is not among the results."""

    DUPLICATE = "duplicate"
    EXCHANGE = "exchange"
    BUDGET = "budget"
    LIMIT = "limit"
    SUPERSEDED = "superseded"
    TIER = "tier"
    EXCLUDED = "excluded"


class LeftOut(NamedTuple):
    """A candidate that was found and is not shown. ``score`` is None where none was reckoned."""

    id: str
    kind: Kind
    reason: Reason
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a search gives: the items, best first, and a bounded list of what was left out, if that was asked for.

    ``over`` are the ids of what newer words of the user have replaced, for this question.
    """

    items: Sequence[Recalled]
    left_out: Sequence[LeftOut] = ()
    over: Collection[str] = ()


def said(text: str) -> tuple[str, ...]:
    """The words that tell a text from another: near-identical texts have the same, in the same order.

    Case, punctuation and fillers do not count; a question mark does, and so does every negation and person.
    """
    words = _WORD.findall(text[:COMPARED].lower().translate(_PARTICLES))
    return tuple(word for word in words if word not in _FILLERS)


def chosen(
    ranked: Sequence[Recalled], limit: int, opened: Callable[[Recalled], Recalled]
) -> tuple[list[Recalled], list[LeftOut]]:
    """At most ``limit`` of these, best first: the better of two near-identical ones, and exchanges within their share.

    Only what has a chance is ``opened``. Places that nothing else wants go to what exceeded the share.
    """
    taken: list[Recalled] = []
    crowded: list[Recalled] = []
    out: list[LeftOut] = []
    seen: set[object] = set()
    exchanges: Counter[tuple[str, int]] = Counter()
    most = max(EXCHANGE_LEAST, math.ceil(limit * EXCHANGE_SHARE))
    for place, sealed in enumerate(ranked):
        if len(taken) == limit:
            out += [left_out(item, Reason.LIMIT) for item in ranked[place:]]
            break
        item = opened(sealed)
        words = (item.kind, item.role, item.name, said(item.content))
        exchange = (item.session, int(item.created_at // NEIGHBOUR_GAP))
        if words in seen:
            out.append(left_out(item, Reason.DUPLICATE))
        elif item.kind is Kind.TURN and exchanges[exchange] == most:
            seen.add(words)
            crowded.append(item)
        else:
            seen.add(words)
            exchanges[exchange] += 1
            taken.append(item)
    room = limit - len(taken)
    taken = sorted([*taken, *crowded[:room]], key=lambda item: -item.score)
    return taken, [left_out(item, Reason.EXCHANGE) for item in crowded[room:]] + out


def fitting(items: Iterable[Recalled], budget: int) -> tuple[list[Recalled], list[LeftOut]]:
    """The items, best first, that together cost at most ``budget`` tokens; one that does not fit is left out whole."""
    kept: list[Recalled] = []
    out: list[LeftOut] = []
    left = budget
    for item in items:
        cost = estimate(item.content)
        if cost <= left:
            kept.append(item)
            left -= cost
        else:
            out.append(left_out(item, Reason.BUDGET))
    return kept, out


def left_out(item: Recalled, reason: Reason) -> LeftOut:
    """This item as one that is not shown."""
    return LeftOut(item.id, item.kind, reason, item.score)
