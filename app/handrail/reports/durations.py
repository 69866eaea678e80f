"""How long the steps of earlier runs took, as the estimates of the next one."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Mapping

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


def rehearsed_durations(
    measured: Iterable[DurationsMeasured], *, target: str, undo_runbooks: Mapping[str, Collection[str]]
) -> dict[str, Usual]:
    """What the steps of undo runbooks took on another target, by the keys that a rollback gives them.

    `undo_runbooks` are the step keys of each. Rollbacks there count, and rehearsals, which include the
    same runbook in a step of their own (`REHEARSAL/…/KEY`).
    """
    samples: dict[str, list[float]] = {}
    runs = [run for run in measured if run.target == target][:MOST_RUNS]
    for run in runs:
        for key, seconds in run.steps.items():
            for runbook, steps in undo_runbooks.items():
                for step in steps:
                    if key.endswith(f"/{step}"):
                        samples.setdefault(f"undo/{runbook}/{step}", []).append(seconds)
    return {key: usual(values, rehearsed=True) for key, values in samples.items()}


def usual(seconds: list[float], *, rehearsed: bool = False) -> Usual:
    """The summary of at least one measured duration."""
    ordered = sorted(seconds)
    high = ordered[max(0, math.ceil(HIGH_QUANTILE * len(ordered)) - 1)]
    middle = round(statistics.median(ordered), 3)
    return Usual(median=middle, high=high, count=len(ordered), rehearsed=rehearsed)
