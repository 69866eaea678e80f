"""How often a judge looks, over which lengths of time, and what each look may spend of the false alarms."""

from __future__ import annotations

from bisect import bisect_left

ERROR_LENGTHS = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0)
LATENCY_LENGTHS = (120.0, 300.0, 600.0)
"""No time shorter than the first says that it's slow: now and then, requests wait for each other."""


def times_looked(length: float, watch: float, lengths: int, beside_baseline: float) -> float:
    """How many independent looks a watch of `watch` seconds takes, seen from a stretch of `length` seconds.

    Looks at overlapping stretches agree with each other, so one counts for each length that fits into the
    watch, and as many again for each of the other `lengths` and for the whole. Looks also agree where most of
    the noise is that of the baseline which they share: `beside_baseline` is the stretch's number of samples
    over the baseline's. `scripts/bench-judge` shows by its false alarms that this is enough.
    """
    looks = max(1.0, watch / length) * (lengths + 1)
    return 1.0 + (looks - 1.0) / (1.0 + beside_baseline)


def stretches(starts: list[float], now: float, lengths: tuple[float, ...]) -> list[tuple[float, int]]:
    """The stretches of time up to `now` that are looked at: their length, and their first window's index.

    `starts` are the windows' starts in seconds, rising. The last stretch is the whole watch so far. Those
    longer than the watch so far are left out, as are those that begin with the same window as another.
    """
    found: list[tuple[float, int]] = []
    before = len(starts)
    for length in lengths:
        first = bisect_left(starts, now - length - 1e-6)
        if first < before:
            found.append((length, first))
            before = first
        if first == 0:
            return found
    found.append((max(now - starts[0], lengths[-1]), 0))
    return found
