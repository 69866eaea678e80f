"""The verdicts on outcomes and counts: never on the first error, early on a real rise, never good unseen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.signals.baseline import SignalBaseline
from handrail.signals.judgement import Judgement, SignalVerdict
from handrail.signals.judging import judge
from handrail.signals.limits import Limits
from handrail.signals.window import SignalWindow, Tally
from handrail.values import TriggerClass
from signal_windows import (
    CHECKOUT,
    LOG_ERRORS,
    RESTARTS,
    SPEED,
    START,
    UNKNOWN,
    after,
    baseline_of,
    events,
    latencies,
    outcomes,
    spread_errors,
    watch_of,
    with_other_signals,
)

LIMITS = Limits()
GOOD, WARNING, BAD, UNKNOWN_VERDICT = (
    SignalVerdict.GOOD,
    SignalVerdict.WARNING,
    SignalVerdict.BAD,
    SignalVerdict.UNKNOWN,
)
ONE_PERCENT = baseline_of(CHECKOUT, [outcomes(25, 1 if index % 4 == 0 else 0) for index in range(60)])
CLEAN = baseline_of(CHECKOUT, [outcomes(25)] * 60)


def judged(tallies: list[Tally | None], baseline: SignalBaseline | None) -> Judgement:
    return judge(CHECKOUT, watch_of(CHECKOUT, tallies), baseline, LIMITS)


@pytest.mark.parametrize(
    ("n", "bad", "base_n", "base_bad", "verdict"),
    [
        (30, 3, 60, 0, UNKNOWN_VERDICT),
        (30, 1, 300, 0, UNKNOWN_VERDICT),
        (30, 3, 300, 0, UNKNOWN_VERDICT),  # p = 0.0007 once, and a watch looks hundreds of times
        (30, 8, 300, 0, BAD),
        (150, 7, 3000, 3, BAD),
        (150, 2, 3000, 3, UNKNOWN_VERDICT),
        (150, 4, 1500, 15, UNKNOWN_VERDICT),
        (150, 20, 1500, 15, BAD),
        (900, 9, 1500, 15, GOOD),
        (10, 0, 1500, 15, UNKNOWN_VERDICT),
        (59, 0, 300, 0, UNKNOWN_VERDICT),
        (60, 0, 300, 0, GOOD),
        (120, 1, 300, 0, UNKNOWN_VERDICT),
        (30, 30, 60, 20, BAD),
        (30, 12, 60, 20, UNKNOWN_VERDICT),
    ],
)
def test_verdicts_on_half_a_minute(n: int, bad: int, base_n: int, base_bad: int, verdict: str) -> None:
    baseline = baseline_of(CHECKOUT, spread_errors(base_n, base_bad, 60))
    found = judged(list(spread_errors(n, bad, 6)), baseline)
    assert found.verdict is verdict, found.because
    assert found.trigger_class is (TriggerClass.FAST if verdict is BAD else None)
    assert found.samples == n
    assert found.baseline_samples == base_n


def test_the_sentence_has_effect_numbers_and_confidence() -> None:
    baseline = baseline_of(CHECKOUT, spread_errors(3000, 3, 60))
    found = judged(list(spread_errors(151, 7, 6)), baseline)
    assert found.because.startswith(
        "checkout fails 46 times as often as before: 7 of 151 requests (4.6 %), "
        "before 3 of 3,000 requests (0.1 %); by chance less than 1 in "
    )
    assert found.effect == "46 times the baseline"
    assert found.now == pytest.approx(7 / 151)
    assert found.baseline == pytest.approx(0.001)
    assert found.threshold == pytest.approx(0.005)
    assert found.p is not None
    assert found.p < LIMITS.false_alarms


def test_too_little_is_said() -> None:
    found = judged(list(spread_errors(41, 0, 24)), ONE_PERCENT)
    assert found.because == (
        "checkout: too few yet: 41 requests in 2 min, before 15 of 1,500 requests (1.0 %)."
    )
    assert judged([outcomes(5, 1)], None).because == (
        "checkout: no baseline to hold 1 of 5 requests (20 %) against."
    )
    assert judged([], ONE_PERCENT).verdict is UNKNOWN_VERDICT


def test_unknown_samples_are_neither_good_nor_zero() -> None:
    found = judged([UNKNOWN] * 20, CLEAN)
    assert found.verdict is UNKNOWN_VERDICT
    assert found.now is None
    assert "timed out" in found.because
    # A hundred samples that are known, and then none for two minutes.
    blind = judged([outcomes(25)] * 20 + [UNKNOWN] * 24, CLEAN)
    assert blind.verdict is UNKNOWN_VERDICT
    assert "nothing was known for 2 min (timed out)" in blind.because
    assert judged([outcomes(25)] * 20 + [UNKNOWN] * 23, CLEAN).verdict is GOOD


def test_a_single_burst_is_no_proof_and_a_second_window_is() -> None:
    assert judged([*[outcomes(25)] * 20, outcomes(25, 15)], ONE_PERCENT).verdict is not BAD
    assert judged([*[outcomes(25)] * 20, outcomes(25, 8), outcomes(25, 7)], ONE_PERCENT).verdict is BAD


def test_the_evidence_began_with_the_first_bad_sample_of_the_rise() -> None:
    quiet = [outcomes(25, 1 if index % 4 == 0 else 0) for index in range(60)]
    broken = [outcomes(25, 5, first_bad=2.5)] + [outcomes(25, 5, first_bad=0.1)] * 11
    found = judged([*quiet, *broken], ONE_PERCENT)
    assert found.verdict is BAD
    assert found.evidence_from == after(302.5)


def test_a_blind_gap_is_no_evidence_and_moves_none() -> None:
    quiet = [outcomes(25)] * 30
    broken = [outcomes(25, 6, first_bad=1.0)] * 6
    found = judged([*quiet, *[None] * 30, *broken], ONE_PERCENT)
    assert found.verdict is BAD
    assert found.evidence_from == after(60 * 5 + 1.0)
    assert found.samples == 36 * 25


def test_bad_goes_back_to_good_when_the_evidence_is_gone() -> None:
    quiet = [outcomes(25, 1 if index % 4 == 0 else 0) for index in range(120)]
    broken = [outcomes(25, 5)] * 6
    assert judged([*quiet[:12], *broken], ONE_PERCENT).verdict is BAD
    assert judged([*quiet[:12], *broken, *quiet], ONE_PERCENT).verdict is GOOD


def test_a_second_trouble_begins_when_it_does() -> None:
    quiet = [outcomes(25, 1 if index % 4 == 0 else 0) for index in range(120)]
    broken = [outcomes(25, 5, first_bad=0.5)] * 6
    found = judged([*broken, *quiet, *broken], ONE_PERCENT)
    assert found.verdict is BAD
    assert found.evidence_from == after(126 * 5 + 0.5)


def test_false_alarms_are_shared_by_all_signals_of_the_watch() -> None:
    windows = watch_of(CHECKOUT, spread_errors(75, 9, 3))
    alone = judge(CHECKOUT, windows, ONE_PERCENT, LIMITS)
    others = {f"other {index}": outcomes(5) for index in range(60)}
    among_many = judge(CHECKOUT, [with_other_signals(one, others) for one in windows], ONE_PERCENT, LIMITS)
    assert alone.verdict is BAD
    assert among_many.verdict is not BAD


def test_counts_are_held_against_time() -> None:
    baseline = baseline_of(LOG_ERRORS, [events(1 if index % 12 == 0 else 0) for index in range(60)])
    assert baseline.tally.bad == 5
    calm = watch_of(LOG_ERRORS, [events(1 if index % 12 == 0 else 0) for index in range(120)])
    assert judge(LOG_ERRORS, calm, baseline, LIMITS).verdict is GOOD
    flood = judge(LOG_ERRORS, watch_of(LOG_ERRORS, [events(3)] * 6), baseline, LIMITS)
    assert flood.verdict is BAD
    assert flood.because.startswith(
        "log errors happens 36 times as often as before: 18 in 30 s, before 5 in 5 min; by chance"
    )
    assert flood.now == 36.0
    assert flood.baseline == 1.0
    assert flood.threshold == 5.0
    assert flood.evidence_from == after(1.0)


def test_one_restart_is_bad() -> None:
    assert judge(RESTARTS, watch_of(RESTARTS, [events()] * 10), None, LIMITS).verdict is GOOD
    assert judge(RESTARTS, watch_of(RESTARTS, [UNKNOWN] * 10), None, LIMITS).verdict is UNKNOWN_VERDICT
    tallies = [*[events()] * 10, Tally(n=1, bad=1, first_bad=2.0, why="shop-api was restarted"), events()]
    found = judge(RESTARTS, watch_of(RESTARTS, tallies), None, LIMITS)
    assert found.verdict is BAD
    assert found.trigger_class is TriggerClass.FAST
    assert found.evidence_from == after(52.0)
    assert found.because == (
        "restarts: 1 since the watch began, and a single one is bad: shop-api was restarted."
    )


KNOWN = st.builds(
    lambda n, bad: outcomes(n, min(n, bad)), st.integers(1, 40), st.one_of(st.just(0), st.integers(0, 40))
)
ANY_TALLY = st.one_of(KNOWN, st.just(UNKNOWN), st.none())
WATCHES = st.lists(ANY_TALLY, max_size=80)
BASELINES = st.sampled_from([CLEAN, ONE_PERCENT, baseline_of(CHECKOUT, [outcomes(5)] * 3)])
BADNESS = {GOOD: 0, WARNING: 1, UNKNOWN_VERDICT: 2, BAD: 3}


@settings(max_examples=60, deadline=None)
@given(WATCHES, BASELINES, st.data())
def test_one_more_error_never_makes_a_verdict_better(
    tallies: list[Tally | None], baseline: SignalBaseline, data: st.DataObject
) -> None:
    errant = [i for i, one in enumerate(tallies) if one is not None and one.bad < one.n]
    if not errant:
        return
    index = data.draw(st.sampled_from(errant))
    worse = list(tallies)
    one = tallies[index]
    assert one is not None
    worse[index] = outcomes(one.n, one.bad + 1)
    before, now = judged(tallies, baseline), judged(worse, baseline)
    assert BADNESS[now.verdict] >= BADNESS[before.verdict], (before, now)


@settings(max_examples=50, deadline=None)
@given(WATCHES, BASELINES)
def test_unknown_samples_never_make_it_good(tallies: list[Tally | None], baseline: SignalBaseline) -> None:
    before = judged(tallies, baseline)
    now = judged([*tallies, UNKNOWN], baseline)
    assert now.verdict is not GOOD or before.verdict in (GOOD, BAD)
    instead = [Tally(unknown=1) if one is None else one for one in tallies]
    assert (judged(instead, baseline).verdict is GOOD) <= (before.verdict is not BAD)


@settings(max_examples=50, deadline=None)
@given(WATCHES, WATCHES)
def test_the_order_of_signals_is_irrelevant(tallies: list[Tally | None], others: list[Tally | None]) -> None:
    windows = []
    for index in range(min(len(tallies), len(others))):
        both = {"checkout": tallies[index], "search": others[index]}
        windows.append({name: tally for name, tally in both.items() if tally is not None})
    forward = [SignalWindow(start=after(i * 5), seconds=5, tallies=one) for i, one in enumerate(windows)]
    backward = [
        SignalWindow(start=after(i * 5), seconds=5, tallies=dict(reversed(one.items())))
        for i, one in enumerate(windows)
    ]
    assert judge(CHECKOUT, forward, CLEAN, LIMITS) == judge(CHECKOUT, backward, CLEAN, LIMITS)


ANY_WINDOW = st.builds(
    lambda at, seconds, tally: SignalWindow(
        start=after(at), seconds=seconds, tallies={} if tally is None else {"checkout": tally, "speed": tally}
    ),
    st.floats(-100, 4000),
    st.floats(0, 60),
    st.one_of(
        ANY_TALLY,
        st.builds(latencies, st.lists(st.floats(0, 1e6), min_size=1, max_size=30)),
        st.just(Tally(n=3, bad=9)),
    ),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(ANY_WINDOW, max_size=40),
    st.sampled_from([None, CLEAN, SignalBaseline(tally=Tally(), seconds=0)]),
)
def test_no_sequence_of_windows_is_an_error(
    windows: list[SignalWindow], baseline: SignalBaseline | None
) -> None:
    for signal in (CHECKOUT, LOG_ERRORS.model_copy(update={"name": "checkout"}), RESTARTS, SPEED):
        for watch in (timedelta(0), timedelta(minutes=30)):
            found = judge(signal, windows, baseline, LIMITS, watch=watch)
            assert found.because
            assert found.p is None or 0 <= found.p <= 1


def test_another_boot_is_counted_by_the_wall_clock() -> None:
    windows = watch_of(CHECKOUT, spread_errors(600, 60, 24))
    rebooted = [
        one.model_copy(update={"start": type(START)(one.start.wall + 90, one.start.boot - 900, "other")})
        for one in windows[12:]
    ]
    found = judge(CHECKOUT, [*windows[:12], *rebooted], ONE_PERCENT, LIMITS)
    assert found.verdict is BAD
    assert found.samples == 600
