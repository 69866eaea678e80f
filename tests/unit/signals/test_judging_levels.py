"""The verdicts on levels: bounds that hold, rises that last, and growth that doesn't slow down."""

from __future__ import annotations

import math
import random

import pytest

from handrail.signals.baseline import SignalBaseline
from handrail.signals.judgement import Judgement, SignalVerdict
from handrail.signals.judging import judge
from handrail.signals.limits import Limits
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.trend import theil_sen
from handrail.signals.window import Tally
from handrail.values import TriggerClass
from signal_windows import CPU, MEMORY, UNKNOWN, after, baseline_of, level, watch_of

LIMITS = Limits()
DISK = Signal(name="disk free", kind=SignalKind.LEVEL, unit="%", below=10.0)
LAG = Signal(name="lag", kind=SignalKind.LEVEL, unit="s", above=30.0)
CALM = baseline_of(CPU, [level(value) for value in (28, 30, 32, 29, 31) * 12])


def judged(signal: Signal, tallies: list[Tally | None], baseline: SignalBaseline | None = None) -> Judgement:
    return judge(signal, watch_of(signal, tallies), baseline, LIMITS)


@pytest.mark.parametrize(
    ("signal", "tallies", "verdict"),
    [
        (LAG, [level(5)] * 10, SignalVerdict.GOOD),
        (LAG, [*[level(5)] * 10, level(31), level(40)], SignalVerdict.GOOD),
        (LAG, [*[level(5)] * 10, level(31), level(40), level(32)], SignalVerdict.BAD),
        (LAG, [level(31), level(40), level(32), level(5)], SignalVerdict.GOOD),
        (LAG, [level(31), level(40), UNKNOWN, None, level(32)], SignalVerdict.BAD),
        (LAG, [level(31), UNKNOWN, UNKNOWN], SignalVerdict.UNKNOWN),
        (DISK, [*[level(50)] * 4, level(9, 8, 7)], SignalVerdict.BAD),
        (DISK, [level(11, 8, 7)] * 5, SignalVerdict.GOOD),
        (CPU, [level(30)] * 40, SignalVerdict.UNKNOWN),
    ],
)
def test_fixed_bounds(signal: Signal, tallies: list[Tally | None], verdict: SignalVerdict) -> None:
    found = judged(signal, tallies)
    assert found.verdict is verdict, found.because
    assert found.trigger_class is (TriggerClass.CONSIDERED if verdict is SignalVerdict.BAD else None)


def test_the_evidence_of_a_bound_is_the_first_sample_beyond_it() -> None:
    found = judged(LAG, [*[level(5)] * 10, *[level(40)] * 6])
    assert found.evidence_from == after(50)
    assert found.because == "lag is 40 s, above its bound of 30 s, for 6 samples in a row."
    assert found.threshold == 30.0


@pytest.mark.parametrize(
    ("now", "windows", "verdict"),
    [
        (31, 60, SignalVerdict.GOOD),
        (39, 60, SignalVerdict.WARNING),
        (60, 60, SignalVerdict.BAD),
        (60, 20, SignalVerdict.GOOD),
    ],
)
def test_a_lasting_rise_over_the_baseline(now: float, windows: int, verdict: SignalVerdict) -> None:
    found = judged(CPU, [*[level(30)] * 60, *[level(now)] * windows], CALM)
    assert found.verdict is verdict or (windows == 20 and found.verdict is SignalVerdict.UNKNOWN)
    assert found.baseline == 30
    if verdict is SignalVerdict.BAD:
        assert found.trigger_class is TriggerClass.CONSIDERED
        assert found.evidence_from == after(300)
        assert found.because == (
            "cpu is at 60 %, before 30 % (+100 %): above 45 % in 36 of 36 windows of the last 3 min."
        )


def test_a_spike_after_the_start_is_not_a_rise() -> None:
    for end in range(1, 80):
        tallies = [*[level(99)] * 12, *[level(30)] * 70]
        assert judged(CPU, tallies[:end], CALM).verdict is not SignalVerdict.BAD


def test_twice_of_next_to_nothing_is_nothing() -> None:
    idle = baseline_of(CPU, [level(0.5)] * 60)
    assert judged(CPU, [level(2.0)] * 120, idle).verdict is SignalVerdict.GOOD


def test_a_share_that_is_high_already_has_no_threshold_to_rise_over() -> None:
    """Nobody is told of a bound of 150 %."""
    machine = CPU.model_copy(update={"highest": 100.0})
    assert judged(machine, [level(62)] * 60, baseline_of(machine, [level(60)] * 60)).threshold == 90
    busy = judged(machine, [level(99)] * 60, baseline_of(machine, [level(80)] * 60))
    assert (busy.threshold, busy.verdict) == (None, SignalVerdict.GOOD)
    several_cores = judged(CPU, [level(99)] * 60, baseline_of(CPU, [level(80)] * 60))
    assert several_cores.threshold == pytest.approx(120)


MEGABYTE = 1e6


def memory(windows: int, grown: float, seed: int = 1, slows_after: float | None = None) -> list[Tally | None]:
    """A process of 200 MB that grows by so many MB in half an hour, straight or ever slower."""
    numbers = random.Random(seed)
    tallies: list[Tally | None] = []
    for index in range(windows):
        seconds = index * 5
        share = seconds / 1800 if slows_after is None else 1 - math.exp(-seconds / slows_after)
        tallies.append(level((200 + grown * share + numbers.gauss(0, 2)) * MEGABYTE))
    return tallies


MEMORY_BASELINE = baseline_of(MEMORY, memory(60, 0.0, seed=2))


def test_a_leak_is_bad_and_says_how_fast() -> None:
    found = judged(MEMORY, memory(300, 60), MEMORY_BASELINE)
    assert found.verdict is SignalVerdict.BAD, found.because
    assert found.trigger_class is TriggerClass.CONSIDERED
    assert found.evidence_from == after(300)
    assert found.effect.startswith("grows by 1")
    assert found.effect.endswith(" MB an hour")
    assert "as a leak does" in found.because
    assert found.p is not None


@pytest.mark.parametrize(
    ("grown", "slows_after"), [(0, None), (8, None), (60, 180.0), (60, 400.0), (-60, None)]
)
def test_calm_memory_and_a_warm_up_are_no_leak(grown: float, slows_after: float | None) -> None:
    tallies = memory(360, grown, slows_after=slows_after)
    for end in range(12, 361, 12):
        found = judged(MEMORY, tallies[:end], MEMORY_BASELINE)
        assert found.verdict is not SignalVerdict.BAD, (end, found.because)


def test_only_what_may_leak_is_tested_for_it() -> None:
    steady = MEMORY.model_copy(update={"may_leak": False})
    assert judged(steady, memory(300, 40), MEMORY_BASELINE).verdict is SignalVerdict.GOOD


def test_a_leak_is_found_without_a_baseline() -> None:
    assert judged(MEMORY, memory(330, 80)).verdict is SignalVerdict.BAD


def test_theil_and_sens_slope_ignores_an_outlier() -> None:
    assert theil_sen([0, 1, 2, 3, 4], [0, 2, 4, 600, 8]) == pytest.approx(2.0, abs=0.1)
    assert theil_sen([1], [1]) == 0.0


def test_too_little_is_said() -> None:
    assert judged(CPU, [level(30), level(31)], CALM).because == "cpu: too few samples yet: 2."
    assert judged(CPU, [level(30)] * 10).because == "cpu: no baseline to hold 30 % against."
    assert judged(CPU, [UNKNOWN] * 10, CALM).verdict is SignalVerdict.UNKNOWN
