"""The settings of the router: which model answers, and what must not leave the house."""

from __future__ import annotations

from dataclasses import dataclass

from memoryos_tasks.core.spec import setting


@dataclass(frozen=True, slots=True)
class Router:
    """Which model answers ``model: "auto"``, what stands in for a model that fails, and what stays in house."""

    local: str = setting(
        "", "Models in house, comma-separated: provider/model, or provider/model@http://host:port for a server of its "
        "own, such as ollama/llama3.2@http://10.0.0.5:11434. They take turns; one that just failed is left alone.")
    cloud: str = setting(
        "", "Models that answer \"auto\" otherwise, comma-separated, the first one first: openai/gpt-4o, claude/….")
    fallbacks: str = setting(
        "", "What is asked when a model fails before its first token: model=next|another; model2=…. A model that is "
        "not named here has none.")
    local_providers: str = setting(
        "", "Providers whose servers are in house, comma-separated, such as openai where llm.openai_base_url is your "
        "own vLLM; embedding stands for the server of [embedding]. Ollama at a private address is so by itself; of any "
        "other, 127.0.0.1 does not tell, since a proxy there may send prompts on.")
    hot_topic: float = setting(
        0.85, "A topic hotter than this, of 0 to 1, goes to a model in house unless it is complex; 0.85 is the heat "
        "of memory.promote_heat.", low=0, high=1)
    complex_tokens: int = setting(
        2000, "A request of more tokens is complex, as is one with code.", low=1, high=10000000)
    sensitive: bool = setting(
        True, "Keep messages with sensitive words or numbers in house: no cloud model, analyst or embedder sees them.")
    sensitive_keywords: str = setting(
        "default", "Words that make a message sensitive, comma-separated; default stands for the built-in ones in "
        "English and Chinese, so \"default, project falcon\" adds one.")

    @property
    def configured(self) -> bool:
        """Whether there is anything to choose from, so that ``auto`` is a model."""
        return bool(self.local.strip() or self.cloud.strip())
