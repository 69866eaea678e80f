"""Latencies as counts in buckets of 2 % width: small enough for a journal, exact enough for a rank test."""

from __future__ import annotations

import math

GROWTH = 1.02
_LOG_GROWTH = math.log(GROWTH)
SMALLEST_MILLISECONDS = 0.01


def bucket_of(milliseconds: float) -> int:
    """The bucket of a latency; bucket 0 begins at 1 ms, and each is 2 % wider than the one before."""
    return math.floor(math.log(max(milliseconds, SMALLEST_MILLISECONDS)) / _LOG_GROWTH)


def milliseconds_of(bucket: float) -> float:
    """The middle of a bucket, in milliseconds."""
    return math.exp((bucket + 0.5) * _LOG_GROWTH)


def buckets_between(ratio: float) -> float:
    """How many buckets lie between a latency and `ratio` times as much."""
    return math.log(ratio) / _LOG_GROWTH


def quantile(buckets: dict[int, int], share: float) -> float | None:
    """The quantile (`share` from 0 to 1) in milliseconds; `None` without samples."""
    total = sum(buckets.values())
    if not total:
        return None
    wanted, seen = share * total, 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        if seen >= wanted:
            return milliseconds_of(bucket)
    return milliseconds_of(max(buckets))
