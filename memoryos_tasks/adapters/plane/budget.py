"""How many retries of a model are under way, over all workers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import redis

from memoryos_tasks.adapters.plane.leases import Leases
from memoryos_tasks.adapters.plane.plan import LiveRules, Rules, plan
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, traffic_errors
from memoryos_tasks.core.errors import TrafficDown
from memoryos_tasks.core.plane.config import Endpoint

#: Of the requests under way so many may be retries, and so many always.
SHARE = 0.2
LEAST = 3


class RedisBudget:
    """See :class:`memoryos_tasks.ports.plane.scheduling.Budget`. Without the traffic role nobody is held back."""

    def __init__(self, traffic: redis.Redis, rules: LiveRules = Rules, *, leases: Leases | None = None) -> None:
        self._redis = traffic
        self._rules = rules
        self._leases = leases or Leases(traffic)
        self._retry = script(traffic, "plane_retry")

    def take(self, model: str, request_id: str, endpoints: Sequence[Endpoint]) -> bool:
        retries = keyspace.plane("retries", keyspace.part(model))
        args = [plan(endpoints, self._rules()), request_id, self._leases.milliseconds, SHARE, LEAST]
        try:
            with traffic_errors():
                taken = bool(self._retry([retries], args))
        except TrafficDown:
            return True
        if taken:
            self._leases.keep([retries], request_id)
        return taken

    def leave(self, model: str, request_id: str) -> None:
        retries = keyspace.plane("retries", keyspace.part(model))
        self._leases.drop([retries], request_id)
        with suppress(TrafficDown), traffic_errors():
            self._redis.zrem(retries, request_id)
