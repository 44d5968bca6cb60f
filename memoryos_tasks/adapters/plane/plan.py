"""The endpoints of a model and the rules of their breakers, as the plane's scripts read them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from memoryos_tasks.core.plane.breaker import FORGIVEN, PACE_CALLS, SLOW_CALLS, SLOW_FLOOR, SLOW_TIMES
from memoryos_tasks.core.plane.config import Breaker, Endpoint, Scheduling


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says of choosing and isolating."""

    scheduling: Scheduling = field(default_factory=Scheduling)
    breaker: Breaker = field(default_factory=Breaker)


#: The rules in force.
LiveRules = Callable[[], Rules]


def plan(endpoints: Sequence[Endpoint], rules: Rules) -> str:
    """The JSON that ``plane_lib.lua`` describes; times in ms."""
    # Without health and secrets, which no script needs: they would only make the text longer.
    return _plan(tuple((one.id, one.weight, one.max_concurrency) for one in endpoints), rules)


@lru_cache(maxsize=1024)
def _plan(rows: tuple[tuple[str, float, int], ...], rules: Rules) -> str:
    breaker = rules.breaker
    told = {
        "failures": breaker.failures,
        "share": breaker.share,
        "min_calls": breaker.min_calls,
        "window": breaker.window * 1000,
        "slow": breaker.slow_seconds * 1000,
        "slow_share": breaker.slow_share,
        "slow_calls": SLOW_CALLS,
        "slow_times": SLOW_TIMES,
        "slow_floor": SLOW_FLOOR * 1000,
        "pace_calls": PACE_CALLS,
        "open": breaker.open_seconds * 1000,
        "most_open": breaker.max_open_seconds * 1000,
        "forgiven": FORGIVEN * 1000,
        "permits": breaker.permits,
        "successes": breaker.successes,
        "slow_start": rules.scheduling.slow_start * 1000,
    }
    endpoints = [{"id": id, "weight": weight, "most": most} for id, weight, most in rows]
    return json.dumps({"rules": told, "endpoints": endpoints}, separators=(",", ":"))
