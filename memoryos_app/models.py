"""Which models this installation can name."""

from __future__ import annotations

from memoryos_app.parts import Parts
from memoryos_tasks.core.models import AUTO, OFFLINE, ResolvedModel, resolve
from memoryos_tasks.core.routing import CLOUD, tier
from memoryos_tasks.core.routing_plan import Endpoint, Plan, plan_of
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.core.vendors import configured


def available(settings: Settings) -> list[str]:
    """The providers that are configured or in house, and ``auto`` when there is something to choose from."""
    servers = [one.provider for one in plan(settings).local]
    auto = [AUTO] if settings.router.configured else []
    return list(dict.fromkeys([OFFLINE, *configured(settings.llm), *servers, *auto]))


def resolved(parts: Parts, name: str) -> ResolvedModel:
    """The provider and model of a name. Raises :class:`ModelNotFound`."""
    return resolve(name, available(parts.settings()))


def named(settings: Settings, name: str) -> dict[str, str]:
    """The headers of an answer by the model of this name: its tier and its full name."""
    found = resolve(name, available(settings))
    if found.provider == AUTO:
        return {"X-MemoryOS-Tier": str(CLOUD), "X-MemoryOS-Model": AUTO}
    endpoint = Endpoint(found.provider, found.model)
    return {"X-MemoryOS-Tier": str(tier(endpoint, plan(settings))), "X-MemoryOS-Model": endpoint.name}


def plan(settings: Settings) -> Plan:
    """The plan of these settings, read once."""
    known = _plans.get("now")
    if known is None or known[0] is not settings:
        known = (settings, plan_of(settings))
        _plans["now"] = known
    return known[1]


_plans: dict[str, tuple[Settings, Plan]] = {}


def listed(parts: Parts) -> list[str]:
    """The names that clients can choose from: ``offline``, ``auto`` and what it may be, what the workers announced."""
    names = {name for worker in parts.watch.state.workers for name in worker.models}
    routes = plan(parts.settings())
    names |= {one.name for one in (*routes.local, *routes.cloud)}
    auto = [AUTO] if routes.local or routes.cloud else []
    return list(dict.fromkeys([OFFLINE, *auto, *sorted(names)]))
