"""The CI's verdict for one commit: each state alone, and together."""

from __future__ import annotations

import pytest

from handrail.policy.ci import Check, judge
from handrail.policy.gate import Verdict

COMMIT, OTHER = "a" * 40, "b" * 40
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN


def checks(*states: str, commit: str = COMMIT) -> list[Check]:
    return [Check(f"check-{number}", commit, state) for number, state in enumerate(states)]


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        (("success",), PASS),
        (("success", "success"), PASS),
        ((), UNKNOWN),
        (("failure",), FAIL),
        (("error",), FAIL),
        (("timed_out",), FAIL),
        (("cancelled",), FAIL),
        (("action_required",), FAIL),
        (("startup_failure",), FAIL),
        (("queued",), UNKNOWN),
        (("in_progress",), UNKNOWN),
        (("waiting",), UNKNOWN),
        (("requested",), UNKNOWN),
        (("pending",), UNKNOWN),
        (("stale",), UNKNOWN),
        (("some-new-word",), UNKNOWN),
        (("success", "queued"), UNKNOWN),
        (("queued", "failure"), FAIL),
        (("success", "failure"), FAIL),
        (("skipped",), UNKNOWN),
        (("neutral", "skipped"), UNKNOWN),
        (("success", "skipped"), PASS),
        (("success", "neutral"), PASS),
    ],
)
def test_without_names_every_check_decides(states: tuple[str, ...], verdict: Verdict) -> None:
    assert judge(COMMIT, checks(*states)).verdict is verdict


@pytest.mark.parametrize(
    ("states", "required", "verdict"),
    [
        (("success",), ("check-0",), PASS),
        (("success", "failure"), ("check-0",), PASS),
        (("success", "queued"), ("check-0",), PASS),
        (("success", "failure"), ("check-0", "check-1"), FAIL),
        (("success",), ("check-0", "check-1"), UNKNOWN),
        (("failure",), ("check-0", "check-1"), FAIL),
        ((), ("check-0",), UNKNOWN),
        (("skipped",), ("check-0",), UNKNOWN),
        (("success", "neutral"), ("check-0", "check-1"), UNKNOWN),
        (("success",), ("Check-0",), UNKNOWN),
    ],
)
def test_required_names_decide_alone(
    states: tuple[str, ...], required: tuple[str, ...], verdict: Verdict
) -> None:
    assert judge(COMMIT, checks(*states), required).verdict is verdict


def test_one_name_twice_must_pass_twice() -> None:
    twice = [Check("build", COMMIT, "success"), Check("build", COMMIT, "failure")]
    assert judge(COMMIT, twice, ["build"]).verdict is FAIL


@pytest.mark.parametrize("required", [(), ("check-0",)])
def test_a_verdict_for_another_commit_does_not_count(required: tuple[str, ...]) -> None:
    found = judge(COMMIT, checks("success", commit=OTHER), required)
    assert found.verdict is UNKNOWN
    assert "check-0: of another commit, bbbbbbbbbbbb: doesn't count" in found.evidence
    assert judge(COMMIT, checks("failure", commit=OTHER) + checks("success")).verdict is PASS
