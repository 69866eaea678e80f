"""Round numbers and round times for a picture's axes."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from handrail.clock import Instant

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
TIME_STEPS = (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400)
FLAT_SHARE = 0.5
"""A level that never falls below this share of its highest value is shown without its empty lower part."""


def value_range(found: list[float], *, from_zero: bool) -> tuple[float, float, tuple[float, ...]]:
    """The lowest and highest value of an axis that holds all of these, and its two to five marks."""
    highest = max(found, default=0.0)
    lowest = min(found, default=0.0)
    if from_zero or lowest < highest * FLAT_SHARE:
        lowest = min(0.0, lowest)
    if highest <= lowest:
        highest = lowest + (abs(lowest) * 0.1 or 1.0)
    step = _round_up((highest - lowest) / 3)
    low = math.floor(lowest / step) * step
    high = math.ceil(highest / step - 1e-9) * step
    count = round((high - low) / step)
    return low, high, tuple(low + n * step for n in range(count + 1))


def _round_up(value: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(value))
    return next(step * magnitude for step in STEPS if step * magnitude >= value * 0.999)


def time_marks(begin: Instant, seconds: float, most: int = 5) -> tuple[tuple[float, str], ...]:
    """Round times of day (UTC) within so many seconds from a moment on: (seconds from there, time)."""
    step = next((each for each in TIME_STEPS if seconds / each <= most), TIME_STEPS[-1])
    start: datetime = begin.datetime()
    first = math.ceil(start.timestamp() / step) * step
    found = []
    while first - start.timestamp() <= seconds:
        at = start + timedelta(seconds=first - start.timestamp())
        label = f"{at:%H:%M:%S}" if step < 60 else f"{at:%H:%M}"
        found.append((first - start.timestamp(), label))
        first += step
    return tuple(found)
