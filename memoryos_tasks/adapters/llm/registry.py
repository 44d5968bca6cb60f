"""Which providers this installation has."""

from __future__ import annotations

import time
from collections.abc import Callable

from memoryos_tasks.adapters.llm.offline import OfflineProvider
from memoryos_tasks.adapters.llm.openai import BASE_URL, OpenAIProvider
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.ports.llm import Provider


def providers(
    *,
    openai_api_key: str = "",
    openai_base_url: str = "",
    timeouts: Timeouts | None = None,
    clock: Callable[[], float] = time.time,
) -> dict[str, Provider]:
    """Provider name to provider: ``offline`` always, ``openai`` with a key or a base URL that is not the vendor's.

    A server of one's own may need no key; the vendor always does.

    Raises :class:`ConfigError` for a key or URL that cannot be used.
    """
    found: dict[str, Provider] = {"offline": OfflineProvider(clock)}
    base_url = openai_base_url.strip().rstrip("/") or BASE_URL
    if openai_api_key.strip() or base_url != BASE_URL:
        found["openai"] = OpenAIProvider(openai_api_key, base_url, timeouts or Timeouts())
    return found
