"""Simulated traffic and three judges of it, for scripts/bench-judge. Needs numpy.

Traffic comes in windows of five seconds. Quiet traffic is not tidy: it drifts with the day, wanders by
minutes, differs from window to window by more than independent samples would, and has short spikes of
traffic, errors and latency. Broken traffic is the same with a higher error rate, or slower, from some moment
within the first ten minutes of the watch until its end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handrail.signals.baseline import BaselineSource
from handrail.signals.dispersion import error_dispersion, latency_dispersion
from handrail.signals.error_rates import Rate, convict, usual_drift
from handrail.signals.latency_buckets import GROWTH, buckets_between, milliseconds_of
from handrail.signals.latency_ranks import Ranks, Slower, slower, to_be_proven
from handrail.signals.limits import Limits
from handrail.signals.series import ErrorSeries, RankSeries

WINDOW = 5
WATCH = 1800
LOOKS = WATCH // WINDOW
LIMITS = Limits()
MINUTE = 60 // WINDOW
POINT = 15 // WINDOW
FIVE_MINUTES = 300 // WINDOW
CANARY_SIGNIFICANCE = 0.01
"""One-sided: the 98 % confidence that canary systems ask for by default."""

MEDIAN_MILLISECONDS = 120.0
SIGMA = 0.6
TAIL_SHARE, TAIL_FROM, TAIL_POWER = 0.05, 3.0, 1.8
LOWEST_BUCKET, BUCKETS = 0, 800

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Traffic:
    """Windows of one baseline and the watch after it; `latencies` is a histogram for each window."""

    baseline_windows: int
    n: Ints
    bad: Ints
    latencies: Ints | None = None
    onset: int = 0


@dataclass(frozen=True)
class Alarms:
    """When each judge raised its first alarm after the onset, in seconds from there; `None` for never."""

    ours: float | None
    plain: float | None
    canary: float | None


def wandering(random: np.random.Generator, windows: int, deviation: float, minutes: float) -> Floats:
    """A slow random walk that returns to zero (an Ornstein-Uhlenbeck process), one value a window."""
    keep = math.exp(-WINDOW / (60 * minutes))
    noise = random.normal(0.0, deviation * math.sqrt(1 - keep * keep), windows)
    values = np.empty(windows)
    value = random.normal(0.0, deviation)
    for index in range(windows):
        value = keep * value + noise[index]
        values[index] = value
    return values


def day(random: np.random.Generator, windows: int, amplitude: float) -> Floats:
    """The day's rise and fall around zero, from a random hour on."""
    phase = random.uniform(0, 2 * math.pi)
    return amplitude * np.sin(phase + 2 * math.pi * np.arange(windows) * WINDOW / 86_400)


def spikes(random: np.random.Generator, windows: int) -> NDArray[np.bool_]:
    """Where a short spike is: ten or fifteen seconds, every quarter of an hour on average."""
    there = np.zeros(windows, dtype=bool)
    for start in np.flatnonzero(random.random(windows) < WINDOW / 900):
        there[start : start + random.integers(2, 4)] = True
    return there


def simulate(
    random: np.random.Generator,
    rate: float,
    baseline_minutes: float,
    error_rate: float,
    *,
    error_ratio: float = 1.0,
    slowdown: float | None = None,
    onset: int = 0,
) -> Traffic:
    """A baseline and a watch; latencies only where `slowdown` is given (1 is quiet)."""
    before = round(baseline_minutes * 60 / WINDOW)
    windows = before + LOOKS
    spike = spikes(random, windows)
    broken = np.arange(windows) >= before + onset
    traffic = np.exp(
        day(random, windows, 0.4) + wandering(random, windows, 0.1, 3) + np.where(spike, 0.7, 0.0)
    )
    n = random.poisson(rate * WINDOW * traffic)
    share = error_rate * np.exp(day(random, windows, 0.25) + wandering(random, windows, 0.15, 3))
    share *= random.gamma(10.0, 0.1, windows) * np.where(spike, 2.5, 1.0) * np.where(broken, error_ratio, 1.0)
    bad = random.binomial(n, np.minimum(share, 1.0))
    if slowdown is None:
        return Traffic(before, n, bad, onset=onset)
    centre = (
        day(random, windows, 0.08) + wandering(random, windows, 0.03, 3) + random.normal(0, 0.02, windows)
    )
    centre += np.where(spike, math.log(2.0), 0.0) + np.where(broken, math.log(slowdown), 0.0)
    window = np.repeat(np.arange(windows), n)
    total = len(window)
    values = random.normal(math.log(MEDIAN_MILLISECONDS), SIGMA, total)
    tail = random.random(total) < TAIL_SHARE
    values[tail] += math.log(TAIL_FROM) + random.exponential(1 / TAIL_POWER, int(tail.sum()))
    buckets = np.floor((values + centre[window]) / math.log(GROWTH)).astype(np.int64) - LOWEST_BUCKET
    np.clip(buckets, 0, BUCKETS - 1, out=buckets)
    histogram = np.bincount(window * BUCKETS + buckets, minlength=windows * BUCKETS)
    return Traffic(before, n, bad, histogram.reshape(windows, BUCKETS), onset)


