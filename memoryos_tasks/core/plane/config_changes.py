"""What differs between two configurations of the plane."""

from __future__ import annotations

from dataclasses import dataclass, fields

from memoryos_tasks.core.plane.config import Endpoint, PlaneConfig
from memoryos_tasks.core.plane.config_knob import knob_of, part_of


@dataclass(frozen=True, slots=True)
class Changes:
    """Changed keys as ``section.key``, and models by name; ``restart`` are those that a running process keeps."""

    applied: tuple[str, ...]
    restart: tuple[str, ...]


def changed(old: PlaneConfig, new: PlaneConfig) -> Changes:
    """What ``new`` changes."""
    applied: list[str] = []
    restart: list[str] = []
    for section in fields(PlaneConfig):
        made = part_of(section)
        if made is None:
            continue
        before, after = getattr(old, section.name), getattr(new, section.name)
        for key in fields(made):
            if getattr(before, key.name) != getattr(after, key.name):
                (restart if knob_of(key).restart else applied).append(f"{section.name}.{key.name}")
    return Changes((*applied, *_models(old.models, new.models)), tuple(restart))


def _models(old: tuple[Endpoint, ...], new: tuple[Endpoint, ...]) -> list[str]:
    before, after = ({each.id: each for each in models} for models in (old, new))
    said = [f"model {each.model} added ({each.id})" for each in new if each.id not in before]
    said += [f"model {each.model} changed ({each.id})" for each in new if before.get(each.id, each) != each]
    return said + [f"model {each.model} removed ({each.id})" for each in old if each.id not in after]
