"""The exact tests give the numbers of tables, and of issue 4."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.signals.exact_tests import (
    MID_P,
    conditional_lower_tail,
    conditional_tail,
    fisher_tail,
    incomplete_beta,
    normal_tail,
    poisson_lower_tail,
)


@pytest.mark.parametrize(
    ("bad", "n", "base_bad", "base_n", "expected"),
    [
        (3, 30, 0, 300, 0.000684),
        (3, 30, 0, 60, 0.034559),
        (8, 9, 4, 15, 0.004711),
        (0, 30, 5, 30, 1.0),
        (30, 30, 0, 30, 8.46e-18),
    ],
)
def test_fishers_exact_test(bad: int, n: int, base_bad: int, base_n: int, expected: float) -> None:
    assert fisher_tail(bad, n, base_bad, base_n) == pytest.approx(expected, rel=1e-3)


def test_fisher_allows_for_a_ratio_of_odds() -> None:
    assert fisher_tail(3, 30, 0, 300, 2.0) > fisher_tail(3, 30, 0, 300, 1.5) > fisher_tail(3, 30, 0, 300)


def test_the_conditional_test_is_a_binomial_tail() -> None:
    assert conditional_tail(3, 30, 0, 300) == pytest.approx((1 / 11) ** 3)
    # Two heads or more of three.
    assert conditional_tail(2, 10, 1, 10) == pytest.approx(0.5)
    assert conditional_lower_tail(1, 10, 2, 10) == pytest.approx(0.5)
    assert conditional_tail(0, 10, 5, 10) == 1.0


def test_the_mid_p_counts_half_of_what_is_seen() -> None:
    # Two of three heads: 3/8, three: 1/8.
    assert conditional_tail(2, 10, 1, 10, at_bad=MID_P) == pytest.approx(1 / 8 + 3 / 16)
    assert conditional_tail(3, 30, 0, 300, at_bad=MID_P) == pytest.approx((1 / 11) ** 3 / 2)
    # One of two red balls, drawn twice from four: all of 5/6, and half of 4/6.
    assert fisher_tail(1, 2, 1, 2, at_bad=MID_P) == pytest.approx(1 / 6 + 2 / 6)


def test_nothing_is_ruled_out_beside_a_baseline_without_an_event() -> None:
    assert conditional_lower_tail(0, 1000, 0, 1000, 5.0) == 1.0


def test_the_incomplete_beta_function() -> None:
    assert incomplete_beta(2.0, 3.0, 0.5) == pytest.approx(0.6875)
    assert incomplete_beta(0.5, 0.5, 0.5) == pytest.approx(0.5)
    assert incomplete_beta(300.5, 3.5, 0.999) == pytest.approx(0.998971, rel=1e-5)
    assert incomplete_beta(2.0, 3.0, 0.0) == 0.0
    assert incomplete_beta(2.0, 3.0, 1.0) == 1.0


def test_the_tails_of_known_distributions() -> None:
    assert normal_tail(1.6449) == pytest.approx(0.05, rel=1e-3)
    assert poisson_lower_tail(2, 3.0) == pytest.approx(0.423190, rel=1e-5)


@given(
    st.integers(1, 400), st.integers(0, 400), st.integers(1, 4000), st.integers(0, 400), st.floats(1.0, 10.0)
)
def test_more_errors_are_never_likelier(n: int, bad: int, base_n: int, base_bad: int, odds: float) -> None:
    bad, base_bad = min(bad, n), min(base_bad, base_n)
    p = fisher_tail(bad, n, base_bad, base_n, odds)
    assert 0.0 <= p <= 1.0
    if bad < n:
        assert fisher_tail(bad + 1, n, base_bad, base_n, odds) <= p * (1 + 1e-9)
    assert 0.0 <= conditional_tail(bad + 1, n, base_bad, base_n, odds) <= 1.0
    assert (
        conditional_tail(bad + 1, n, base_bad, base_n) <= conditional_tail(bad, n, base_bad, base_n) + 1e-12
    )
