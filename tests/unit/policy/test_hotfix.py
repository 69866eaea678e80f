"""What an emergency may go without, and how small its change should be; each threshold from both sides."""

from __future__ import annotations

import pytest

from handrail.policy.gate import Verdict
from handrail.policy.hotfix import ChangeSize, reason_given, size_verdict, why_not_skip


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("the shop is down", "the shop is down"),
        ("  no window tonight ", "no window tonight"),
        ("no", None),
        ("No", None),
        ("none", None),
        ("-", None),
        ("", None),
        ("   ", None),
        (None, None),
    ],
)
def test_an_answer_that_gives_no_reason_keeps_the_rule(answer, reason) -> None:
    assert reason_given(answer) == reason


@pytest.mark.parametrize(
    ("check", "waivable", "never", "said"),
    [
        ("window.open", True, (), None),
        ("staging.verified", True, (), None),
        ("staging.soaked", True, ("window.open",), None),
        ("postmortem.none_overdue", True, (), None),
        ("window.open", True, ("window.open",), "never waives window.open"),
        ("staging.soaked", True, ("staging.soaked", "x"), "never waives"),
        ("staging.*", True, ("staging.soaked",), "never waives"),
        ("staging.rehearsed", True, (), "stays in force"),
        ("staging.*", True, (), "stays in force"),
        ("postmortem.none_overdue", True, ("postmortem.none_overdue",), "never waives"),
        ("window.open", False, (), "can't be waived"),
        ("database.backed_up", True, (), "stays in force"),
        ("tests.passed", True, (), "stays in force"),
        ("tests.run", True, (), "stays in force"),
        ("ci.verdict", True, (), "stays in force"),
        ("review.approved", True, (), "stays in force"),
        ("smoke.flows", True, (), "stays in force"),
        ("*", True, (), "stays in force"),
        ("", True, (), "stays in force"),
    ],
)
def test_only_the_window_and_staging_may_be_skipped(check, waivable, never, said) -> None:
    why = why_not_skip(check, waivable=waivable, never_waive=never)
    assert (why is None) if said is None else (said in why)


@pytest.mark.parametrize(
    ("size", "verdict", "said"),
    [
        (ChangeSize(1, 1, 1), Verdict.PASS, "1 file, 1 line in 1 commit, within"),
        (ChangeSize(2, 5, 50), Verdict.PASS, "5 files, 50 lines in 2 commits, within"),
        (ChangeSize(1, 6, 50), Verdict.PASS, "WARNING: more than 5 files"),
        (ChangeSize(1, 5, 51), Verdict.PASS, "WARNING: more than 50 lines"),
        (ChangeSize(1, 6, 51), Verdict.PASS, "WARNING: more than 5 files and more than 50 lines"),
        (ChangeSize(0, 0, 0), Verdict.FAIL, "nothing is fixed yet"),
        (ChangeSize(1, 0, 0), Verdict.FAIL, "nothing is fixed yet"),
        (ChangeSize(1, 1, 0), Verdict.PASS, "within"),
        (None, Verdict.UNKNOWN, "can't be counted"),
    ],
)
def test_the_size_of_a_fix(size, verdict, said) -> None:
    found, evidence = size_verdict(size, max_files=5, max_lines=50)
    assert found is verdict
    assert said in evidence
