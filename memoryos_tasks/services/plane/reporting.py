"""Reports on the control plane: its capacity over days, and what to scale now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from memoryos_tasks.core.plane.buckets import quantile
from memoryos_tasks.core.plane.capacity import Report, report
from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.core.plane.records import WHOLE, Pair, Tally, merged
from memoryos_tasks.core.plane.scaling import Hint, Load, hints
from memoryos_tasks.ports.plane.records import QueueLoads, Recorded
from memoryos_tasks.queues import CHAT

#: Seconds that a scaling hint looks back.
WINDOW = 600.0


@dataclass(frozen=True, slots=True)
class Pool:
    """The workers that serve a queue, and how much each does at a time."""

    workers: int
    places: int


class Reporting:
    """Raises :class:`TruthDown` and :class:`TrafficDown`."""

    def __init__(self, recorded: Recorded, queues: QueueLoads, clock: Callable[[], float]) -> None:
        self._recorded = recorded
        self._queues = queues
        self._clock = clock

    def capacity(self, days: float) -> Report:
        """The report on the last ``days``."""
        now = self._clock()
        since = now - days * 86_400
        return report(self._recorded.slices(since, now), since, now)

    def scaling(self, pools: Mapping[str, Pool], endpoints: Sequence[Endpoint] = ()) -> list[Hint]:
        """What to do with each pool and endpoint, by the last ten minutes; one that is not named has no limit."""
        now = self._clock()
        slices = self._recorded.slices(now - WINDOW, now)
        tallies: dict[Pair, list[Tally]] = {}
        for each in slices:
            for pair, tally in each.tallies.items():
                tallies.setdefault(pair, []).append(tally)
        seconds = max(now - min((each.start for each in slices), default=now), 60.0)
        loads = [*self._queued(pools, tallies, now), *_used(tallies, endpoints, seconds)]
        return hints(loads)

    def _queued(self, pools: Mapping[str, Pool], tallies: Mapping[Pair, Sequence[Tally]], now: float) -> list[Load]:
        seen = self._queues.mean(now - WINDOW, now)
        late = quantile(merged(each for (_, endpoint), found in tallies.items() if endpoint == WHOLE
                               for each in found).waiting, 0.95) or 0.0
        return [
            Load(queue, pool.workers, pool.places, busy=seen[queue].busy, waiting=round(seen[queue].waiting),
                 # Only inferences tell how long they waited; they share the queue of chats.
                 oldest=late if queue == CHAT else 0.0)
            for queue, pool in pools.items() if queue in seen
        ]


def _used(tallies: Mapping[Pair, Sequence[Tally]], endpoints: Sequence[Endpoint], seconds: float) -> list[Load]:
    places = {(each.model, each.id): each.max_concurrency for each in endpoints}
    found = []
    for (model, endpoint), each in tallies.items():
        if endpoint == WHOLE:
            continue
        tally = merged(each)
        found.append(Load(f"{model} {endpoint}", 1, places.get((model, endpoint), 0),
                          arrivals=tally.count / seconds, service=tally.busy / max(tally.count, 1)))
    return found
