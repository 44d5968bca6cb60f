"""How hot the topic of a question is."""

from __future__ import annotations

from collections.abc import Callable

from memoryos_tasks.core import heat
from memoryos_tasks.core.errors import VectorsDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import FORGOTTEN, IN_STM, Kind
from memoryos_tasks.core.text import keywords
from memoryos_tasks.services.context import Context
from memoryos_tasks.services.segments import Segments

#: How many of the best recalled items tell the topic.
BEST = 5
#: Places of turns that are in no page.
_NOWHERE = ("", IN_STM, FORGOTTEN)
#: The score of a segment that is just hot enough to be promoted.
PROMOTED = 0.85


class Topics:
    """Reads mid-term memory; ``promote_heat`` is the heat that scores ``PROMOTED``."""

    def __init__(self, segments: Segments, clock: Callable[[], float], promote_heat: float = heat.THRESHOLD) -> None:
        self._segments = segments
        self._clock = clock
        self._promoted = promote_heat

    def score(self, owner: Owner, question: str, context: Context) -> float:
        """0 to 1: the heat now of the hottest segment that the best recalled items stand in and that shares a keyword
        with the question, as ``1 − 0.15^(H / promote_heat)``; 0 where there is none."""
        best = [item for item in context.recalled if item.kind in (Kind.TURN, Kind.PAGE, Kind.SEGMENT)][:BEST]
        pages = [item.place for item in best if item.kind is Kind.TURN and item.place not in _NOWHERE]
        try:
            read = self._segments.pages(owner, [*dict.fromkeys(pages)]) if pages else []
            named = {page.segment_id for page in read}
            named |= {item.place for item in best if item.kind is Kind.PAGE}
            named |= {item.id for item in best if item.kind is Kind.SEGMENT}
            found = self._segments.get(owner, sorted(named - {""})) if named - {""} else []
        except VectorsDown:
            return 0.0
        words, now = set(keywords(question)), self._clock()
        heats = [heat.at(segment, now) for segment in found if words & set(segment.keywords)]
        return scored(max(heats, default=0.0), self._promoted)


def scored(value: float, promoted: float) -> float:
    """A heat as a score of 0 to 1."""
    return 1.0 - (1.0 - PROMOTED) ** (value / promoted) if promoted > 0 else float(value > 0)
