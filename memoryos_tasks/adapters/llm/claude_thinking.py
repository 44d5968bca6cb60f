"""How much Claude is told to think, from OpenAI's ``reasoning_effort``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memoryos_tasks.adapters.llm.claude_model import ClaudeModel
from memoryos_tasks.core.errors import InvalidRequest

#: Tokens of thought by effort, for models that take a budget.
_BUDGETS = {"minimal": 1_024, "low": 2_048, "medium": 8_192, "high": 16_384, "xhigh": 24_000, "max": 24_000}
#: The least budget, and the least that is left for the answer after it.
_LEAST = 1_024


def limit_and_thinking(body: Mapping[str, Any], model: ClaudeModel) -> dict[str, Any]:
    """``max_tokens``, and ``thinking`` and ``output_config`` where the client asked for them.

    A budget needs at least 2,048 tokens of answer; with less, there is no thinking. ``thinking`` in the vendor's own
    words passes as it is.
    """
    asked = _asked(body)
    effort = body.get("reasoning_effort")
    own = body.get("thinking")
    thinks = effort not in (None, "none") or isinstance(own, dict)
    limit = asked or model.limit(thinking=thinks)
    if isinstance(own, dict):
        return {"max_tokens": limit, "thinking": own}
    if effort is None:
        return {"max_tokens": limit}
    if effort not in ("none", *_BUDGETS):
        known = ", ".join(["none", *_BUDGETS])
        raise InvalidRequest(f"reasoning_effort must be one of: {known}.", param="reasoning_effort")
    if model.adaptive:
        return {"max_tokens": limit, **_adaptive(effort)}
    if effort == "none" or limit < 2 * _LEAST:
        return {"max_tokens": limit}
    budget = min(_BUDGETS[effort], limit - _LEAST)
    return {"max_tokens": limit, "thinking": {"type": "enabled", "budget_tokens": budget}}


def _adaptive(effort: str) -> dict[str, Any]:
    if effort == "none":
        return {"thinking": {"type": "disabled"}}
    level = "low" if effort == "minimal" else effort
    # Without display most of these models return thoughts without their text.
    return {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": level}}


def _asked(body: Mapping[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        limit = body.get(name)
        if limit is None:
            continue
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise InvalidRequest(f"{name} must be a whole number of at least 1.", param=name)
        return limit
    return None
