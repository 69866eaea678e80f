"""When a check lets its step start."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from fnmatch import fnmatchcase

WATCH_CHECK = "monitor.watch"
"""The name by which a watch is waived, and by which a target says that it never is."""


class Verdict(StrEnum):
    """What a check says of what it saw."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


def verdict_of(reported: str | None, exit_code: int | None) -> Verdict:
    """The verdict that counts: a check that said nothing, or that fell over, knows nothing."""
    if reported == Verdict.FAIL:
        return Verdict.FAIL
    if reported == Verdict.PASS and exit_code == 0:
        return Verdict.PASS
    return Verdict.UNKNOWN


def why_not_waive(check: str, *, waivable: bool, never_waive: Collection[str], reason: str) -> str | None:
    """Why this check can't be waived now; `None` where it can."""
    if not waivable:
        return f"The runbook says that {check} can't be waived."
    if is_never_waived(check, never_waive):
        return f"The target never waives {check}."
    if not says_something(reason):
        return "A waiver needs a reason."
    return None


def is_never_waived(check: str, never_waive: Collection[str]) -> bool:
    """Whether the target's list names this check, be it by a pattern (`database.*`).

    `-` and `_` are one sign: invoke finds the same task by either, so a rule that told them apart could be
    walked around by the other spelling. A `check` that is itself a pattern is named by what it matches.
    """
    asked = canonical_name(check)
    names = [canonical_name(name) for name in never_waive]
    return any(fnmatchcase(asked, name) or fnmatchcase(name, asked) for name in names)


def canonical_name(task: str) -> str:
    """The one spelling of a task's name."""
    return task.replace("-", "_")


def says_something(reason: str) -> bool:
    """Whether a reason holds at least a letter or a digit: blanks and invisible signs are no reason."""
    return any(sign.isalnum() for sign in reason)
