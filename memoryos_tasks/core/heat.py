"""How much a segment matters now.

``H = α·visits + β·pages + γ·exp(−Δt/τ)``, from "Memory OS of AI Agent" (arXiv 2506.06326), section 3.3.
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
#: Time after which recency has fallen to 1/e, in seconds.
TAU = 24 * 3600.0
#: A segment hotter than this has its unanalysed pages promoted.
THRESHOLD = 5.0


def heat(visits: int, pages: int, elapsed: float) -> float:
    """The heat of a segment ``elapsed`` seconds after the visit before this one; a negative time counts as 0."""
    return ALPHA * visits + BETA * pages + GAMMA * math.exp(-max(elapsed, 0.0) / TAU)


def recomputed(segment: Segment, now: float) -> Segment:
    """The segment as hot as it is at ``now``, with no visit added."""
    return replace(segment, heat=heat(segment.visits, len(segment.page_ids), now - segment.visited_at))


def visited(segment: Segment, now: float, visits: int = 1) -> Segment:
    """The segment after ``visits`` more visits, the last at ``now``.

    Recency is measured from the visit before: measured from this one it would always be 1. A visit that is reported
    late never turns ``visited_at`` back.
    """
    total = segment.visits + visits
    warmth = heat(total, len(segment.page_ids), now - segment.visited_at)
    return replace(segment, visits=total, heat=warmth, visited_at=max(now, segment.visited_at))


def is_hot(segment: Segment, threshold: float = THRESHOLD) -> bool:
    """Whether the segment has pages to promote and is hot enough for it."""
    return segment.heat > threshold and segment.analysed < len(segment.page_ids)
