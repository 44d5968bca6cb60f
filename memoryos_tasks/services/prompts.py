"""What a model is sent: the caller's messages and, in the room that they leave, memories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memoryos_tasks.core.chat import Message
from memoryos_tasks.core.cutting import without_oldest
from memoryos_tasks.core.prompt import compose, distinct, memory_block, not_carried
from memoryos_tasks.core.prompt_size import at_most, prompt_tokens
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.core.tokens import Count
from memoryos_tasks.core.windows import window, windows_of
from memoryos_tasks.ports.tokenizers import Tokenizers
from memoryos_tasks.services.context import Context

#: Room for an answer whose length the request does not bound, in tokens; a small window gives an eighth of itself.
ANSWER = 1_024


@dataclass(frozen=True, slots=True)
class Policy:
    """``budget``: the most tokens of memories. ``windows``: the operator's, by model. ``cut``: whether the caller's
    oldest messages go when they do not fit; otherwise the vendor refuses them."""

    budget: int = 1500
    windows: Mapping[str, int] = field(default_factory=dict)
    cut: bool = False


def policy_of(settings: Settings) -> Policy:
    """The policy that these settings describe."""
    return Policy(
        settings.memory.prompt_budget_tokens, windows_of(settings.context.windows), settings.context.cut_messages
    )


@dataclass(frozen=True, slots=True)
class Made:
    """``truncated`` says what the model's window had no room for: '', ``memories``, ``messages=3`` or both, with a
    comma between."""

    messages: list[dict[str, Any]]
    truncated: str = ""


class Prompts:
    """Makes prompts. The caller's messages stand as they are; only with ``policy().cut`` may the oldest go."""

    def __init__(self, tokenizers: Tokenizers, policy: Callable[[], Policy]) -> None:
        self._tokenizers = tokenizers
        self._policy = policy

    def made(self, body: Mapping[str, Any], provider: str, model: str, context: Context) -> Made:
        """The messages for ``body`` at a vendor's ``model``."""
        policy = self._policy()
        count = self._tokenizers.counter(model)
        asked: Sequence[Message] = body["messages"]
        if not (policy.cut or context.facts or context.recalled or context.recent):
            return Made(compose(asked, ""))
        room = _room(body, window(provider, model, policy.windows), policy.budget, count)
        if room is None:
            return Made(compose(asked, _block(context, asked, policy.budget, count)))
        kept = without_oldest(asked, -room, count) if policy.cut else asked
        block = _block(context, asked, room, count)
        gone = ["memories"] if block != _block(context, asked, policy.budget, count) else []
        if len(kept) < len(asked):
            gone.append(f"messages={len(asked) - len(kept)}")
        return Made(compose(kept, block), ",".join(gone))


def _room(body: Mapping[str, Any], limit: int | None, budget: int, count: Count) -> int | None:
    """Tokens that the caller's messages leave in the window, fewer than ``budget`` and perhaps negative; None where
    there are enough, or no window is known."""
    if limit is None:
        return None
    messages, tools = body["messages"], body.get("tools")
    free = limit - _answer(body, limit)
    if at_most(messages, tools) + budget <= free:
        return None
    room = free - prompt_tokens(messages, tools, count)
    return None if room >= budget else room


def _answer(body: Mapping[str, Any], limit: int) -> int:
    for name in ("max_completion_tokens", "max_tokens"):
        asked = body.get(name)
        if isinstance(asked, int) and not isinstance(asked, bool) and asked > 0:
            return min(asked, limit)
    return min(ANSWER, limit // 8)


def _block(context: Context, asked: Sequence[Message], budget: int, count: Count) -> str:
    recent = not_carried(context.recent, asked)
    known = {id(item) for item in recent}
    recalled = [item for item in distinct([*recent, *context.recalled]) if id(item) not in known]
    return memory_block(context.facts, recalled, budget, recent=recent, count=count)
