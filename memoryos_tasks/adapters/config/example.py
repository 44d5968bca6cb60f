"""``config.example.toml``, made from the settings themselves: ``python -m memoryos_tasks.adapters.config.example``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from memoryos_tasks.adapters.config.toml import ALIASES, sections
from memoryos_tasks.adapters.config.values import spec_of
from memoryos_tasks.core.settings import Settings

HEADER = """\
# Every setting of MemoryOS with its default and its reason. Copy this file to config.toml (or name another with
# MEMORYOS_CONFIG) and uncomment what you change. The environment wins over it: MEMORYOS__SECTION__KEY=value.
# A changed file applies within 5 seconds, all or nothing; what is marked (restart) applies at the next start.
# Times are in seconds.
"""


def example() -> str:
    """The text of the example file."""
    parts = [HEADER]
    docs = {outer.name: outer.default_factory.__doc__ for outer in fields(Settings)
            if isinstance(outer.default_factory, type)}
    for section, known in sections().items():
        if section:
            parts.append(f"[{section}]\n# {docs[section]}\n")
        parts += ["\n".join(_lines(section, field)) + "\n" for field in known.values()]
    return "\n".join(parts)


def _lines(section: str, field: Field[Any]) -> Iterator[str]:
    spec = spec_of(field)
    notes = []
    if spec.choices:
        notes.append("one of: " + ", ".join(spec.choices))
    elif spec.low is not None:
        notes.append(f"{spec.low:.15g} to {spec.high:.15g}")
    notes += [f"also {name}" for name, place in ALIASES.items() if place == (section, field.name)]
    notes += ["restart"] * spec.restart
    yield f"# {spec.doc}" + (f" ({'; '.join(notes)})" if notes else "")
    yield f"# {field.name} = {_literal(field.default)}"


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return f'"{value}"'


if __name__ == "__main__":
    Path("config.example.toml").write_text(example(), encoding="utf-8")
