"""Places at endpoints and their circuit breakers: one script a step, in the traffic role, on Redis' clock."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

import redis

from memoryos_tasks.adapters.plane.leases import Leases
from memoryos_tasks.adapters.plane.plan import LiveRules, Rules, plan
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, traffic_errors
from memoryos_tasks.core.errors import TrafficDown
from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.ports.plane.scheduling import EndpointState, Outcome, Reservation, State

#: Seconds that an endpoint which is busy, and does not say for how long, is left alone; and the most it can ask for.
COOLING = 1.0
MOST_COOLING = 300.0
#: Seeds of the scripts' random choices: Redis' own generator starts anew with every script.
_SEEDS = 2**31 - 1


class RedisScheduler:
    """See :class:`memoryos_tasks.ports.plane.scheduling.Scheduler`. Safe to share between threads.

    ``rules`` gives the rules in force; by default those of an empty configuration.
    """

    def __init__(self, traffic: redis.Redis, rules: LiveRules = Rules, *, leases: Leases | None = None) -> None:
        self._rules = rules
        self._leases = leases or Leases(traffic)
        self._reserve = script(traffic, "plane_reserve")
        self._finish = script(traffic, "plane_finish")
        self._states = script(traffic, "plane_states")

    def reserve(
        self,
        model: str,
        candidates: Sequence[Endpoint],
        *,
        request_id: str,
        session: str | None = None,
        exclude: Collection[str] = (),
    ) -> Reservation | None:
        among = tuple(one for one in candidates if not one.draining)
        if not among:
            return None
        rules = self._rules()
        sticky = rules.scheduling.sticky_seconds if session and rules.scheduling.stickiness else 0.0
        args = [plan(among, rules), request_id, self._leases.milliseconds, int(sticky * 1000), _seed(), *exclude]
        with traffic_errors():
            answer = self._reserve([keyspace.plane_pin(model, session or "")], args)
        if not answer:
            return None
        number, generation, trial, panic = answer
        endpoint = among[int(number) - 1]
        self._leases.keep(_places(endpoint), request_id)
        return Reservation(endpoint, request_id, int(generation), bool(trial), bool(panic), among)

    def renew(self, reservation: Reservation) -> None:
        self._leases.renew(_places(reservation.endpoint), [reservation.request_id])

    def finish(
        self, reservation: Reservation, outcome: Outcome, seconds: float, retry_after: float | None = None
    ) -> None:
        endpoint = reservation.endpoint
        self._leases.drop(_places(endpoint), reservation.request_id)
        cooling = min(retry_after if retry_after is not None else COOLING, MOST_COOLING)
        args = [plan(reservation.among or (endpoint,), self._rules()), endpoint.id, reservation.request_id,
                reservation.generation, outcome.value, round(seconds * 1000), round(cooling * 1000), _seed()]
        # A place that is not given back now is free when its lease is over.
        with suppress(TrafficDown), traffic_errors():
            self._finish([], args)

    def states(self, endpoints: Sequence[Endpoint]) -> Mapping[str, EndpointState]:
        found: dict[str, EndpointState] = {}
        for model in dict.fromkeys(one.model for one in endpoints):
            # Those that drain are shown, and say nothing about how many of the others are well.
            mine = [one for one in endpoints if one.model == model]
            for group in ([one for one in mine if not one.draining], [one for one in mine if one.draining]):
                with traffic_errors():
                    rows = self._states([], [plan(group, self._rules())]) if group else []
                found.update({one.id: _state(row) for one, row in zip(group, rows, strict=True)})
        return found


def _places(endpoint: Endpoint) -> tuple[str, str]:
    return keyspace.plane("load", endpoint.id), keyspace.plane("permits", endpoint.id)


def _state(row: Sequence[str | int]) -> EndpointState:
    breaker, busy, weight, trips, opens, cooling, down, probe, panic = row
    return EndpointState(
        State(str(breaker)), int(busy), float(weight), int(trips), int(opens) / 1000, int(cooling) / 1000, bool(down),
        int(probe) / 1000, bool(panic))


def _seed() -> int:
    return random.randrange(_SEEDS)
