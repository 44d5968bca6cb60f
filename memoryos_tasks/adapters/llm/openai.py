"""OpenAI itself."""

from __future__ import annotations

from memoryos_tasks.adapters.llm.openai_compatible import Dialect, OpenAICompatibleProvider


class OpenAIProvider(OpenAICompatibleProvider):
    """See :class:`OpenAICompatibleProvider`; nothing is different."""

    dialect = Dialect("openai")
