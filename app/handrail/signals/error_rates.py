"""How a rate of errors or events is held against its baseline: over several stretches of time, exactly."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from handrail.signals.baseline import BaselineSource, SignalBaseline
from handrail.signals.exact_tests import (
    MID_P,
    conditional_lower_tail,
    conditional_tail,
    fisher_tail,
    poisson_lower_tail,
)
from handrail.signals.limits import Limits
from handrail.signals.looks import ERROR_LENGTHS, stretches, times_looked
from handrail.signals.series import ErrorSeries
from handrail.signals.signal import Signal, SignalKind

DRIFT = 1.45
DRIFT_OF_A_MINUTE = 0.45
DRIFT_OF_DAYS = 2.0
BESIDE_FEW = (0.95, 0.25, 0.9)
"""The part of the drift that is allowed for beside no, one and two errors in the baseline: a test against one
error doubts the rate by more than it drifts. Beside none the rate is supposed, and has no such doubt."""
CLEAN_COUNTS = 3.0
CLEAN_COUNTS_AT_MOST = 400.0
"""A baseline without an error is taken for one error in four times its length: what is watched usually works.
This adds so many samples (of a count, seconds) at most, for a long one may have had none by luck."""
GONE = 0.99
"""The confidence with which a shorter stretch must rule the threshold out, for the evidence to be gone."""
BRIEF_WINDOW_SECONDS = 10.0
SUSPICIOUS = 0.01


class Rate(Struct, frozen=True):
    """What the baseline says: `bad` in `exposure` (samples, or seconds of a count), and what follows from it.

    `drift` is how many times the baseline's rate is usual at another moment.
    """

    bad: int
    exposure: float
    dispersion: float
    drift: float
    is_share: bool

    @property
    def usual(self) -> float:
        """The baseline's rate, or what stands in for it where it had no error."""
        bad, exposure = self._supposed
        return bad / exposure

    @property
    def _supposed(self) -> tuple[float, float]:
        if self.bad:
            return self.bad, self.exposure
        return 1, self.exposure + min(CLEAN_COUNTS * self.exposure, CLEAN_COUNTS_AT_MOST)

    def threshold(self, ratio: float) -> float:
        """The rate that is bad: `ratio` times the usual one; of a share, at most halfway to all."""
        usual = self.usual
        return min(ratio * usual, (1 + usual) / 2) if self.is_share else ratio * usual

    def by_chance(self, bad: int, exposure: float) -> float:
        """The probability (mid-p) of at least `bad` in `exposure` where the rate has only drifted."""
        base_bad, base_exposure = self._supposed
        drift = self.drift
        if self.bad < len(BESIDE_FEW):
            drift = 1.0 + (drift - 1.0) * BESIDE_FEW[self.bad]
        if self.is_share and self.dispersion <= 1.0:
            return fisher_tail(bad, round(exposure), int(base_bad), round(base_exposure), drift, at_bad=MID_P)
        width = self.dispersion
        return conditional_tail(
            bad / width, exposure / width, base_bad / width, base_exposure / width, drift, at_bad=MID_P
        )

    def still_possible(self, bad: int, exposure: float, ratio: float) -> float:
        """The probability of at most `bad` in `exposure` if the rate were at the threshold for `ratio`."""
        width = self.dispersion
        ratio = self.threshold(ratio) / self.usual
        return conditional_lower_tail(
            bad / width, exposure / width, self.bad / width, self.exposure / width, ratio
        )


def usual_drift(seconds: float, source: BaselineSource) -> float:
    """How many times a baseline's rate is usual at another moment; a short baseline has seen less of it."""
    if source is BaselineSource.HISTORY:
        return DRIFT_OF_DAYS
    return DRIFT + DRIFT_OF_A_MINUTE * min(1.0, 60.0 / max(seconds, 1.0))


class Conviction(Struct, frozen=True):
    """The stretch of time that says most clearly that the rate is too high. `p` is corrected for looking."""

    first: int
    bad: int
    exposure: float
    seconds: float
    p: float


def rate_of(signal: Signal, baseline: SignalBaseline) -> Rate | None:
    """The baseline's rate of an outcome or a count; `None` where nothing was sampled."""
    is_share = signal.kind is SignalKind.OUTCOMES
    exposure = float(baseline.tally.n) if is_share else baseline.seconds
    if baseline.tally.n <= 0 or exposure <= 0:
        return None
    drift = usual_drift(baseline.seconds, baseline.source)
    bad = min(baseline.tally.bad, baseline.tally.n) if is_share else baseline.tally.bad
    return Rate(max(0, bad), exposure, max(1.0, baseline.dispersion), drift, is_share)


def convict(
    series: ErrorSeries, rate: Rate, limits: Limits, watch: float, accepted: float
) -> tuple[Conviction | None, bool]:
    """What proves that the rate is too high now, and whether any stretch is at least suspicious.

    A stretch convicts where it holds enough errors, the ratio, and a corrected probability below `accepted`,
    and no shorter stretch since rules the threshold out.
    """
    length = len(series)
    if not length or series.bad[length] < limits.fewest_errors:
        return None, False
    threshold = rate.threshold(limits.error_ratio)
    looked = stretches(series.starts, series.now, ERROR_LENGTHS)
    best: Conviction | None = None
    suspicious = False
    for position, (seconds, first) in enumerate(looked):
        bad = series.bad[length] - series.bad[first]
        if bad < limits.fewest_errors:
            continue
        exposure = series.exposure[length] - series.exposure[first]
        if exposure <= 0 or bad < threshold * exposure:
            continue
        if series.longest < BRIEF_WINDOW_SECONDS and not _without_worst(series, first, threshold):
            continue
        p = rate.by_chance(bad, exposure)
        suspicious = suspicious or p < SUSPICIOUS
        p = min(1.0, p * times_looked(seconds, watch, len(ERROR_LENGTHS), exposure / rate.exposure))
        if p >= accepted or (best is not None and best.p <= p):
            continue
        if _is_over(series, rate, limits.error_ratio, looked[:position]):
            continue
        best = Conviction(first, bad, exposure, seconds, p)
    return best, suspicious


def _without_worst(series: ErrorSeries, first: int, threshold: float) -> bool:
    """Whether a stretch is above the threshold without its worst window, too; a burst isn't."""
    bad, exposure = series.bad, series.exposure
    length = len(series)
    worst = max(range(first, length), key=lambda i: bad[i + 1] - bad[i])
    left_bad = bad[length] - bad[first] - bad[worst + 1] + bad[worst]
    left = exposure[length] - exposure[first] - exposure[worst + 1] + exposure[worst]
    return left_bad > 0 and left_bad >= threshold * left


def _is_over(series: ErrorSeries, rate: Rate, ratio: float, shorter: Sequence[tuple[float, int]]) -> bool:
    """Whether a shorter stretch up to now rules the threshold out, so that what was bad has passed."""
    length = len(series)
    threshold = rate.threshold(ratio)
    for _, first in shorter:
        bad = series.bad[length] - series.bad[first]
        exposure = series.exposure[length] - series.exposure[first]
        expected = threshold * exposure / rate.dispersion
        if expected > bad and poisson_lower_tail(bad / rate.dispersion, expected) < 1 - GONE:
            return True
    return False
