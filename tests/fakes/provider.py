"""A provider that plays a script."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memoryos_tasks.ports.llm import ModelCall


@dataclass
class ScriptedProvider:
    """Says ``chunks``, then raises ``error`` if there is one; a whole answer is what ``answer`` holds."""

    chunks: Sequence[Mapping[str, Any]] = ()
    answer: Mapping[str, Any] | None = None
    error: Exception | None = None
    calls: list[ModelCall] = field(default_factory=list)
    closed: int = 0
    #: Called before each chunk, with its place.
    before: Callable[[int], None] = lambda place: None

    def complete(self, call: ModelCall) -> dict[str, Any]:
        self.calls.append(call)
        self.before(0)
        if self.error is not None:
            raise self.error
        return dict(self.answer or {})

    def stream(self, call: ModelCall) -> Generator[dict[str, Any], None, None]:
        self.calls.append(call)
        try:
            for place, said in enumerate(self.chunks):
                self.before(place)
                yield dict(said)
            if self.error is not None:
                raise self.error
        finally:
            self.closed += 1

    def models(self) -> list[str]:
        return []
