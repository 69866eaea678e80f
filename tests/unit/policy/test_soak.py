"""A commit's time on staging, from both sides of every limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from handrail.policy.gate import Verdict
from handrail.policy.soak import Staged, judge_scenarios, judge_soak, same_commit

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
DAY = timedelta(hours=24)
COMMIT, OTHER = "a" * 40, "b" * 40
ALL = ("mirrors production", "happy path", "load")


def staged(age: timedelta | None = DAY, **fields: object) -> Staged:
    """The commit on staging for so long, everything passed."""
    known = {
        "served": COMMIT,
        "since": None if age is None else NOW - age,
        "source": "handrail's journal",
        "passed": ALL,
    }
    return Staged(**{**known, **fields})  # type: ignore[arg-type]


NOWHERE = [
    (None, Verdict.UNKNOWN, "nothing is known"),
    (staged(served=None), Verdict.UNKNOWN, "nothing is known"),
    (staged(served=OTHER), Verdict.FAIL, "staging serves bbbbbbbbbbbb"),
]


@pytest.mark.parametrize(
    ("found", "verdict", "said"),
    [
        *NOWHERE,
        (staged(DAY), Verdict.PASS, "for 24 h, since 2026-11-22 15:00 UTC"),
        (staged(DAY + timedelta(seconds=1)), Verdict.PASS, "for 24 h"),
        (
            staged(DAY - timedelta(seconds=1)),
            Verdict.FAIL,
            "1 s of 24 h are missing, reached at 2026-11-23 15:00",
        ),
        (staged(timedelta(hours=20, minutes=30)), Verdict.FAIL, "3 h 30 min of 24 h are missing"),
        (staged(timedelta()), Verdict.FAIL, "24 h of 24 h are missing"),
        (staged(timedelta(seconds=-1)), Verdict.UNKNOWN, "a clock was set"),
        (staged(None), Verdict.UNKNOWN, "since when isn't known"),
        (staged(DAY, passed=(), failed={"load": "too slow"}), Verdict.PASS, "for 24 h"),
    ],
)
def test_soak(found: Staged | None, verdict: Verdict, said: str) -> None:
    judged = judge_soak(COMMIT, found, soak=DAY, now=NOW)
    assert judged.verdict is verdict, judged.evidence
    assert said in judged.evidence


@pytest.mark.parametrize(
    ("found", "verdict", "said"),
    [
        *NOWHERE,
        (staged(), Verdict.PASS, "passed there: mirrors production, happy path"),
        (staged(timedelta()), Verdict.PASS, "passed there"),
        (staged(None), Verdict.PASS, "passed there"),
        (staged(passed=ALL[:2]), Verdict.FAIL, "not tried with this commit: load"),
        (staged(passed=ALL[1:], failed={ALL[0]: "PORT differs"}), Verdict.FAIL, "failed: PORT differs"),
        (staged(passed=(), recorded=False), Verdict.UNKNOWN, "isn't recorded: mirrors production"),
    ],
)
def test_scenarios(found: Staged | None, verdict: Verdict, said: str) -> None:
    judged = judge_scenarios(COMMIT, found, scenarios=ALL)
    assert judged.verdict is verdict, judged.evidence
    assert said in judged.evidence


@pytest.mark.parametrize(
    ("now", "verdict", "said"),
    [
        (OTHER, Verdict.FAIL, "serves bbbbbbbbbbbb now"),
        (COMMIT[:12], Verdict.PASS, "on staging"),
        (None, Verdict.PASS, "on staging"),
    ],
)
def test_what_is_served_now_overrules_what_was_recorded(now: str | None, verdict: Verdict, said: str) -> None:
    for judged in (
        judge_soak(COMMIT, staged(), soak=DAY, now=NOW, served_now=now),
        judge_scenarios(COMMIT, staged(), scenarios=ALL, served_now=now),
    ):
        assert judged.verdict is verdict
        assert said in judged.evidence


def test_without_a_commit_nothing_is_known() -> None:
    assert judge_soak("", staged(), soak=DAY, now=NOW).verdict is Verdict.UNKNOWN
    assert judge_scenarios("", staged(), scenarios=ALL).verdict is Verdict.UNKNOWN


def test_a_target_without_scenarios_asks_for_the_release_there_alone() -> None:
    assert judge_scenarios(COMMIT, staged(passed=()), scenarios=()).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (COMMIT, COMMIT, True),
        (COMMIT, COMMIT[:7], True),
        (COMMIT, COMMIT[:6], False),
        (COMMIT.upper(), COMMIT, True),
        (COMMIT, OTHER, False),
    ],
)
def test_commits(one: str, other: str, same: bool) -> None:
    assert same_commit(one, other) is same
    assert same_commit(other, one) is same
