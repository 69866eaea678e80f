"""When a check lets its step start."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum


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
    if check in never_waive:
        return f"The target never waives {check}."
    if not reason.strip():
        return "A waiver needs a reason."
    return None
