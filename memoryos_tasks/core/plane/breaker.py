"""Circuit breakers of endpoints: their states, and how a call's end counts.

closed → open after failures or slow calls; open → half-open after a while; half-open → closed after successes, or open
again. The transitions themselves are one step each in Redis, so that all workers see the same breaker.
"""

from __future__ import annotations

from enum import StrEnum

from memoryos_tasks.core.errors import ConfigError, UpstreamError, UpstreamRefused

#: A call is slow at so many times what the model's other endpoints need, if that is more than SLOW_FLOOR seconds.
SLOW_TIMES = 5.0
SLOW_FLOOR = 1.0
#: Slow calls are rare because they are slow: so few of them tell already.
SLOW_CALLS = 3
#: Calls of an endpoint before its own pace says anything about the others.
PACE_CALLS = 5
#: Seconds after which a trip is forgiven: the next one is the first again.
FORGIVEN = 300.0


class State(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Outcome(StrEnum):
    """How a call ended, as far as its endpoint is concerned."""

    #: It answered; whether slowly tells the time.
    SUCCEEDED = "succeeded"
    #: No connection, no answer in time, or a 5xx.
    FAILED = "failed"
    #: A 4xx: it works, and does not want this request.
    REFUSED = "refused"
    #: A 429: it wants to be left alone for its Retry-After.
    LIMITED = "limited"
    #: Nobody waited for the end.
    ABANDONED = "abandoned"


#: Refusals that are about this endpoint, its token or its path, and not about the request: another one may take it.
ELSEWHERE = frozenset({401, 402, 403, 404, 405, 408})


def outcome_of(error: BaseException) -> Outcome:
    """How a call that raised ``error`` counts.

    Connections that fail, timeouts, broken answers and 5xx count against the endpoint; 4xx never do.
    """
    if isinstance(error, UpstreamRefused):
        return Outcome.LIMITED if error.upstream_status == 429 else Outcome.REFUSED
    # An endpoint whose URL or token cannot even be used answers as little as one that is away.
    return Outcome.FAILED if isinstance(error, UpstreamError | ConfigError) else Outcome.ABANDONED


def may_try_again(error: BaseException) -> bool:
    """Whether another endpoint may answer what this one did not."""
    if isinstance(error, UpstreamRefused):
        return error.upstream_status == 429 or error.upstream_status in ELSEWHERE
    return isinstance(error, UpstreamError | ConfigError)