def judge_errors(traffic: Traffic) -> Alarms:
    """When each of the three judges calls the error rate."""
    before = traffic.baseline_windows
    base_n, base_bad = int(traffic.n[:before].sum()), int(traffic.bad[:before].sum())
    n, bad = traffic.n[before:], traffic.bad[before:]
    return Alarms(
        _ours_on_errors(traffic, base_n, base_bad),
        _plain_on_errors(n, bad, base_n, base_bad, traffic.onset),
        _canary(
            _shares(traffic.n[:before], traffic.bad[:before]),
            _shares(n, bad),
            LIMITS.error_ratio,
            traffic.onset,
        ),
    )


def _ours_on_errors(traffic: Traffic, base_n: int, base_bad: int) -> float | None:
    if not base_n:
        return None
    before = traffic.baseline_windows
    known = traffic.n[:before] > 0
    dispersion = error_dispersion(
        traffic.bad[:before][known].tolist(), traffic.n[:before][known].astype(float).tolist()
    )
    rate = Rate(
        base_bad, float(base_n), dispersion, usual_drift(before * WINDOW, BaselineSource.RUN), is_share=True
    )
    series = ErrorSeries()
    pairs = zip(traffic.n[before:].tolist(), traffic.bad[before:].tolist(), strict=True)
    for index, (n, bad) in enumerate(pairs):
        if not n:
            continue
        series.add(index * WINDOW, WINDOW, bad, n)
        if not bad or index < traffic.onset:
            continue
        convicted, _ = convict(series, rate, LIMITS, WATCH, LIMITS.false_alarms)
        if convicted is not None:
            return series.now - traffic.onset * WINDOW
    return None


def _plain_on_errors(n: Ints, bad: Ints, base_n: int, base_bad: int, onset: int) -> float | None:
    """The workflow's words taken as they stand: over five times the baseline in a minute."""
    if not base_n:
        return None
    minutes_n, minutes_bad = n.reshape(-1, MINUTE).sum(axis=1), bad.reshape(-1, MINUTE).sum(axis=1)
    over = minutes_bad * base_n > LIMITS.error_ratio * base_bad * minutes_n
    return _first(over, MINUTE, onset)


def judge_latency(traffic: Traffic) -> Alarms:
    """When each of the three judges calls the latency."""
    if traffic.latencies is None:
        raise ValueError("traffic without latencies")
    before = traffic.baseline_windows
    base, watch = traffic.latencies[:before], traffic.latencies[before:]
    return Alarms(
        _ours_on_latency(base, watch, traffic.onset),
        _plain_on_latency(base, watch, traffic.onset),
        _canary(_medians(base), _medians(watch), LIMITS.latency_considered, traffic.onset),
    )


