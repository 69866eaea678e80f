"""The verdicts on latencies: slower for long, by more than the limit, and not for a moment."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.signals.baseline import SignalBaseline
from handrail.signals.judgement import Judgement, SignalVerdict
from handrail.signals.judging import judge
from handrail.signals.latency_buckets import buckets_between
from handrail.signals.latency_ranks import Ranks, ratio_of_medians
from handrail.signals.limits import Limits
from handrail.signals.window import Tally, merged
from handrail.values import TriggerClass
from signal_windows import SPEED, UNKNOWN, after, baseline_of, latencies, watch_of

LIMITS = Limits()
A_WINDOW = 25


def traffic(windows: int, slowdown: float = 1.0, seed: int = 1, n: int = A_WINDOW) -> list[Tally | None]:
    """Skewed latencies with a median of about 120 ms, five a second."""
    numbers = random.Random(seed)
    return [
        latencies([numbers.lognormvariate(4.79, 0.6) * slowdown for _ in range(n)]) for _ in range(windows)
    ]


BASELINE = baseline_of(SPEED, traffic(60, seed=7))


def judged(tallies: list[Tally | None], baseline: SignalBaseline | None = BASELINE) -> Judgement:
    return judge(SPEED, watch_of(SPEED, tallies), baseline, LIMITS)


@pytest.mark.parametrize(
    ("slowdown", "windows", "verdict", "trigger_class"),
    [
        (1.0, 240, SignalVerdict.GOOD, None),
        (0.5, 240, SignalVerdict.GOOD, None),
        (1.0, 1, SignalVerdict.UNKNOWN, None),
        (1.15, 240, SignalVerdict.WARNING, None),
        (1.3, 120, SignalVerdict.BAD, TriggerClass.CONSIDERED),
        (2.0, 24, SignalVerdict.BAD, TriggerClass.CONSIDERED),
        (4.0, 24, SignalVerdict.BAD, TriggerClass.CONSIDERED),
        (4.0, 6, SignalVerdict.UNKNOWN, None),
    ],
)
def test_verdicts_by_slowdown(
    slowdown: float, windows: int, verdict: SignalVerdict, trigger_class: TriggerClass | None
) -> None:
    found = judged(traffic(windows, slowdown))
    assert found.verdict is verdict, found.because
    assert found.trigger_class is trigger_class
    assert found.samples == windows * A_WINDOW
    assert found.baseline_samples == 60 * A_WINDOW


def test_short_spikes_are_not_bad() -> None:
    quiet = traffic(120)
    tallies = [*quiet[:40], *traffic(3, 3.0), *quiet[40:50], *traffic(3, 3.0), *quiet[50:60]]
    for end in range(40, len(tallies) + 1):
        found = judged(tallies[:end])
        assert found.verdict is not SignalVerdict.BAD, (end, found.because)


def test_the_sentence_has_effect_numbers_and_confidence() -> None:
    found = judged(traffic(60, 1.5))
    assert found.because.startswith("speed is slower than before by more than +20 %: +5")
    assert "1,500 samples" in found.because
    assert "by chance less than 1 in" in found.because
    assert found.now == pytest.approx(180, rel=0.1)
    assert found.baseline == pytest.approx(120, rel=0.1)
    assert found.threshold == pytest.approx((found.baseline or 0) * 1.2)
    assert found.p is not None
    assert found.p < LIMITS.false_alarms


def test_the_evidence_began_when_it_became_slow() -> None:
    found = judged([*traffic(60), *traffic(60, 1.6, seed=3)])
    assert found.verdict is SignalVerdict.BAD
    assert found.evidence_from is not None
    assert abs(found.evidence_from.since(after(300)).total_seconds()) <= 20


def test_a_blind_gap_is_no_evidence() -> None:
    found = judged([*traffic(24), *[None] * 60, *traffic(48, 1.8, seed=3)])
    assert found.verdict is SignalVerdict.BAD
    assert found.evidence_from is not None
    assert abs(found.evidence_from.since(after(84 * 5)).total_seconds()) <= 20


def test_bad_goes_back_to_good_when_the_evidence_is_gone() -> None:
    slow = [*traffic(24), *traffic(36, 1.6)]
    assert judged(slow).verdict is SignalVerdict.BAD
    assert judged([*slow, *traffic(200, seed=5)]).verdict is SignalVerdict.GOOD


def test_too_little_is_said() -> None:
    assert judged(traffic(20), None).because == "speed: no baseline."
    few = baseline_of(SPEED, traffic(1, n=5))
    assert judged(traffic(20), few).because == "speed: the baseline is too small: 5 samples."
    assert judged([UNKNOWN] * 30).verdict is SignalVerdict.UNKNOWN
    assert judged([*traffic(200), *[UNKNOWN] * 24]).verdict is SignalVerdict.UNKNOWN


def test_few_samples_are_no_proof() -> None:
    found = judged(traffic(12, n=1))
    assert found.verdict is SignalVerdict.UNKNOWN
    assert found.because == "speed: no proof either way yet: 12 samples in 60 s."


def test_the_ratio_of_medians_is_the_slowdown() -> None:
    buckets = merged(one for one in traffic(60, 1.5, seed=9) if one is not None).buckets
    assert ratio_of_medians(buckets, BASELINE.tally.buckets) == pytest.approx(1.5, rel=0.06)
    assert ratio_of_medians({250: 3}, {200: 5}) == pytest.approx(1.02**50, rel=0.02)


@given(st.dictionaries(st.integers(-200, 600), st.integers(1, 50), min_size=1), st.floats(1.0, 3.0))
def test_ranks_rise_from_zero_to_one(buckets: dict[int, int], ratio: float) -> None:
    ranks_of, shift = Ranks(buckets), buckets_between(ratio)
    ranks = [ranks_of.rank(bucket, shift) for bucket in range(min(buckets) - 2, max(buckets) + 70)]
    assert ranks[0] <= 0.5
    assert ranks[-1] == 1.0
    assert all(one <= other + 1e-12 for one, other in pairwise(ranks))
    # Its own samples, in the middle.
    assert ranks_of.total(buckets) == pytest.approx(sum(buckets.values()) / 2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.floats(1, 5000), min_size=1, max_size=20), min_size=1, max_size=60), st.data())
def test_slower_is_never_good_where_faster_was_not(values: list[list[float]], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(values) - 1))
    worse = [list(one) for one in values]
    worse[index] = [value * 3 for value in worse[index]]
    before = judged([latencies(one) for one in values])
    now = judged([latencies(one) for one in worse])
    assert now.verdict is not SignalVerdict.GOOD or before.verdict is SignalVerdict.GOOD
