"""OpenRouter: OpenAI's protocol in front of many vendors.

Protocol: https://openrouter.ai/docs/api-reference. Its comments are skipped, its errors inside a 200 keep their status,
and ``reasoning`` is said as ``reasoning_content``, as for every vendor. Models that think between tool calls need
``reasoning_details`` back unchanged, which OpenAI's clients drop.
"""

from __future__ import annotations

from memoryos_tasks.adapters.llm.openai_compatible import Dialect, OpenAICompatibleProvider


class OpenRouterProvider(OpenAICompatibleProvider):
    """See :class:`OpenAICompatibleProvider`."""

    dialect = Dialect("openrouter", wanted_back=("reasoning_details",))
