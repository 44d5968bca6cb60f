"""Configurations and endpoints as plain tables, for stores. They hold the secrets: whoever keeps them seals them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from memoryos_tasks.core.plane.config import Endpoint, Health, PlaneConfig
from memoryos_tasks.core.plane.config_knob import part_of
from memoryos_tasks.core.plane.policy import Policy


def endpoint_row(endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint as a table that JSON takes."""
    return asdict(endpoint)


def endpoint_of(row: Mapping[str, Any]) -> Endpoint:
    """The endpoint of such a table; keys of a newer version are left out."""
    values = _known(Endpoint, row)
    return Endpoint(**{**values, "health": Health(**_known(Health, values.get("health") or {}))})


def policy_row(policy: Policy) -> dict[str, Any]:
    """A policy as a table that JSON takes."""
    return asdict(policy)


def shared_policy(row: Mapping[str, Any]) -> Policy:
    """The policy of such a table; keys of a newer version are left out, and what an older one lacks has its default."""
    parts = {each.name: part_of(each) for each in fields(Policy)}
    made: dict[str, Any] = {
        name: part(**_known(part, row[name])) for name, part in parts.items() if part and name in row}
    return Policy(**made, **{name: row[name] for name in ("timeout",) if name in row})


def config_row(config: PlaneConfig) -> dict[str, Any]:
    """A configuration as a table that JSON takes."""
    return asdict(config)


def config_of(row: Mapping[str, Any]) -> PlaneConfig:
    """The configuration of such a table; keys of a newer version are left out."""
    parts = {each.name: part_of(each) for each in fields(PlaneConfig)}
    made: dict[str, Any] = {
        name: part(**_known(part, row.get(name) or {})) for name, part in parts.items() if part}
    return PlaneConfig(**made, models=tuple(endpoint_of(each) for each in row.get("models") or ()))


def _known(made: type[Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of ``row`` that ``made`` has; lists become tuples again."""
    names = {each.name for each in fields(made)}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items() if name in names}
