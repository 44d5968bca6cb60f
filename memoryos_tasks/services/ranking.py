"""Hits of one question to scored items: the formulas of ``core.retrieval`` over what the store found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from heapq import nlargest

from memoryos_tasks.core import retrieval
from memoryos_tasks.core.items import IN_STM, Kind, Recalled, Tier
from memoryos_tasks.core.retrieval import Formula, Signal
from memoryos_tasks.core.when import Stretch, nearness
from memoryos_tasks.ports.vectors import Hit
from memoryos_tasks.services.inquiry import FACTS

#: What the fact that fills the asked slot gets, so that it comes first.
ASKED = 3.0
#: What the newest of several such facts gets besides.
NEWEST = 1.0
#: What the turn gets that tells otherwise than earlier ones: it comes before them all.
CURRENT = 2 * ASKED
#: What the score of a turn is the sum of.
PARTS = ("window", "own", "dense", "speaker", "time", "current")


def scored(
    lists: Mapping[str, Sequence[Hit]],
    query: str,
    *,
    span: Stretch | None,
    depth: int,
    formula: Formula,
    keep: int,
    opened: Callable[[str], str],
    current: str = "",
) -> list[Recalled]:
    """The found items with their scores, texts still sealed: of the turns the best ``keep``, best first; all others.

    ``opened`` opens a speaker's name. ``current`` is the id of the turn that tells what holds now of several.

    ``lists`` are hits by signal, as :class:`Inquiry` names them, and "asked": facts that fill an asked slot.
    ``depth`` is how many hits a list of turns was asked for; half as many of the others.
    """
    speaks = cache(partial(retrieval.speaks, query))
    turns, distilled = _signals(lists, depth)
    window, own, dense = turns["window"], turns["own"], turns["dense"]
    filling = {hit.id: ASKED + NEWEST / (1 + at) for at, hit in enumerate(lists.get("asked", ()))}
    hits = {hit.id: hit for found in lists.values() for hit in found}
    spoken: list[tuple[float, float, str, tuple[float, ...]]] = []
    items = []
    for id, hit in hits.items():
        payload = hit.payload
        if payload["kind"] == Kind.TURN:
            name = payload.get("name")
            amounts = (
                formula.window * window[id],
                formula.own * own[id],
                formula.dense * dense[id],
                formula.speaker * speaks(name and opened(name), payload.get("role")),
                formula.time * nearness(payload["timestamp"], span),
                CURRENT if id == current else 0.0,
            )
            spoken.append((sum(amounts), payload["timestamp"], id, amounts))
        else:  # its own text stands for a window: it has no neighbours
            parts = {
                "own": (formula.window + formula.own) * distilled["own"][id],
                "dense": formula.dense * distilled["dense"][id],
            }
            if id in filling:
                parts["asked"] = filling[id]
            items.append(_recalled(hit, parts, sum(parts.values())))
    best = [
        _recalled(hits[id], dict(zip(PARTS, amounts, strict=True)), score)
        for score, _, id, amounts in nlargest(keep, spoken)
    ]
    return best + items


def _signals(lists: Mapping[str, Sequence[Hit]], depth: int) -> tuple[dict[str, Signal], dict[str, Signal]]:
    """The signals of turns and of distilled items; both are measured by the best of either."""
    raw = {name: {hit.id: hit.score for hit in found} for name, found in lists.items()}

    def signal(name: str, most: int, *peers: str) -> Signal:
        best = max((score for peer in peers for score in raw.get(peer, {}).values()), default=0.0)
        found = raw.get(name, {})
        return Signal(found, best=best, full=len(found) >= most, beside=raw.get(f"{name} then", {}))

    turns = {name: signal(name, depth, name, f"distilled {name}") for name in ("window", "own", "dense")}
    distilled = {name: signal(f"distilled {name}", depth // 2, name, f"distilled {name}") for name in ("own", "dense")}
    return turns, distilled


def _recalled(hit: Hit, parts: dict[str, float], score: float) -> Recalled:
    """The item with its text still sealed."""
    payload, kind = hit.payload, Kind(hit.payload["kind"])
    turn = kind is Kind.TURN
    tier = Tier.LONG if kind in FACTS else Tier.SHORT if turn and payload["place"] == IN_STM else Tier.MID
    return Recalled(
        id=hit.id,
        kind=kind,
        tier=tier,
        content=payload["text"],
        score=score,
        sources=(payload["event_id"],) if turn else tuple(payload["sources"]),
        created_at=payload["timestamp"] if turn else payload["created_at"],
        session=payload.get("session") or "",
        role=payload.get("role"),
        name=payload.get("name"),
        place=payload.get("place") or payload.get("segment") or "",
        parts=parts,
        ended=payload.get("valid_to") if kind in FACTS else None,
    )
