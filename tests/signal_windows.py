"""Windows of a watch made by hand, for the tests of the judges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

from handrail.clock import Instant
from handrail.signals.baseline import SignalBaseline, summarise
from handrail.signals.latency_buckets import bucket_of
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import SignalWindow, Tally

START = Instant(wall=1_700_000_000.0, boot=1_000.0, boot_id="manual")
SECONDS = 5.0
CHECKOUT = Signal(name="checkout", kind=SignalKind.OUTCOMES, source="https://shop.example/checkout")
SPEED = Signal(name="speed", kind=SignalKind.LATENCY, unit="ms", source="https://shop.example/")
LOG_ERRORS = Signal(name="log errors", kind=SignalKind.COUNT)
RESTARTS = Signal(name="restarts", kind=SignalKind.COUNT, any_is_bad=True)
CPU = Signal(name="cpu", kind=SignalKind.LEVEL, unit="%")
MEMORY = Signal(name="memory", kind=SignalKind.LEVEL, unit="bytes", may_leak=True)
UNKNOWN = Tally(unknown=1, why="timed out")


def after(seconds: float) -> Instant:
    """The moment so long after the watch began."""
    return START.plus(timedelta(seconds=seconds))


def watch_of(signal: Signal, tallies: Iterable[Tally | None]) -> list[SignalWindow]:
    """Windows of five seconds with this signal alone; `None` is a gap in which the monitor was blind."""
    return [
        SignalWindow(start=after(index * SECONDS), seconds=SECONDS, tallies={signal.name: tally})
        for index, tally in enumerate(tallies)
        if tally is not None
    ]


def outcomes(n: int, bad: int = 0, first_bad: float | None = None) -> Tally:
    """`n` outcomes, of which so many were bad."""
    return Tally(n=n, bad=bad, first_bad=first_bad if first_bad is not None or not bad else 0.0)


def events(bad: int = 0) -> Tally:
    """One look at a count."""
    return Tally(n=1, bad=bad, first_bad=1.0 if bad else None)


def latencies(values: Sequence[float]) -> Tally:
    """Latencies in milliseconds."""
    buckets: dict[int, int] = {}
    for value in values:
        buckets[bucket_of(value)] = buckets.get(bucket_of(value), 0) + 1
    return Tally(n=len(values), buckets=buckets, last=values[-1] if values else None)


def level(*values: float) -> Tally:
    """Samples of a level."""
    return Tally(n=len(values), total=sum(values), low=min(values), high=max(values), last=values[-1])


def baseline_of(signal: Signal, tallies: Iterable[Tally | None]) -> SignalBaseline:
    """The summary of such windows before the watch."""
    return summarise([signal], watch_of(signal, tallies))[signal.name]


def spread_errors(n: int, bad: int, windows: int) -> list[Tally]:
    """`bad` of `n` outcomes, evenly over so many windows."""
    shares = [(n * i // windows, bad * i // windows) for i in range(windows + 1)]
    return [outcomes(n1 - n0, bad1 - bad0) for (n0, bad0), (n1, bad1) in pairwise(shares)]


def with_other_signals(window: SignalWindow, others: Mapping[str, Tally]) -> SignalWindow:
    """The same window, with more signals in it."""
    return SignalWindow(start=window.start, seconds=window.seconds, tallies={**others, **window.tallies})
