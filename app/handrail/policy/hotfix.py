"""What an emergency may go without, and how small it should be (deployment-workflow.md, Emergency)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase

from handrail.policy.gate import Verdict, is_never_waived

SKIPPABLE = ("window.open", "staging.verified", "staging.soaked")
"""The workflow lets an emergency out of the window and of staging; tests, backup and the rest stay."""

NOT_ASKED = {"postmortem.none_overdue": "an emergency does not wait for the post-mortem of another"}
"""Rules of ordinary deployments alone."""

KEEP = ("", "no", "none", "-")


@dataclass(frozen=True, slots=True)
class ChangeSize:
    """What a hotfix changes against the release that it repairs."""

    commits: int
    files: int
    lines: int


def reason_given(value: object) -> str | None:
    """The reason for skipping a rule; `None` where the answer keeps the rule."""
    text = str(value or "").strip()
    return None if text.lower() in KEEP else text


def why_not_skip(check: str, *, waivable: bool, never_waive: Collection[str]) -> str | None:
    """Why an emergency can't go without this check; `None` where it can."""
    if is_never_waived(check, never_waive):
        return f"The target never waives {check}, not even in an emergency."
    if not waivable:
        return f"The runbook says that {check} can't be waived, not even in an emergency."
    if check not in NOT_ASKED and not any(fnmatchcase(check, pattern) for pattern in SKIPPABLE):
        return f"{check} stays in force in an emergency; only the window and staging may be skipped."
    return None


def size_verdict(size: ChangeSize | None, *, max_files: int, max_lines: int) -> tuple[Verdict, str]:
    """Whether there is a fix, and a warning in the evidence where it is larger than the target's limit.

    A large fix still passes: in an emergency, whether it is minimal is for people to say.
    """
    if size is None:
        return Verdict.UNKNOWN, "what the fix changes can't be counted"
    counted = (
        f"{_count(size.files, 'file')}, {_count(size.lines, 'line')} in {_count(size.commits, 'commit')}"
    )
    if size.commits <= 0 or size.files <= 0:
        return Verdict.FAIL, f"nothing is fixed yet: {counted}"
    over = []
    if size.files > max_files:
        over.append(f"more than {_count(max_files, 'file')}")
    if size.lines > max_lines:
        over.append(f"more than {_count(max_lines, 'line')}")
    if over:
        return Verdict.PASS, f"WARNING: {' and '.join(over)}; a hotfix should be minimal: {counted}"
    return Verdict.PASS, f"{counted}, within the target's limit"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
