"""How long a try waits for the next one."""

from __future__ import annotations

#: Seconds: the most before the second try, doubled for each further one, and the most of all.
FIRST = 0.1
MOST = 2.0


def full_jitter(tries: int, luck: float) -> float:
    """Seconds to wait after ``tries`` failed tries (from 1); ``luck`` is uniform in [0, 1).

    Exponential backoff with full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return luck * min(MOST, FIRST * 2.0 ** min(tries - 1, 16))
