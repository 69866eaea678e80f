"""Whether a level grows steadily, as a leak does, and not like a warm-up that slows down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from statistics import median

from msgspec import Struct

from handrail.signals.exact_tests import normal_tail

FEWEST_BLOCKS = 12
SLOWING_DOWN = 0.7
"""Growth in the second half below this part of that in the first is a warm-up's, and no leak's."""
LOOKS = 5.0
"""A trend over ever more blocks is looked at anew a few independent times within a watch."""


class Growth(Struct, frozen=True):
    """A steady growth: `a_second` in the level's unit (Theil and Sen's slope), `p` corrected for looking."""

    a_second: float
    p: float


def steady_growth(times: Sequence[float], values: Sequence[float]) -> Growth | None:
    """The growth of block means at `times` (seconds), by Mann and Kendall's test; `None` if unsteady."""
    length = len(values)
    if length < FEWEST_BLOCKS:
        return None
    score = sum((later > earlier) - (later < earlier) for earlier, later in combinations(values, 2))
    deviation = math.sqrt(length * (length - 1) * (2 * length + 5) / 18)
    p = min(1.0, normal_tail((score - 1) / deviation) * LOOKS)
    slope = theil_sen(times, values)
    half = length // 2
    first, second = theil_sen(times[:half], values[:half]), theil_sen(times[half:], values[half:])
    if slope <= 0 or second <= 0 or second < SLOWING_DOWN * max(first, slope):
        return None
    return Growth(slope, p)


def theil_sen(times: Sequence[float], values: Sequence[float]) -> float:
    """The median of the slopes between all pairs of points; 0 where there are none."""
    points = list(zip(times, values, strict=True))
    slopes = [
        (later_value - value) / (later - time)
        for (time, value), (later, later_value) in combinations(points, 2)
        if later > time
    ]
    return median(slopes) if slopes else 0.0
