"""A tier-0 answer as a client of the OpenAI protocol expects it. No model ran, so it used no tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from memoryos_tasks.core.completion import assemble
from memoryos_tasks.core.tokens import estimate

_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


@dataclass(frozen=True, slots=True)
class FaqAnswer:
    """The FAQ that was hit: its id, its question as it was first asked, and the text that answers it."""

    id: str
    question: str
    text: str

    def fits(self, room: int) -> bool:
        """Whether the text has at most so many tokens (estimated); 0 is any number."""
        return not room or estimate(self.text) <= room


def chunks(answer: FaqAnswer, *, id: str, model: str, now: float, usage: bool = True) -> Iterator[dict[str, Any]]:
    """The answer as ``chat.completion.chunk`` objects; the last one is the usage, if it is wanted.

    ``id`` and ``model`` are shown to the client; ``now`` is in seconds.
    """
    head = {"id": id, "object": "chat.completion.chunk", "created": int(now), "model": model}
    yield {**head, "choices": [_choice({"role": "assistant", "content": ""})]}
    yield {**head, "choices": [_choice({"content": answer.text})]}
    yield {**head, "choices": [_choice({}, "stop")]}
    if usage:
        yield {**head, "choices": [], "usage": dict(_USAGE)}


def completion(answer: FaqAnswer, *, id: str, model: str, now: float) -> dict[str, Any]:
    """The answer as one ``chat.completion``."""
    return assemble(chunks(answer, id=id, model=model, now=now))


def _choice(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": reason}
