"""How latencies are held against a baseline that is slowed down by a ratio: a rank test over time."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from handrail.signals.exact_tests import normal_tail
from handrail.signals.latency_buckets import GROWTH
from handrail.signals.looks import LATENCY_LENGTHS, stretches, times_looked
from handrail.signals.series import RankSeries

PARTS, PARTS_OVER = 6, 4
FEWEST_IN_PART = 2
"""Samples in each part of a stretch: what is slow in some of them only is a spike."""
OVERLAP = 5.0
"""Ranks don't come in steps as errors do, so overlapping looks find something new as many times as often."""
SHORT_BASELINE_SECONDS = 60.0
_ROUNDING = 1e-6
UNIFORM_VARIANCE = 1 / 12


class Ranks:
    """Where a latency lies among a baseline's."""

    def __init__(self, baseline: Mapping[int, int]) -> None:
        total = sum(baseline.values())
        self.first, last = min(baseline), max(baseline)
        self._middle: list[float] = []
        below = 0
        for bucket in range(self.first, last + 1):
            here = baseline.get(bucket, 0)
            self._middle.append((below + here / 2) / total)
            below += here

    def rank(self, bucket: int, shift: float = 0.0) -> float:
        """The share of the baseline that is faster, and half of what is equal: from 0 to 1.

        The baseline is slowed down by `shift` buckets (`latency_buckets.buckets_between` of a ratio).
        """
        position = bucket - shift - self.first
        left = math.floor(position)
        part = position - left
        length = len(self._middle)
        low = 0.0 if left < 0 else self._middle[left] if left < length else 1.0
        high = 0.0 if left < -1 else self._middle[left + 1] if left + 1 < length else 1.0
        return low + part * (high - low)

    def total(self, buckets: Mapping[int, int], shift: float = 0.0) -> float:
        """The sum of the ranks of all these latencies."""
        return sum(count * self.rank(bucket, shift) for bucket, count in buckets.items())


def ratio_of_medians(latencies: Mapping[int, int], baseline: Mapping[int, int]) -> float:
    """By how much the baseline must be slowed down to be like these latencies (Hodges, Lehmann).

    It is the ratio at which a latency is as likely above a slowed one of the baseline as below it.
    """
    n = sum(latencies.values())
    low = float(min(latencies) - max(baseline) - 1)
    high = float(max(latencies) - min(baseline) + 1)
    ranks = Ranks(baseline)
    for _ in range(30):
        if high - low < 0.02:
            break
        middle = (low + high) / 2
        if ranks.total(latencies, middle) > n / 2:
            low = middle
        else:
            high = middle
    return float(GROWTH ** ((low + high) / 2))


class Slower(NamedTuple):
    """The question "is it slower by more than this": the estimate must lie above shift `over`, and chance be
    ruled out as the reason for lying above shift `proven` (indices of a `RankSeries`' shifts)."""

    over: int
    proven: int


class SlowStretch(Struct, frozen=True):
    """The stretch of time that says most clearly that it is slower. `p` is corrected for looking."""

    first: int
    n: int
    seconds: float
    p: float


def slower(
    series: RankSeries, question: Slower, baseline_n: int, dispersion: float, watch: float, accepted: float
) -> SlowStretch | None:
    """The clearest stretch up to now that is slower, in all of its parts; `None` where none is.

    The rank sums are those of Mann and Whitney, their noise widened by `dispersion`.
    """
    length = len(series)
    best: SlowStretch | None = None
    over, proven, counts = series.ranks[question.over], series.ranks[question.proven], series.n
    for seconds, first in stretches(series.starts, series.now, LATENCY_LENGTHS):
        n = counts[length] - counts[first]
        if (
            series.now - series.starts[first] < LATENCY_LENGTHS[0] - _ROUNDING
            or n < PARTS * FEWEST_IN_PART
            or (over[length] - over[first]) <= n / 2
        ):
            continue
        z = z_score(n, proven[length] - proven[first], baseline_n, dispersion)
        p = normal_tail(z) * OVERLAP * times_looked(seconds, watch, len(LATENCY_LENGTHS), n / baseline_n)
        if p >= accepted or (best is not None and best.p <= p) or not _lasts(series, over, proven, first):
            continue
        best = SlowStretch(first, n, seconds, p)
    return best


def to_be_proven(ratio: float, baseline_seconds: float) -> float:
    """The ratio that must be proven; half as much again (in logarithms) beside a baseline of a minute.

    A short baseline has seen less of what is usual.
    """
    return float(ratio ** (1.0 + 0.5 * min(1.0, SHORT_BASELINE_SECONDS / max(baseline_seconds, 1.0))))


def z_score(n: int, ranks: float, baseline_n: int, dispersion: float) -> float:
    """How many standard deviations the mean rank of `n` latencies lies above one half."""
    noise = math.sqrt(UNIFORM_VARIANCE * dispersion * (1 / n + 1 / baseline_n))
    return (ranks / n - 0.5) / noise


def _lasts(series: RankSeries, over: list[float], proven: list[float], first: int) -> bool:
    """Whether every part of a stretch is slower than what must be proven, and most than the limit.

    Of six parts of two minutes, two short spikes touch four at most.
    """
    length = len(series)
    begins, part = series.starts[first], (series.now - series.starts[first]) / PARTS
    edges = [first]
    edges += [bisect_left(series.starts, begins + i * part - _ROUNDING, first) for i in range(1, PARTS)]
    parts_over = 0
    for begin, end in pairwise([*edges, length]):
        n = series.n[end] - series.n[begin]
        if n < FEWEST_IN_PART or proven[end] - proven[begin] <= n / 2:
            return False
        parts_over += over[end] - over[begin] > n / 2
    return parts_over >= PARTS_OVER
