"""The settings of what a model is sent."""

from __future__ import annotations

from dataclasses import dataclass

from memoryos_tasks.core.spec import setting


@dataclass(frozen=True, slots=True)
class Context:
    """Prompts that are longer than their model takes; memory.prompt_budget_tokens bounds the memories in any case."""

    windows: str = setting(
        "", "How long a prompt a model takes, in tokens, where the built-in table is wrong or does not know it: "
        "model=tokens, comma-separated, such as ollama/llama3.2=8192; 0: no bound.")
    cut_messages: bool = setting(
        False, "When a client's own messages are too long for the model, leave the oldest out and say so in "
        "X-MemoryOS-Truncated, instead of letting the vendor refuse them.")
