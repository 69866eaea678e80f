"""How long the steps of earlier runs took, as the estimates of the next one."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable

from handrail.run.events import DurationsMeasured
from handrail.run.plan import Usual

HIGH_QUANTILE = 0.9
MOST_RUNS = 50
"""Older runs than this say little about today's machine and application."""


def usual_durations(measured: Iterable[DurationsMeasured], *, target: str, runbook: str) -> dict[str, Usual]:
    """Median and high quantile (nearest rank, 90 %) in seconds by step key, undo steps included.

    `measured` is newest first; only runs of this runbook against this target count.
    """
    samples: dict[str, list[float]] = {}
    runs = 0
    for run in measured:
        if run.target != target or run.runbook != runbook:
            continue
        runs += 1
        if runs > MOST_RUNS:
            break
        for key, seconds in run.steps.items():
            samples.setdefault(key, []).append(seconds)
    return {key: usual(values) for key, values in samples.items()}


def usual(seconds: list[float]) -> Usual:
    """The summary of at least one measured duration."""
    ordered = sorted(seconds)
    high = ordered[max(0, math.ceil(HIGH_QUANTILE * len(ordered)) - 1)]
    return Usual(median=round(statistics.median(ordered), 3), high=high, count=len(ordered))
