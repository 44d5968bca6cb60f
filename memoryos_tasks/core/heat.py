"""How much a segment matters now.

``H = α·visits + β·pages + γ·exp(−Δt/τ)``, from "Memory OS of AI Agent" (arXiv 2506.06326), section 3.3. There visits
and pages never stop counting, so that a large old segment never cools. Here each visit and each page counts
``exp(−age/τ)``, as references do in LRFU (Lee et al., "LRFU: a spectrum of policies that subsumes the least recently
used and least frequently used policies", IEEE Transactions on Computers 50(12), 2001). All three parts fade at one
rate, so a segment left alone keeps ``exp(−2)``, 14 %, of its heat after 2τ, and one number for visits and pages
together is enough: its value at a time gives that of any later time.
"""

from __future__ import annotations

import math
from dataclasses import replace

from memoryos_tasks.core.items import Segment

#: Weight of each visit (a retrieval that used the segment).
ALPHA = 1.0
#: Weight of each page.
BETA = 1.0
#: Weight of recency, which lies between 0 and 1.
GAMMA = 1.0
#: Time after which a visit, a page and recency have faded to 1/e, in seconds.
TAU = 24 * 3600.0
#: A segment hotter than this has its unanalysed pages promoted.
THRESHOLD = 5.0


def heat(visits: float, pages: float, elapsed: float) -> float:
    """The heat of faded counts, ``elapsed`` seconds after the visit before this one."""
    return ALPHA * visits + BETA * pages + GAMMA * faded(elapsed)


def faded(age: float) -> float:
    """What is left of 1 after this many seconds; a negative age counts as 0."""
    return math.exp(-max(age, 0.0) / TAU)


def warmth(segment: Segment, now: float) -> float:
    """``α·visits + β·pages`` at ``now``, faded."""
    if segment.warmth is None:
        known, since = ALPHA * segment.visits + BETA * len(segment.page_ids), segment.visited_at
    else:
        known, since = segment.warmth, segment.warmed_at
    return known * faded(now - since)


def at(segment: Segment, now: float) -> float:
    """The heat of the segment at ``now``, with no visit added."""
    return warmth(segment, now) + GAMMA * faded(now - segment.visited_at)


def recomputed(segment: Segment, now: float) -> Segment:
    """The segment as hot as it is at ``now``, with no visit added."""
    return replace(segment, heat=at(segment, now))


def warmed(segment: Segment, now: float, amount: float) -> Segment:
    """The segment with that much warmth added at ``now``, never below none; what comes late turns no clock back."""
    added = max(warmth(segment, now) + amount, 0.0)
    since = segment.visited_at if segment.warmth is None else segment.warmed_at
    return recomputed(replace(segment, warmth=added, warmed_at=max(now, since)), now)


def visited(segment: Segment, now: float, visits: int = 1) -> Segment:
    """The segment after ``visits`` more visits, the last at ``now``.

    Recency is measured from the visit before: measured from this one it would always be 1. A visit that is reported
    late never turns ``visited_at`` back.
    """
    warm = warmed(segment, now, ALPHA * visits)
    return replace(warm, visits=segment.visits + visits, visited_at=max(now, segment.visited_at))


def is_hot(segment: Segment, threshold: float = THRESHOLD) -> bool:
    """Whether the segment has pages to promote and is hot enough for it."""
    return segment.heat > threshold and segment.analysed < len(segment.page_ids)
