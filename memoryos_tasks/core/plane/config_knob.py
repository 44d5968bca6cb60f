"""What is known about one key of the plane's configuration."""

from __future__ import annotations

from dataclasses import Field, dataclass, field, is_dataclass
from enum import Enum
from typing import Any


class Kind(Enum):
    """Values that are more than the type of their default tells."""

    PLAIN = ""
    #: Seconds as a number, or with a unit: ``500ms``, ``2s``, ``1m``, ``1h``.
    DURATION = "a duration such as 500ms, 2s or 1.5"
    URL = "a URL such as http://127.0.0.1:8000/generate"
    #: Texts, as a list or separated by commas.
    LIST = "a list of texts"


@dataclass(frozen=True, slots=True)
class Knob:
    """What a key may be; ``also`` are other names of it, ``restart`` says that a running process keeps the old."""

    doc: str
    kind: Kind = Kind.PLAIN
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False
    required: bool = False
    nonempty: bool = False
    restart: bool = False
    also: tuple[str, ...] = ()


def knob(default: Any, doc: str, kind: Kind = Kind.PLAIN, **more: Any) -> Any:
    """A dataclass field with its :class:`Knob`; secrets stay out of the repr."""
    made = Knob(doc, kind, **more)
    return field(default=default, repr=not made.secret, metadata={"knob": made})


def part_of(field: Field[Any]) -> type | None:
    """The section that a field is; None for a single key."""
    made = field.default_factory
    return made if isinstance(made, type) and is_dataclass(made) else None


def knob_of(field: Field[Any]) -> Knob:
    """The :class:`Knob` of a key."""
    found = field.metadata["knob"]
    assert isinstance(found, Knob)
    return found
