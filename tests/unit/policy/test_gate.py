"""Which verdict lets a step start, which check can be waived, and what counts as a reason."""

from __future__ import annotations

import pytest

from handrail.policy.gate import (
    Verdict,
    is_never_waived,
    says_something,
    verdict_of,
    why_not_waive,
)


@pytest.mark.parametrize(
    ("reported", "exit_code", "verdict"),
    [
        ("pass", 0, Verdict.PASS),
        ("pass", 1, Verdict.UNKNOWN),
        ("pass", None, Verdict.UNKNOWN),
        ("fail", 0, Verdict.FAIL),
        ("fail", 1, Verdict.FAIL),
        ("unknown", 0, Verdict.UNKNOWN),
        (None, 0, Verdict.UNKNOWN),
        ("passed", 0, Verdict.UNKNOWN),
        ("PASS", 0, Verdict.UNKNOWN),
    ],
)
def test_only_a_pass_that_ended_well_passes(reported, exit_code, verdict) -> None:
    assert verdict_of(reported, exit_code) is verdict


@pytest.mark.parametrize(
    ("check", "marked", "never"),
    [
        ("database.backed_up", ("database.backed_up",), True),
        ("database.backed-up", ("database.backed_up",), True),
        ("database.backed_up", ("database.backed-up",), True),
        ("database.backed_up", ("database.*",), True),
        ("database.backed_up", ("*",), True),
        ("staging.*", ("staging.verified",), True),
        ("database.backed_up", ("database",), False),
        ("database.backed_up", ("review.approved",), False),
        ("database.backed_up", (), False),
    ],
)
def test_a_check_is_never_waived_by_whatever_spelling(
    check: str, marked: tuple[str, ...], never: bool
) -> None:
    assert is_never_waived(check, marked) is never
    why = why_not_waive(check, waivable=True, never_waive=marked, reason="in a hurry")
    assert (why is not None) is never


@pytest.mark.parametrize(
    ("reason", "says"),
    [("x", True), ("INC-7", True), ("間に合わない", True), ("", False), (" \n", False)]
    + [(blank, False) for blank in ("\u200b", "\u2060\ufeff", "\x00", "…", "-", "\u3164\u200d"[1:])],
)
def test_blanks_and_invisible_signs_are_no_reason(reason: str, says: bool) -> None:
    assert says_something(reason) is says