def _ours_on_latency(base: Ints, watch: Ints, onset: int) -> float | None:
    together = _as_buckets(base.sum(axis=0))
    if not together:
        return None
    dispersion = latency_dispersion([_as_buckets(window) for window in base])
    base_n = sum(together.values())
    counts = watch.sum(axis=1).tolist()
    series = RankSeries(2)
    ranks = []
    among = Ranks(together)
    for ratio in (to_be_proven(LIMITS.latency_warning, len(base) * WINDOW), LIMITS.latency_considered):
        shift = buckets_between(ratio)
        weights = np.array([among.rank(bucket + LOWEST_BUCKET, shift) for bucket in range(BUCKETS)])
        ranks.append((watch @ weights).tolist())
    for index, (n, proven, over) in enumerate(zip(counts, *ranks, strict=True)):
        if not n:
            continue
        series.add(index * WINDOW, WINDOW, n, (proven, over))
        if index < onset:
            continue
        if (
            slower(series, Slower(over=1, proven=0), base_n, dispersion, WATCH, LIMITS.false_alarms)
            is not None
        ):
            return series.now - onset * WINDOW
    return None


def _as_buckets(histogram: Ints) -> dict[int, int]:
    there = np.flatnonzero(histogram)
    return dict(zip((there + LOWEST_BUCKET).tolist(), histogram[there].tolist(), strict=True))


def _plain_on_latency(base: Ints, watch: Ints, onset: int) -> float | None:
    """The workflow's words taken as they stand: the 95th percentile of a minute over +20 %."""
    if not base.sum():
        return None
    before = float(_quantiles(base.sum(axis=0, keepdims=True), 0.95)[0])
    minutes = watch.reshape(-1, MINUTE, BUCKETS).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return _first(_quantiles(minutes, 0.95) > LIMITS.latency_considered * before, MINUTE, onset)


def _quantiles(histograms: Ints, share: float) -> Floats:
    totals = histograms.sum(axis=1)
    wanted = np.maximum(share * totals, 1e-9)
    buckets = (np.cumsum(histograms, axis=1) < wanted[:, None]).sum(axis=1)
    middles = np.array([milliseconds_of(bucket + LOWEST_BUCKET) for bucket in range(BUCKETS + 1)])
    return np.where(totals > 0, middles[buckets], np.nan)


def _medians(histograms: Ints) -> Floats:
    return _quantiles(_points(histograms), 0.5)


def _points(histograms: Ints) -> Ints:
    whole = len(histograms) // POINT * POINT
    return histograms[:whole].reshape(-1, POINT, BUCKETS).sum(axis=1)


def _shares(n: Ints, bad: Ints) -> Floats:
    whole = len(n) // POINT * POINT
    points_n = n[:whole].reshape(-1, POINT).sum(axis=1)
    points_bad = bad[:whole].reshape(-1, POINT).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(points_n > 0, points_bad / points_n, np.nan)


def _canary(baseline: Floats, watch: Floats, ratio: float, onset: int) -> float | None:
    """Every five minutes: Mann and Whitney's test of the metric's points, and their means' ratio."""
    before = baseline[~np.isnan(baseline)]
    points = FIVE_MINUTES // POINT
    for look in range(len(watch) // points):
        after = (look + 1) * FIVE_MINUTES - onset
        if after <= 0:
            continue
        now = watch[look * points : (look + 1) * points]
        now = now[~np.isnan(now)]
        if not len(now) or not len(before) or now.mean() <= ratio * before.mean():
            continue
        if mann_whitney_tail(now, before) < CANARY_SIGNIFICANCE:
            return float(after * WINDOW)
    return None


def mann_whitney_tail(now: Floats, before: Floats) -> float:
    """The one-sided probability that `now` lies so far above `before`; normal, with the ties' correction."""
    n, m = len(now), len(before)
    u = float((now[:, None] > before[None, :]).sum() + 0.5 * (now[:, None] == before[None, :]).sum())
    _, ties = np.unique(np.concatenate([now, before]), return_counts=True)
    everything = n + m
    tied = float((ties.astype(float) ** 3 - ties).sum()) / max(1, everything * (everything - 1))
    variance = n * m / 12 * (everything + 1 - tied)
    if variance <= 0:
        return 1.0
    return 0.5 * math.erfc((u - n * m / 2 - 0.5) / math.sqrt(2 * variance))


def _first(over: NDArray[np.bool_], windows: int, onset: int) -> float | None:
    """The end of the first stretch of `windows` windows that is over and ends after the onset."""
    for look in np.flatnonzero(over).tolist():
        if (after := (look + 1) * windows - onset) > 0:
            return float(after * WINDOW)
    return None
