"""How long a model provider may keep us waiting."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from memoryos_tasks.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds, each positive and finite. The end of the whole call is the call's own deadline.

    ``connect``: until the connection stands. ``first_token``: from the request to a stream's first event.
    ``idle``: between two pieces of a stream. An answer that does not stream is silent until it is whole, so
    it may take until the deadline, or ``first_token`` when there is no deadline.
    """

    connect: float = 5.0
    first_token: float = 60.0
    idle: float = 60.0

    def __post_init__(self) -> None:
        for field in fields(self):
            seconds = getattr(self, field.name)
            if not (math.isfinite(seconds) and seconds > 0):
                raise ConfigError(f"The {field.name} timeout must be a positive number of seconds: {seconds}.")
