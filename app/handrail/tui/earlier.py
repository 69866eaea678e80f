"""What earlier runs say of one that isn't opened yet."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from handrail.clock import Instant


class FileDifference(Struct, frozen=True):
    """One file that is no longer what it was; `lines` are a unified difference, or a sentence."""

    path: str
    lines: tuple[str, ...]


class LastRun(Struct, frozen=True):
    """The last run of a runbook, and how the files that it was made from differ from today's."""

    run: str
    target: str
    opened: Instant
    how: str
    same_target: bool
    changed: tuple[FileDifference, ...] = ()


class UsualRun(Struct, frozen=True):
    """What whole runs took without their watch: over `count` runs, shortest and longest beside the median."""

    median: timedelta
    shortest: timedelta
    longest: timedelta
    count: int
