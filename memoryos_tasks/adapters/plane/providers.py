"""The provider of an endpoint: made once, and anew when what it is made of changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from memoryos_tasks.adapters.llm.glm import GlmProvider
from memoryos_tasks.adapters.llm.registry import provider_at
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.adapters.plane.batching import BatchingProvider
from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.ports.llm import Provider

#: Seconds that connecting may take at most: a host that is away must not cost the whole timeout.
CONNECT = 3.0
#: Providers that are kept; each holds a pool of connections.
MOST = 256


class EndpointProviders:
    """Endpoint to provider. ``wait`` gives the seconds for which calls of a list are gathered."""

    def __init__(self, wait: Callable[[], float]) -> None:
        self._wait = wait
        self._guard = threading.Lock()
        self._made: OrderedDict[tuple[object, ...], Provider] = OrderedDict()

    def __call__(self, endpoint: Endpoint) -> Provider:
        """Raises :class:`ConfigError` for a URL or token that cannot be used."""
        wait = self._wait()
        key = (endpoint.provider, endpoint.url, endpoint.token, endpoint.timeout, endpoint.batch_size, wait)
        with self._guard:
            provider = self._made.get(key)
            if provider is None:
                provider = self._made[key] = _made(endpoint, wait)
            self._made.move_to_end(key)
            while len(self._made) > MOST:
                self._made.popitem(last=False)
        return provider


def _made(endpoint: Endpoint, wait: float) -> Provider:
    limits = Timeouts(min(CONNECT, endpoint.timeout), endpoint.timeout, endpoint.timeout)
    provider = provider_at(endpoint.provider, endpoint.url, api_key=endpoint.token, timeouts=limits)
    if isinstance(provider, GlmProvider) and endpoint.batch_size > 1 and wait > 0:
        return BatchingProvider(provider, most=endpoint.batch_size, wait=wait)
    return provider
