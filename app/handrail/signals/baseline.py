"""What was usual before the deployment: each signal's samples of a calm while, summarised."""

from collections.abc import Sequence
from enum import StrEnum
from statistics import median
from typing import Literal

from pydantic import Field

from handrail.signals.dispersion import error_dispersion, latency_dispersion
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import SignalWindow, Tally, merged
from handrail.values import Frozen

SAME_HOUR = 1.5
"""How many hours of day apart two runs may be to count as at the same hour."""
NEWEST_RUNS = 5
ENOUGH_OUTCOMES = 30
ENOUGH_SECONDS = 60.0
ENOUGH_LATENCIES = 20
ENOUGH_LEVELS = 5
_DEVIATION_OF_NORMAL = 1.4826


class BaselineSource(StrEnum):
    """Where a baseline comes from: this run before its first change, or the last good runs at this hour."""

    RUN = "this run, before the deployment"
    HISTORY = "the last good runs at this hour"


class SignalBaseline(Frozen):
    """One signal's baseline: all samples merged, over `seconds` of sampling.

    `dispersion` (at least 1) is how much more the windows differ from each other than independent samples
    would: a judge widens its noise by it. `median` and `spread` (a robust standard deviation of window means)
    describe a level.
    """

    tally: Tally
    seconds: float
    source: BaselineSource = BaselineSource.RUN
    dispersion: float = 1.0
    median: float | None = None
    spread: float | None = None
    runs: int = 0


Baseline = dict[str, SignalBaseline]


class KeptBaseline(Frozen):
    """What the watch of a good run saw, for later runs at the same hour. `hour` is that of UTC."""

    target: str
    hour: float
    signals: Baseline = Field(default_factory=dict)


def summarise(signals: Sequence[Signal], windows: Sequence[SignalWindow]) -> Baseline:
    """The baseline of every signal that was sampled in these windows of a calm while, oldest first.

    Only windows with known samples count, in `seconds`, too. A signal that was never known has no baseline.
    """
    found: Baseline = {}
    for signal in signals:
        known = [
            (window.seconds, tally)
            for window in windows
            if (tally := window.tallies.get(signal.name)) is not None and tally.n > 0
        ]
        if known:
            found[signal.name] = _summary(signal.kind, known)
    return found


def _summary(kind: SignalKind, known: Sequence[tuple[float, Tally]]) -> SignalBaseline:
    tallies = [tally for _, tally in known]
    seconds = [length for length, _ in known]
    bad = [tally.bad for tally in tallies]
    dispersion, middle, spread = 1.0, None, None
    match kind:
        case SignalKind.OUTCOMES:
            dispersion = error_dispersion(bad, [float(tally.n) for tally in tallies])
        case SignalKind.COUNT:
            dispersion = error_dispersion(bad, seconds)
        case SignalKind.LATENCY:
            dispersion = latency_dispersion([tally.buckets for tally in tallies])
        case SignalKind.LEVEL:
            means = [tally.total / tally.n for tally in tallies]
            middle, spread = median(means), _robust_deviation(means)
    return SignalBaseline(
        tally=merged(tallies), seconds=sum(seconds), dispersion=dispersion, median=middle, spread=spread
    )


def _robust_deviation(values: Sequence[float]) -> float:
    middle = median(values)
    return _DEVIATION_OF_NORMAL * median(abs(value - middle) for value in values)


def from_history(kept: Sequence[KeptBaseline], target: str, hour: float) -> Baseline:
    """The baseline of the newest good runs of this target at about this hour of day; `kept` is oldest first.

    The hour is that of UTC, and 23:30 lies one hour before 0:30. Runs that lie more than an hour and a half
    away are left out. `runs` says how many runs a signal's baseline is made of.
    """
    near = [one for one in kept if one.target == target and hours_apart(one.hour, hour) <= SAME_HOUR]
    by_signal: dict[str, list[SignalBaseline]] = {}
    for one in near[-NEWEST_RUNS:]:
        for name, baseline in one.signals.items():
            if baseline.tally.n > 0:
                by_signal.setdefault(name, []).append(baseline)
    return {name: _of_runs(baselines) for name, baselines in by_signal.items()}


def hours_apart(one: float, other: float) -> float:
    """The distance of two hours of day on the clock's face, at most 12."""
    apart = abs(one - other) % 24
    return min(apart, 24 - apart)


def _of_runs(baselines: Sequence[SignalBaseline]) -> SignalBaseline:
    samples = sum(one.tally.n for one in baselines)
    medians = [one.median for one in baselines if one.median is not None]
    spreads = [one.spread for one in baselines if one.spread is not None]
    return SignalBaseline(
        tally=merged(one.tally for one in baselines),
        seconds=sum(one.seconds for one in baselines),
        source=BaselineSource.HISTORY,
        dispersion=max(1.0, sum(one.dispersion * one.tally.n for one in baselines) / samples),
        median=median(medians) if medians else None,
        spread=max(median(spreads), _robust_deviation(medians)) if medians and spreads else None,
        runs=len(baselines),
    )


def is_enough(baseline: SignalBaseline, signal: Signal) -> bool:
    """Whether a baseline has samples enough for its signal's judge."""
    tally = baseline.tally
    match signal.kind:
        case SignalKind.OUTCOMES:
            return tally.n >= ENOUGH_OUTCOMES
        case SignalKind.COUNT:
            return tally.n > 0 and baseline.seconds >= ENOUGH_SECONDS
        case SignalKind.LATENCY:
            return sum(tally.buckets.values()) >= ENOUGH_LATENCIES
        case SignalKind.LEVEL:
            return tally.n >= ENOUGH_LEVELS and baseline.median is not None


def choose(
    run: SignalBaseline | None,
    history: SignalBaseline | None,
    prefer: Literal["run", "history"],
    signal: Signal,
) -> SignalBaseline | None:
    """The preferred baseline where it has enough data; else the other; else whichever of both has more.

    The judge calls too little data by its name. `None` where there is no baseline at all.
    """
    ranked = [run, history] if prefer == "run" else [history, run]
    there = [one for one in ranked if one is not None and one.tally.n > 0]
    enough = [one for one in there if is_enough(one, signal)]
    if enough:
        return enough[0]
    return max(there, key=lambda one: one.tally.n, default=None)
