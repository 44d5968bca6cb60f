"""Clients of the two Redis roles, and what their failures mean here."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from memoryos_tasks.adapters.redis.scripts import source
from memoryos_tasks.core.errors import TrafficDown, TruthDown, Unavailable
from memoryos_tasks.core.settings import Settings

#: What redis-py raises when the server is away, starting, or its disk is full.
DOWN = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.BusyLoadingError,
    redis.ReadOnlyError,
    redis.OutOfMemoryError,
)
#: How Redis says inside a script (6.2 wraps it) that it takes no writes now.
_REFUSING = re.compile(r"\b(OOM command|READONLY|MISCONF|MASTERDOWN|NOREPLICAS)\b")
#: Seconds for which a store that just failed is not asked again.
REFUSED_SECONDS = 0.5
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
        # Anybody may put bytes into the journal; those that are no text must be readable to be buried.
        encoding_errors="backslashreplace",
        socket_connect_timeout=timeout,
        socket_timeout=read or timeout,
        health_check_interval=0,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


class Role:
    """One of the two roles as this process sees it. After a failure its calls are refused for a moment, so that a
    request that needs it five times waits for it once."""

    def __init__(self, error: type[Unavailable]) -> None:
        self._error = error
        self._down_until = 0.0

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Failures of this role's store as its error."""
        if time.monotonic() < self._down_until:
            raise self._error(retry_after=1)
        try:
            yield
        except redis.RedisError as error:
            if not isinstance(error, DOWN) and not _REFUSING.search(str(error)):
                raise
            self._down_until = time.monotonic() + REFUSED_SECONDS
            raise self._error(retry_after=1) from error


truth_errors = Role(TruthDown).errors
traffic_errors = Role(TrafficDown).errors


#: The keys and arguments of one call of a script.
Call = tuple[Sequence[str], Sequence[Any]]


class Script:
    """A script as a function of keys and arguments; it brings itself along where the server does not know it.

    Asked for by its hash alone: redis-py's own ``Script`` takes twice the time for each call.
    """

    def __init__(self, client: redis.Redis, name: str) -> None:
        self._client = client
        self._run: Callable[..., Any] = client.execute_command
        self._text = source(name)
        self._known = hashlib.sha1(self._text.encode()).hexdigest()

    def __call__(self, keys: Sequence[str], args: Sequence[Any]) -> Any:
        try:
            return self._run("EVALSHA", self._known, len(keys), *keys, *args)
        except redis.exceptions.NoScriptError:
            return self._run("EVAL", self._text, len(keys), *keys, *args)

    def many(self, calls: Sequence[Call]) -> list[Any]:
        """Several calls in one round trip, each atomic by itself; their answers."""
        try:
            return self._all(calls)
        except redis.exceptions.NoScriptError:  # The server had none of them, so nothing was done.
            self._client.script_load(self._text)
            return self._all(calls)

    def _all(self, calls: Sequence[Call]) -> list[Any]:
        pipe = self._client.pipeline(transaction=False)
        for keys, args in calls:
            pipe.evalsha(self._known, len(keys), *keys, *args)
        return list(pipe.execute())


def script(client: redis.Redis, name: str) -> Script:
    """The named script."""
    return Script(client, name)
