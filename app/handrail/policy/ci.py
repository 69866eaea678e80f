"""The CI's verdict for one commit, from GitHub's check runs and commit statuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handrail.policy.gate import Verdict
from handrail.policy.judgement import Judgement

FAILED = frozenset({"failure", "timed_out", "cancelled", "action_required", "startup_failure", "error"})
NOT_RUN = frozenset({"neutral", "skipped"})


@dataclass(frozen=True, slots=True)
class Check:
    """One check run or commit status: `state` is its conclusion, or its status while it has none."""

    name: str
    commit: str
    state: str


def judge(commit: str, checks: Sequence[Check], required: Sequence[str] = ()) -> Judgement:
    """Whether the CI passed for exactly this commit.

    The `required` names decide; without them every check does. A check of another commit is no evidence;
    one that was skipped tested nothing; one without an end, or with a word that isn't known, is unknown.
    """
    short = commit[:12]
    ours = [check for check in checks if check.commit == commit]
    lines = [
        f"{check.name}: of another commit, {check.commit[:12] or 'without one'}: doesn't count"
        for check in checks
        if check.commit != commit
    ]
    deciding = [check for check in ours if check.name in required] if required else ours
    lines += [f"{check.name}: {check.state}" for check in deciding]
    missing = [name for name in required if name not in {check.name for check in ours}]
    lines += [f"{name}: not reported" for name in missing]
    if failed := [check.name for check in deciding if check.state in FAILED]:
        return Judgement.of(Verdict.FAIL, f"the CI failed for {short}: {', '.join(failed)}", *lines)
    if missing:
        return Judgement.of(
            Verdict.UNKNOWN, f"required checks have not reported for {short}: {', '.join(missing)}", *lines
        )
    passed = [check for check in deciding if check.state == "success"]
    skipped = [check for check in deciding if check.state in NOT_RUN]
    open_ones = [check.name for check in deciding if check not in passed and check not in skipped]
    if open_ones:
        return Judgement.of(
            Verdict.UNKNOWN, f"the CI has no verdict yet for {short}: {', '.join(open_ones)}", *lines
        )
    if required and skipped:
        names = ", ".join(check.name for check in skipped)
        return Judgement.of(Verdict.UNKNOWN, f"required checks were not run for {short}: {names}", *lines)
    if not passed:
        return Judgement.of(Verdict.UNKNOWN, f"no check of the CI has passed for {short}", *lines)
    return Judgement.of(Verdict.PASS, f"the CI passed for {short}: {len(passed)} check(s)", *lines)
