"""What is known about one setting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Spec:
    """What is known about one setting; ``restart`` says that a change needs a restart to apply."""

    doc: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    secret: bool = False
    restart: bool = False
    nonempty: bool = False


def setting(default: Any, doc: str, **spec: Any) -> Any:
    """A dataclass field with a :class:`Spec`; secrets stay out of the repr."""
    made = Spec(doc, **spec)
    return field(default=default, repr=not made.secret, metadata={"spec": made})
