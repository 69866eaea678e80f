"""A signal's windows as curves over a run: few enough points for a picture, and nothing invented in a gap."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from handrail.clock import Instant
from handrail.reports.signal_values import value_of
from handrail.signals.baseline import SignalBaseline
from handrail.signals.latency_buckets import quantile
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import SignalWindow, Tally, merged

MOST_POINTS = 96
BIN_SECONDS = (5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)
P95 = 0.95
NAMES = {SignalKind.OUTCOMES: "failed", SignalKind.LEVEL: "mean", SignalKind.COUNT: "per minute"}


class Point(Struct, frozen=True):
    """What was seen of a signal in one while: `begin` and `end` in seconds from a run's beginning."""

    begin: float
    end: float
    tally: Tally

    @property
    def middle(self) -> float:
        """Where a picture shows it."""
        return (self.begin + self.end) / 2

    @property
    def is_blind(self) -> bool:
        """Whether it was tried, and nothing became known."""
        return not self.tally.n and self.tally.unknown > 0


def bin_seconds(span: float, every: float) -> float:
    """How long the while of one point is: never shorter than the pace of the samples, and a round number."""
    wanted = max(span / MOST_POINTS, every)
    return float(next((each for each in BIN_SECONDS if each >= wanted), BIN_SECONDS[-1]))


def points(windows: Sequence[SignalWindow], signal: Signal, begin: Instant, end: Instant) -> list[Point]:
    """The signal's windows, those of one while made one. A while without any window has no point."""
    width = bin_seconds(end.since(begin).total_seconds(), signal.every)
    groups: dict[int, list[SignalWindow]] = {}
    for window in windows:
        if signal.name in window.tallies:
            groups.setdefault(int(window.start.since(begin).total_seconds() // width), []).append(window)
    found = []
    for group in groups.values():
        first, last = group[0].start.since(begin), group[-1].end.since(begin)
        tally = merged(window.tallies[signal.name] for window in group)
        found.append(Point(first.total_seconds(), last.total_seconds(), tally))
    return found


def values(signal: Signal, tally: Tally, seconds: float) -> dict[str, float | None]:
    """What is shown of a signal's samples over so many seconds, by its name, in the signal's unit.

    The share of what went badly (0 to 1), the latency at the 50th and 95th percentile in ms, the mean of a
    level, how often a count happened per minute. `None` where nothing is known.
    """
    value = value_of(signal, tally, seconds)
    if signal.kind is SignalKind.LATENCY:
        return {"p50": value, "p95": quantile(tally.buckets, P95)}
    return {NAMES[signal.kind]: value}


def names(signal: Signal) -> tuple[str, ...]:
    """The names of what is shown of a signal."""
    return tuple(values(signal, Tally(), 0.0))


def baseline_values(signal: Signal, baseline: SignalBaseline) -> dict[str, float | None]:
    """The same of what was usual."""
    return values(signal, baseline.tally, baseline.seconds)
