"""Latencies in fixed buckets: eight to each doubling from 1 ms, as HDR histograms have them.

A bucket is at most an eighth of its lower bound wide, so a percentile read from its middle is off by at most 6.25 %
(below 8 ms by at most half a millisecond). Buckets of different minutes, processes and machines add up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

#: Buckets in one doubling; below so many milliseconds each millisecond has its own.
PARTS = 8
_BITS = 3
#: All longer times share the last bucket: 2^20 ms are 17 minutes, more than any inference may take.
LAST = (20 - _BITS + 1) * PARTS


def bucket(seconds: float) -> int:
    """The number of the bucket that this time falls into; what is no time at all falls into the first."""
    if not seconds > 0:
        return 0
    if seconds >= 2**20 / 1000:
        return LAST
    # What was measured as 0.007 s must not land in 6 ms: its product is a hair below 7.
    millis = int(seconds * 1000 + 1e-6)
    if millis < PARTS:
        return millis
    shift = millis.bit_length() - _BITS - 1
    return shift * PARTS + (millis >> shift)


def middle(number: int) -> float:
    """The middle of a bucket, in seconds; of the last one its lower bound."""
    if number >= LAST:
        return 2**20 / 1000
    if number < PARTS:
        return (number + 0.5) / 1000
    shift = number // PARTS - 1
    low = (number - shift * PARTS) << shift
    return (low + (1 << shift) / 2) / 1000


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """The time (seconds) that this share of the counted ones do not exceed (nearest rank); None without any."""
    total = sum(counts.values())
    if total <= 0:
        return None
    rank, seen = max(math.ceil(share * total), 1), 0
    for number in sorted(counts):
        seen += counts[number]
        if seen >= rank:
            return middle(number)
    raise AssertionError("a rank is at most the total")


def summed(all_counts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Several histograms as one."""
    total: dict[int, int] = {}
    for counts in all_counts:
        for number, count in counts.items():
            total[number] = total.get(number, 0) + count
    return total
