"""One-sided tests that stay exact where counts are small: Fisher's, and the conditional binomial test."""

from __future__ import annotations

import math
from collections.abc import Callable

MID_P = 0.5
"""As `at_bad`: exact tests of small counts accept far fewer false alarms than they are asked to; with half of
the probability of what is seen they accept about as many (Lancaster's mid-p)."""
_SMALLEST = 1e-300
_CONVERGED = 1e-12


def normal_tail(z: float) -> float:
    """The probability that a standard normal variable is at least `z`."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


def fisher_tail(
    bad: int, n: int, base_bad: int, base_n: int, odds: float = 1.0, *, at_bad: float = 1.0
) -> float:
    """The probability of at least `bad` of `n` by chance, beside `base_bad` of `base_n` (Fisher's test).

    `odds` is the ratio of odds that the null hypothesis allows for (Fisher's noncentral hypergeometric
    distribution); with 1 it is the usual test. `at_bad` is the part of the probability of exactly `bad`
    that counts.
    """
    total_bad = bad + base_bad
    lowest, highest = max(0, total_bad - base_n), min(n, total_bad)
    if bad <= lowest:
        return 1.0
    if bad > highest:
        return 0.0

    def step_up(k: int) -> float:
        """The weight at k + 1, over that at k."""
        return odds * (n - k) * (total_bad - k) / ((k + 1) * (base_n - total_bad + k + 1))

    # All weights are relative to the one at `bad`, so that nothing under- or overflows near it.
    upper = _geometric_sum(1.0, range(bad, highest), step_up)
    below, weight = 0.0, 1.0
    for k in range(bad - 1, lowest - 1, -1):
        weight /= step_up(k)
        below += weight
        if weight < below * _CONVERGED or below > 1 / _SMALLEST:
            break
    return min(1.0, (upper - 1.0 + at_bad) / (upper + below))


def _geometric_sum(first: float, ks: range, step: Callable[[int], float]) -> float:
    total = weight = first
    for k in ks:
        weight *= step(k)
        total += weight
        if weight < total * _CONVERGED:
            break
    return total


def conditional_tail(
    bad: float,
    exposure: float,
    base_bad: float,
    base_exposure: float,
    ratio: float = 1.0,
    *,
    at_bad: float = 1.0,
) -> float:
    """The probability of at least `bad` in `exposure`, if the rate were `ratio` times the baseline's.

    The conditional binomial test of two Poisson rates. Counts may be fractions: they are divided by a
    dispersion above 1. Exposures are of one unit, samples or seconds. `at_bad` as of `fisher_tail`.
    """
    if bad <= 0:
        return 1.0
    share = ratio * exposure / (ratio * exposure + base_exposure)
    at_least = incomplete_beta(bad, base_bad + 1.0, share)
    if at_bad == 1.0:
        return at_least
    more = incomplete_beta(bad + 1.0, base_bad, share) if base_bad > 0 else 0.0
    return at_bad * at_least + (1.0 - at_bad) * more


def conditional_lower_tail(
    bad: float, exposure: float, base_bad: float, base_exposure: float, ratio: float = 1.0
) -> float:
    """The probability of at most `bad` in `exposure`, if the rate were `ratio` times the baseline's.

    Always 1 for a baseline without a single event: nothing can be ruled out against it.
    """
    if base_bad <= 0:
        return 1.0
    share = ratio * exposure / (ratio * exposure + base_exposure)
    return incomplete_beta(base_bad, bad + 1.0, 1.0 - share)


def poisson_lower_tail(bad: float, expected: float) -> float:
    """The probability of at most `bad` events where `expected` are expected (Poisson)."""
    term = total = math.exp(-expected)
    for k in range(1, int(bad) + 1):
        term *= expected / k
        total += term
    return min(1.0, total)


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Lentz's method)."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    front = math.exp(logarithm)
    if x < (a + 1.0) / (a + b + 2.0):
        return min(1.0, front * _beta_fraction(a, b, x) / a)
    return max(0.0, 1.0 - front * _beta_fraction(b, a, 1.0 - x) / b)


def _beta_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    d = 1.0 / d
    result = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 / _away_from_zero(1.0 + even * d)
        c = _away_from_zero(1.0 + even / c)
        result *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 / _away_from_zero(1.0 + odd * d)
        c = _away_from_zero(1.0 + odd / c)
        result *= d * c
        if abs(d * c - 1.0) < _CONVERGED:
            break
    return result


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _SMALLEST else _SMALLEST
