"""What earlier runs say of one that isn't opened yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from handrail.clock import Instant


@dataclass(frozen=True, slots=True)
class FileDifference:
    """One file that is no longer what it was; `lines` are a unified difference, or a sentence."""

    path: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run of a runbook, and how the files that it was made from differ from today's."""

    run: str
    target: str
    opened: Instant
    how: str
    same_target: bool
    changed: tuple[FileDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class UsualRun:
    """What whole runs took without their watch: over `count` runs, shortest and longest beside the median."""

    median: timedelta
    shortest: timedelta
    longest: timedelta
    count: int
