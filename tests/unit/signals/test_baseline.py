"""Baselines: summarised from a calm while, merged from good runs at the same hour, and chosen."""

from __future__ import annotations

import random

import pytest

from handrail.signals.baseline import (
    BaselineSource,
    KeptBaseline,
    SignalBaseline,
    choose,
    from_history,
    hours_apart,
    is_enough,
    summarise,
)
from handrail.signals.window import Tally
from signal_windows import (
    CHECKOUT,
    CPU,
    LOG_ERRORS,
    SPEED,
    UNKNOWN,
    baseline_of,
    events,
    latencies,
    level,
    outcomes,
    watch_of,
)


def test_only_known_samples_and_their_seconds_count() -> None:
    baseline = baseline_of(CHECKOUT, [outcomes(10, 1), UNKNOWN, None, outcomes(20), UNKNOWN])
    assert (baseline.tally.n, baseline.tally.bad, baseline.seconds) == (30, 1, 10.0)
    assert baseline.source is BaselineSource.RUN


def test_a_signal_that_was_never_known_has_no_baseline() -> None:
    windows = watch_of(CHECKOUT, [UNKNOWN] * 10)
    assert summarise([CHECKOUT, SPEED], windows) == {}


def test_even_errors_have_no_dispersion_and_bursts_do() -> None:
    even = baseline_of(CHECKOUT, [outcomes(50, 1)] * 60)
    bursts = baseline_of(CHECKOUT, [outcomes(50, 20 if index % 20 == 7 else 0) for index in range(60)])
    assert even.dispersion == 1.0
    assert even.tally.bad == bursts.tally.bad == 60
    assert bursts.dispersion > 5


def test_bursts_of_a_count_are_dispersion_too() -> None:
    assert baseline_of(LOG_ERRORS, [events(15 if i % 15 == 0 else 0) for i in range(60)]).dispersion > 5


def test_latencies_that_wander_have_dispersion_and_a_single_spike_has_little() -> None:
    numbers = random.Random(1)
    calm = [[numbers.lognormvariate(4.8, 0.5) for _ in range(50)] for _ in range(60)]
    wandering = [[v * (1.4 if (i // 6) % 2 else 1.0) for v in values] for i, values in enumerate(calm)]
    spiked = [[v * (4.0 if 30 <= i < 33 else 1.0) for v in values] for i, values in enumerate(calm)]
    assert baseline_of(SPEED, map(latencies, calm)).dispersion < 2
    assert baseline_of(SPEED, map(latencies, spiked)).dispersion < 2.5
    assert baseline_of(SPEED, map(latencies, wandering)).dispersion > 5


def test_a_level_has_a_median_and_a_robust_spread() -> None:
    baseline = baseline_of(CPU, [level(value) for value in (40, 42, 38, 41, 39, 40, 95)])
    assert baseline.median == 40
    assert baseline.spread == pytest.approx(1.4826)


@pytest.mark.parametrize(
    ("one", "other", "apart"), [(23.5, 0.5, 1.0), (3.0, 3.0, 0.0), (0.0, 12.0, 12.0), (22, 2, 4)]
)
def test_hours_lie_on_a_clocks_face(one: float, other: float, apart: float) -> None:
    assert hours_apart(one, other) == apart


def kept(hour: float, n: int = 1000, bad: int = 2, target: str = "production") -> KeptBaseline:
    tally = Tally(n=n, bad=bad)
    return KeptBaseline(
        target=target, hour=hour, signals={"checkout": SignalBaseline(tally=tally, seconds=300)}
    )


def test_history_merges_the_newest_good_runs_at_this_hour() -> None:
    runs = [kept(3.0, n=7), kept(2.0), kept(3.9), kept(4.4), kept(23.0), kept(3.0, target="staging")]
    runs += [kept(2.6), kept(3.1)]
    found = from_history(runs, "production", 3.0)["checkout"]
    assert (found.runs, found.tally.n, found.tally.bad, found.seconds) == (5, 5000, 10, 1500)
    assert found.source is BaselineSource.HISTORY


def test_history_around_midnight() -> None:
    assert from_history([kept(23.2)], "production", 0.3)["checkout"].runs == 1
    assert from_history([kept(23.2)], "production", 1.0) == {}
    assert from_history([], "production", 1.0) == {}


def test_levels_of_runs_that_differ_spread_wider() -> None:
    runs = [
        KeptBaseline(target="p", hour=3, signals={"cpu": baseline_of(CPU, [level(v), level(v + 1)] * 6)})
        for v in (30, 40, 50)
    ]
    found = from_history(runs, "p", 3)["cpu"]
    assert found.median == 40.5
    assert found.spread == pytest.approx(14.826)


SMALL = SignalBaseline(tally=Tally(n=12), seconds=60)
SMALLER = SignalBaseline(tally=Tally(n=9), seconds=60, source=BaselineSource.HISTORY)
ENOUGH = SignalBaseline(tally=Tally(n=300), seconds=300)
OLD = SignalBaseline(tally=Tally(n=5000), seconds=9000, source=BaselineSource.HISTORY, runs=3)


@pytest.mark.parametrize(
    ("run", "history", "prefer", "chosen"),
    [
        (ENOUGH, OLD, "run", ENOUGH),
        (ENOUGH, OLD, "history", OLD),
        (SMALL, OLD, "run", OLD),
        (ENOUGH, SMALLER, "history", ENOUGH),
        (SMALL, SMALLER, "history", SMALL),
        (SMALL, None, "history", SMALL),
        (None, OLD, "run", OLD),
        (None, None, "run", None),
        (SignalBaseline(tally=Tally(unknown=5), seconds=0), None, "run", None),
    ],
)
def test_the_preferred_baseline_is_chosen_where_it_has_enough(
    run: SignalBaseline | None, history: SignalBaseline | None, prefer: str, chosen: SignalBaseline | None
) -> None:
    assert choose(run, history, prefer, CHECKOUT) is chosen  # type: ignore[arg-type]


def test_enough_depends_on_the_kind() -> None:
    assert is_enough(baseline_of(LOG_ERRORS, [events()] * 12), LOG_ERRORS)
    assert not is_enough(baseline_of(LOG_ERRORS, [events()] * 3), LOG_ERRORS)
    assert not is_enough(baseline_of(SPEED, [latencies([100.0] * 3)] * 3), SPEED)
    assert is_enough(baseline_of(CPU, [level(40)] * 5), CPU)
