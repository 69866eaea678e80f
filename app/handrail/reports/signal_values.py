"""Values of signals as people read them, each by its unit; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import timedelta

from handrail.clock import Instant
from handrail.signals.latency_buckets import quantile
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import SignalWindow, Tally
from handrail.text import clean_line

_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")
LONGEST_UNIT = 12


def value_of(signal: Signal, tally: Tally, seconds: float) -> float | None:
    """The value that a signal's samples of `seconds` amount to, in its unit; `None` where none is known.

    An error rate is a share from 0 to 1, a latency its median, a level its mean, a count per minute.
    """
    if not tally.n:
        return None
    return _value(signal, tally.n, tally.bad, tally.total, tally.buckets, seconds)


def _value(
    signal: Signal, n: int, bad: int, total: float, buckets: dict[int, int], seconds: float
) -> float | None:
    if signal.kind is SignalKind.OUTCOMES:
        return bad / n
    if signal.kind is SignalKind.LATENCY:
        return quantile(buckets, 0.5)
    if signal.kind is SignalKind.LEVEL:
        return total / n
    return bad / seconds * 60 if seconds > 0 else None


def value_text(signal: Signal, value: float | None) -> str:
    """A value with its unit, short enough for a table: `0.2%`, `118ms`, `1.4s`, `512MB`, `3/min`."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return "no number"
    if signal.kind is SignalKind.OUTCOMES:
        return f"{_short(value * 100)}%"
    if signal.kind is SignalKind.COUNT:
        return f"{_short(value)}/min"
    unit = clean_line(signal.unit)[:LONGEST_UNIT]
    if signal.kind is SignalKind.LATENCY or unit == "ms":
        return f"{_short(value)}ms" if abs(value) < 1000 else f"{_short(value / 1000)}s"
    if unit == "bytes":
        return _bytes(value)
    # A unit that is a word stands apart from its number.
    return f"{_short(value)}{'' if unit[:1] in ('%', '/') else ' '}{unit}".rstrip()


def _short(value: float) -> str:
    size = abs(value)
    if size >= 1e6:
        return f"{value:.1e}".replace("e+0", "e").replace("e+", "e")
    if size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}".removesuffix(".0")
    if 0 < size < 0.01:
        return "<0.01" if value > 0 else ">-0.01"
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _bytes(value: float) -> str:
    size, unit = abs(value), 0
    while size >= 999.5 and unit < len(_BYTES) - 1:
        size, unit = size / 1000, unit + 1
    return f"{_short(math.copysign(size, value))}{_BYTES[unit]}"


def samples_in(signal: Signal, windows: Iterable[SignalWindow]) -> tuple[int, int]:
    """How many samples of a signal are known in some windows, and how many more were tried."""
    known = unknown = 0
    for window in windows:
        if (tally := window.tallies.get(signal.name)) is not None:
            known, unknown = known + tally.n, unknown + tally.unknown
    return known, unknown


def value_in(signal: Signal, windows: Sequence[SignalWindow]) -> float | None:
    """A signal's value over some windows, as `value_of` has it.

    By sums of its own: charts ask for thousands of them at once.
    """
    n = bad = 0
    total = seconds = 0.0
    buckets: dict[int, int] = {}
    for window in windows:
        seconds += window.seconds
        tally = window.tallies.get(signal.name)
        if tally is None or not tally.n:
            continue
        n, bad, total = n + tally.n, bad + tally.bad, total + tally.total
        for bucket, count in tally.buckets.items():
            buckets[bucket] = buckets.get(bucket, 0) + count
    if not n:
        return None
    return _value(signal, n, bad, total, buckets, seconds)


def newest(windows: Sequence[SignalWindow], length: timedelta) -> Sequence[SignalWindow]:
    """The windows that lie within `length` before the end of the last one."""
    if not windows:
        return ()
    end = windows[-1].end
    begin = len(windows)
    while begin and end.since(windows[begin - 1].start) <= length:
        begin -= 1
    return windows[min(begin, len(windows) - 1) :]


def offsets(windows: Sequence[SignalWindow], first: Instant) -> list[float]:
    """The seconds from `first` to the start of each window; all signals of a table share them."""
    return [window.start.since(first).total_seconds() for window in windows]


def series(
    signal: Signal,
    windows: Sequence[SignalWindow],
    first: Instant,
    last: Instant,
    columns: int,
    begins: Sequence[float] | None = None,
) -> tuple[float | None, ...]:
    """A signal's values in `columns` equal parts of the time from `first` to `last`.

    A part without a known sample is `None`, never zero. Where a part is shorter than a window, or than the
    pace of the samples, the value of the one before it still stands. `begins` are the windows' `offsets`.
    """
    span = last.since(first).total_seconds()
    if columns < 1 or span <= 0:
        return ()
    width = span / columns
    parts: list[list[SignalWindow]] = [[] for _ in range(columns)]
    standing: list[SignalWindow | None] = [None] * columns
    for window, begin in zip(windows, offsets(windows, first) if begins is None else begins, strict=True):
        if signal.name not in window.tallies:
            continue
        middle = int((begin + window.seconds / 2) / width)
        if 0 <= middle < columns:
            parts[middle].append(window)
        until = begin + max(window.seconds, signal.every)
        for place in range(max(int(begin / width), 0), min(math.ceil(until / width), columns)):
            standing[place] = window
    values: list[float | None] = []
    for part, stands in zip(parts, standing, strict=True):
        seen = part or ([stands] if stands is not None else [])
        values.append(value_in(signal, seen) if seen else None)
    return tuple(values)
