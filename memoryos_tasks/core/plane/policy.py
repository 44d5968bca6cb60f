"""The part of the configuration that holds for the plane as a whole: the same at every node and in every worker."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

from memoryos_tasks.core.plane.config import Breaker, Limits, PlaneConfig, Scheduling, Sessions

Section = TypeVar("Section", Limits, Scheduling, Breaker, Sessions)


@dataclass(frozen=True, slots=True)
class Policy:
    """The sections of the file that nodes share. ``timeout`` is ``mcp.timeout``, in seconds."""

    limits: Limits = field(default_factory=Limits)
    scheduling: Scheduling = field(default_factory=Scheduling)
    breaker: Breaker = field(default_factory=Breaker)
    sessions: Sessions = field(default_factory=Sessions)
    timeout: float = PlaneConfig().mcp.timeout


#: Its keys in the file, as (section, key).
KEYS = frozenset(
    [(name, each.name) for name, part in (
        ("limits", Limits), ("scheduling", Scheduling), ("breaker", Breaker), ("sessions", Sessions)
    ) for each in fields(part)] + [("mcp", "timeout")]
)


def policy_of(config: PlaneConfig) -> Policy:
    """What this configuration says for all."""
    return Policy(config.limits, config.scheduling, config.breaker, config.sessions, config.mcp.timeout)


def under(config: PlaneConfig, policy: Policy | None, own: Collection[tuple[str, ...]] = ()) -> PlaneConfig:
    """The configuration of a node whose plane has this policy. What the node's environment sets stays: ``own``, as
    (section, key)."""
    if policy is None:
        return config
    timeout = config.mcp.timeout if ("mcp", "timeout") in own else policy.timeout
    return replace(
        config,
        limits=_kept("limits", config.limits, policy.limits, own),
        scheduling=_kept("scheduling", config.scheduling, policy.scheduling, own),
        breaker=_kept("breaker", config.breaker, policy.breaker, own),
        sessions=_kept("sessions", config.sessions, policy.sessions, own),
        mcp=replace(config.mcp, timeout=timeout),
    )


def _kept(name: str, here: Section, shared: Section, own: Collection[tuple[str, ...]]) -> Section:
    kept = {each.name: getattr(here, each.name) for each in fields(here) if (name, each.name) in own}
    return replace(shared, **kept) if kept else shared
