"""What becomes of work that failed: the one place where retrying, acknowledging and burying are decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from memoryos_tasks.core.errors import (
    Busy,
    Cancelled,
    DeadlineExceeded,
    InvalidRequest,
    LostClaim,
    MemoryOSError,
    Unavailable,
    UpstreamError,
    UpstreamRefused,
)

#: Runs of one piece of work before it becomes a dead letter.
ATTEMPTS = 3
#: Seconds that a run waits inside when a vendor asks for it and a client waits for the answer.
PATIENCE = 2.0
#: Refusals that another attempt may cure; a failure of the vendor (5xx, a broken connection) may be cured as well.
CURABLE = frozenset({408, 409, 429})


class Verdict(StrEnum):
    """What to do with the work."""

    #: Try again later; counts as an attempt.
    RETRY = "retry"
    #: Try again later for as long as it takes: a part of ours is away, and the work is not to blame.
    WAIT = "wait"
    #: Final: whoever waits is told; a dead letter when nobody does.
    FAIL = "fail"
    #: Nothing left to do: cancelled.
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Rule:
    """A class of errors, narrowed by ``when``; delays in seconds, doubled with each attempt up to ``most``."""

    error: type[BaseException]
    verdict: Verdict
    delay: float = 0.0
    most: float = 0.0
    when: Callable[[BaseException], bool] = lambda _: True


def _curable(error: BaseException) -> bool:
    if not isinstance(error, UpstreamError):
        return False
    return error.status in CURABLE or (error.status >= 500 and not isinstance(error, UpstreamRefused))


#: The policy; the first rule that fits applies.
POLICY: tuple[Rule, ...] = (
    Rule(Cancelled, Verdict.DROP),
    # A job whose own claim was lost cannot be given back anyway; one that lost the user's lock has to come again.
    Rule(LostClaim, Verdict.WAIT, delay=0.5, most=5.0),
    Rule(Busy, Verdict.WAIT, delay=0.5, most=5.0),
    Rule(Unavailable, Verdict.WAIT, delay=1.0, most=30.0),
    Rule(DeadlineExceeded, Verdict.FAIL),
    Rule(UpstreamError, Verdict.RETRY, delay=2.0, most=60.0, when=_curable),
    Rule(UpstreamError, Verdict.FAIL),
    Rule(InvalidRequest, Verdict.FAIL),
    Rule(MemoryOSError, Verdict.RETRY, delay=1.0, most=30.0),
    Rule(Exception, Verdict.RETRY, delay=1.0, most=30.0),
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do and, for RETRY and WAIT, in how many seconds."""

    verdict: Verdict
    delay: float = 0.0


def decide(
    error: BaseException, attempts: int, *, waits: int = 0, most: int = ATTEMPTS, jitter: float = 1.0
) -> Decision:
    """What becomes of work whose run number ``attempts`` (from 1, without the ``waits`` before) raised ``error``.

    A vendor's Retry-After is kept to when it is longer than the backoff. ``jitter``, 0.5 to 1, scales the backoff.
    """
    rule = next(rule for rule in POLICY if isinstance(error, rule.error) and rule.when(error))
    if rule.verdict in (Verdict.FAIL, Verdict.DROP):
        return Decision(rule.verdict)
    if rule.verdict is Verdict.RETRY and attempts >= most:
        return Decision(Verdict.FAIL)
    backoff = min(rule.most, rule.delay * 2.0 ** min(attempts - 1 + waits, 16)) * jitter
    asked = getattr(error, "retry_after", None) if isinstance(error, UpstreamError) else None
    return Decision(rule.verdict, max(backoff, asked or 0.0))


def reason(error: BaseException) -> str:
    """The code of a dead letter for this error."""
    return error.code if isinstance(error, MemoryOSError) else "unexpected_error"


def patience(error: BaseException) -> float | None:
    """Seconds to wait inside a run that a client waits for; None when the error goes to the client."""
    asked = getattr(error, "retry_after", None)
    return asked if _curable(error) and asked is not None and 0 < asked <= PATIENCE else None
