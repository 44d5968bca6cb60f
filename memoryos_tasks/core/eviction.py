"""Which segments leave mid-term memory, when it is full or by the age policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memoryos_tasks.core import heat
from memoryos_tasks.core.items import Segment

#: Seconds for which a segment counts as just born, and never leaves.
NEWBORN = 3600.0


@dataclass(frozen=True, slots=True)
class Policy:
    """What one user's mid-term memory may hold, and for how long; times in seconds."""

    segments: int = 2_000
    pages: int = 20_000
    #: Segments that nothing has touched for this long are forgotten; 0 is never.
    forget_after: float = 0.0
    #: How often an owner is looked at while anything is warm.
    interval: float = 3600.0


@dataclass(frozen=True, slots=True)
class Leaving:
    """What is to leave: ``cold`` for want of room, ``old`` by the age policy; and what has to be read for facts first.
    Coldest first in each."""

    cold: tuple[Segment, ...] = ()
    old: tuple[Segment, ...] = ()
    unread: tuple[Segment, ...] = ()


def leaving(segments: Sequence[Segment], policy: Policy, now: float) -> Leaving:
    """Who leaves, so that the rest keeps to the policy.

    Never one that was just born or that has pages which nobody has analysed: of the latter those are named that would
    leave otherwise, so that they can be analysed. One that lost all its pages leaves in any case.
    """
    ranked = sorted(segments, key=lambda one: (heat.at(one, now), one.created_at, one.id))
    many, pages = len(ranked), sum(len(one.page_ids) for one in ranked)
    cold: list[Segment] = []
    old: list[Segment] = []
    unread: list[Segment] = []
    for one in ranked:
        outdated = 0 < policy.forget_after < now - touched(one)
        if one.page_ids and not outdated and many <= policy.segments and pages <= policy.pages:
            continue
        if now - one.created_at < NEWBORN:
            continue
        if one.analysed < len(one.page_ids):
            unread.append(one)
            continue
        (old if outdated else cold).append(one)
        many, pages = many - 1, pages - len(one.page_ids)
    return Leaving(tuple(cold), tuple(old), tuple(unread))


def touched(segment: Segment) -> float:
    """When the segment was visited or grew for the last time."""
    return max(segment.visited_at, segment.warmed_at)
