"""Clients of the two Redis roles, and what their failures mean here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from memoryos_tasks.adapters.redis.scripts import source
from memoryos_tasks.core.errors import TrafficDown, TruthDown
from memoryos_tasks.core.settings import Settings

#: What redis-py raises when the server is away, starting, or its disk is full.
DOWN = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.BusyLoadingError,
    redis.ReadOnlyError,
    redis.OutOfMemoryError,
)
#: Seconds that a blocking read may wait for news, beyond the socket timeout.
BLOCK_SECONDS = 5.0


def truth(settings: Settings) -> redis.Redis:
    """The store of record: journal, ledger, short-term memory, keys."""
    return _client(settings.redis.truth_url, settings.redis.timeout)


def traffic(settings: Settings, *, block: bool = False) -> redis.Redis:
    """The store that may be lost: runs, inboxes, presence. ``block`` allows reads that wait for news."""
    timeout = settings.redis.timeout + (BLOCK_SECONDS if block else 0.0)
    return _client(settings.redis.traffic_url, settings.redis.timeout, read=timeout)


def _client(url: str, timeout: float, *, read: float | None = None) -> redis.Redis:
    # One immediate retry replaces a connection that a restarted server has closed; no waiting beyond it.
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=timeout,
        socket_timeout=read or timeout,
        health_check_interval=0,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


@contextmanager
def truth_errors() -> Iterator[None]:
    """Failures of the truth role as :class:`TruthDown`."""
    try:
        yield
    except DOWN as error:
        raise TruthDown(retry_after=1) from error


@contextmanager
def traffic_errors() -> Iterator[None]:
    """Failures of the traffic role as :class:`TrafficDown`."""
    try:
        yield
    except DOWN as error:
        raise TrafficDown(retry_after=1) from error


def script(client: redis.Redis, name: str) -> Callable[[Sequence[str], Sequence[Any]], Any]:
    """The named script as a function of keys and arguments; loads itself where the server lost it."""
    registered = client.register_script(source(name))

    def call(keys: Sequence[str], args: Sequence[Any]) -> Any:
        return registered(keys=list(keys), args=list(args))

    return call
