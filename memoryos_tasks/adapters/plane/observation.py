"""All that can be watched of the control plane, wired."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import redis

from memoryos_tasks.adapters.plane.figures import RedisFigures, Telling
from memoryos_tasks.adapters.plane.machine import Machine
from memoryos_tasks.adapters.plane.queue_loads import POOLS, RedisQueueLoads
from memoryos_tasks.adapters.plane.recorded import RedisRecorded
from memoryos_tasks.adapters.plane.traces import RedisTraces
from memoryos_tasks.adapters.redis.presence import Presence
from memoryos_tasks.core.plane.anomalies import Anomaly
from memoryos_tasks.core.plane.capacity import Report
from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.core.plane.node_figures import NodeFigures
from memoryos_tasks.core.plane.records import Pair, Tally
from memoryos_tasks.core.plane.scaling import Hint
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.services.plane.reporting import Pool, Reporting


class Observation:
    """See :class:`memoryos_tasks.ports.plane.observation.Observed`. Opens no connection yet and starts nothing."""

    def __init__(self, truth: redis.Redis, traffic: redis.Redis, settings: Settings) -> None:
        self._settings = settings
        self._presence = Presence(traffic)
        self._recorded = RedisRecorded(truth, traffic, settings.observe)
        self._traces = RedisTraces(traffic, settings.observe)
        self._figures = RedisFigures(traffic, Machine())
        self._reporting = Reporting(self._recorded, RedisQueueLoads(truth, traffic), time.time)

    def totals(self) -> Mapping[Pair, Tally]:
        return self._recorded.totals()

    def anomalies(self) -> Sequence[Anomaly]:
        return self._traces.anomalies()

    def figures(self) -> Mapping[str, NodeFigures]:
        return self._figures.all()

    def scaling(self, endpoints: Sequence[Endpoint]) -> Sequence[Hint]:
        return self._reporting.scaling(self._pools(), endpoints)

    def capacity(self, days: float) -> Report:
        """The report on the last ``days``."""
        return self._reporting.capacity(days)

    def telling(self, node: str) -> Telling:
        """What tells the figures of this process' machine, as those of that node."""
        return Telling(self._figures, node)

    def _pools(self) -> Mapping[str, Pool]:
        """The warm workers of each queue."""
        workers = [each for each in self._presence.workers() if each.warm]
        places = self._settings.worker.concurrency
        return {queue: Pool(sum(queue in each.queues for each in workers), places) for queue in POOLS}
