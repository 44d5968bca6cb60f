"""The configuration in force, line by line, with the place each value came from; secrets are never shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, fields
from typing import Any

from memoryos_tasks.adapters.plane.files import Loaded
from memoryos_tasks.core.plane.config import Endpoint, PlaneConfig
from memoryos_tasks.core.plane.config_draft import HEALTH, MODEL, Given, Path, shown
from memoryos_tasks.core.plane.config_knob import Kind, knob_of, part_of

DEFAULT = "default"
#: Where ``service`` speaks for a key of another section.
_FALLBACKS: Mapping[Path, Path] = {("server", "port"): ("service", "port"), ("sync", "mode"): ("service", "registry"),
                                   ("sync", "etcd"): ("service", "registry")}


def lines(loaded: Loaded) -> Iterator[tuple[str, str, str]]:
    """``(key, value, where it came from)`` of every key."""
    for each in fields(PlaneConfig):
        made = part_of(each)
        if made is not None:
            yield from _part(loaded.given, (each.name,), fields(made), getattr(loaded.config, each.name))
    by_id = {each.id: each for each in loaded.config.models}
    for number, endpoint in zip(_numbers(loaded.given), by_id.values(), strict=True):
        yield shown(("models", number, "id")), endpoint.id, "made of name, endpoint and provider"
        yield from _part(loaded.given, ("models", number), MODEL.values(), _Written(endpoint))
        yield from _part(loaded.given, ("models", number, "health"), HEALTH.values(), endpoint.health)


class _Written:
    """An endpoint by the names that its entry in the file has."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def __getattr__(self, name: str) -> Any:
        return getattr(self._endpoint, {"name": "model", "endpoint": "url"}.get(name, name))


def _part(given: Mapping[Path, Given], path: Path, keys: Any, values: Any) -> Iterator[tuple[str, str, str]]:
    for key in keys:
        if "knob" in key.metadata:
            yield shown((*path, key.name)), _value(key, getattr(values, key.name)), _source(given, (*path, key.name))


def _value(key: Field[Any], value: Any) -> str:
    if knob_of(key).secret:
        return "(set)" if value else "(not set)"
    if knob_of(key).kind is Kind.URL and "?" in value:
        return str(value).partition("?")[0] + "?…"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(value) or "(none)"
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value) if value != "" else "(none)"


def _source(given: Mapping[Path, Given], path: Path) -> str:
    found = given.get(path)
    if found is None:
        fallback = _FALLBACKS.get(path)
        return f"{shown(fallback)}, {_source(given, fallback)}" if fallback and fallback in given else DEFAULT
    source = found.source or f"environment {found.key}"
    return f"{source}, {found.reference}" if found.reference else source


def _numbers(given: Mapping[Path, Given]) -> list[str]:
    return sorted({path[1] for path in given if path[0] == "models"}, key=int)
