"""Which providers this installation has, and how each is made."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from memoryos_tasks.adapters.llm.offline import OfflineProvider
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.models import OFFLINE
from memoryos_tasks.core.settings import Llm
from memoryos_tasks.core.vendors import Access, access
from memoryos_tasks.ports.keepsakes import Keepsakes, NoKeepsakes
from memoryos_tasks.ports.llm import Provider


@dataclass(frozen=True, slots=True)
class Row:
    """A provider's class and its module here, which is imported only where the provider is configured.

    It is made as ``made(api_key, base_url, timeouts, keepsakes=…, clock=…, **more(llm))``.
    """

    module: str
    made: str
    more: Callable[[Llm], Mapping[str, Any]] = lambda llm: {}


#: Every provider that calls a model.
ROWS: Mapping[str, Row] = {
    "openai": Row("openai", "OpenAIProvider"),
    "azure_openai": Row(
        "azure_openai", "AzureOpenAIProvider", lambda llm: {"api_version": llm.azure_openai_api_version}
    ),
    "claude": Row("claude", "ClaudeProvider"),
    "gemini": Row("gemini", "GeminiProvider"),
    "ollama": Row("ollama", "OllamaProvider"),
    "deepseek": Row("deepseek", "DeepSeekProvider"),
    "openrouter": Row("openrouter", "OpenRouterProvider"),
    "openai_compatible": Row("openai_compatible", "OpenAICompatibleProvider"),
    # Only at a URL: it stands in no vendor's table.
    "glm": Row("glm", "GlmProvider"),
}


def providers(
    llm: Llm,
    *,
    timeouts: Timeouts | None = None,
    keepsakes: Keepsakes | None = None,
    clock: Callable[[], float] = time.time,
) -> dict[str, Provider]:
    """Provider name to provider: ``offline`` always, the others once they are configured.

    Raises :class:`ConfigError` for a key or URL that cannot be used.
    """
    found: dict[str, Provider] = {OFFLINE: OfflineProvider(clock)}
    for name in ROWS:
        door = access(llm, name)
        if door is not None:
            found[name] = _made(name, door, llm, timeouts, keepsakes, clock)
    return found


def provider_at(
    name: str,
    base_url: str,
    *,
    api_key: str = "",
    timeouts: Timeouts | None = None,
    keepsakes: Keepsakes | None = None,
    clock: Callable[[], float] = time.time,
) -> Provider:
    """The provider ``name`` at a server of one's own, which gets no API key but its own.

    Raises :class:`ConfigError` for a provider that is not known and for a URL that cannot be used.
    """
    if name not in ROWS:
        raise ConfigError(f"No provider '{name}' can be reached at a URL; those that can: {', '.join(ROWS)}.")
    return _made(name, Access(api_key, base_url.strip().rstrip("/")), Llm(), timeouts, keepsakes, clock)


def limits_of(llm: Llm) -> Timeouts:
    """The limits of every call, by these settings."""
    return Timeouts(llm.connect_timeout, llm.first_token_timeout, llm.idle_timeout)


def _made(
    name: str,
    door: Access,
    llm: Llm,
    timeouts: Timeouts | None,
    keepsakes: Keepsakes | None,
    clock: Callable[[], float],
) -> Provider:
    row = ROWS[name]
    made = getattr(import_module(f"{__package__}.{row.module}"), row.made)
    limits = timeouts or limits_of(llm)
    return cast(Provider, made(
        door.api_key, door.base_url, limits, keepsakes=keepsakes or NoKeepsakes(), clock=clock, **row.more(llm)
    ))
