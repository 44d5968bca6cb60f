"""What the plane shows of its models and endpoints; never a token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from memoryos_tasks.core.errors import TrafficDown
from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.ports.plane.scheduling import EndpointState

States = Callable[[Sequence[Endpoint]], Mapping[str, EndpointState]]


def models(endpoints: Sequence[Endpoint]) -> list[dict[str, Any]]:
    """Each model once, with how many instances it has and the best of its tiers."""
    found: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        shown = found.setdefault(one.model, {"name": one.model, "endpoints": 0, "tier": one.tier})
        shown["endpoints"] += not one.draining
        shown["tier"] = max(shown["tier"], one.tier)
    return list(found.values())


def report(endpoints: Sequence[Endpoint], states: States) -> dict[str, Any]:
    """The endpoints with their states; these are null, and ``states`` false, while the traffic role is away."""
    try:
        known: Mapping[str, EndpointState] | None = states(endpoints)
    except TrafficDown:
        known = None
    return {"states": known is not None,
            "endpoints": [_shown(one, (known or {}).get(one.id)) for one in endpoints]}


def _shown(one: Endpoint, state: EndpointState | None) -> dict[str, Any]:
    return {
        "id": one.id, "model": one.model, "provider": one.provider, "url": bare(one.url), "weight": one.weight,
        "tier": one.tier, "max_concurrency": one.max_concurrency, "draining": one.draining,
        "state": None if state is None else {
            "ready": state.ready and not one.draining, "breaker": state.breaker.name.lower(),
            "in_flight": state.in_flight, "effective_weight": round(state.weight, 4), "trips": state.trips,
            "opens_for": state.opens_for, "cooling": state.cooling, "down": state.down,
            "next_probe": state.next_probe, "panic": state.panic,
        },
    }  # fmt: skip


def bare(url: str) -> str:
    """A URL without what may be secret in it: the user and password, and the query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
