"""When a way down counts as rehearsed, and when a migration as one transaction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handrail.policy.atomicity import judge_atomicity
from handrail.policy.gate import Verdict
from handrail.policy.rehearsal import DestructiveMigration, Rehearsal, judge_rehearsal

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
DROP = DestructiveMigration("2_drop", "d2", True)
OTHER = DestructiveMigration("3_other", "d3", True)
GOOD = Rehearsal("2_drop", "d2", True, "staging", False, "2026-03-01T09:00:00+00:00", "operator", 1.5)
BAD = replace(GOOD, passed=False, why="the schema differs")


@pytest.mark.parametrize(
    ("destructive", "rehearsals", "verdict", "said"),
    [
        ([], [], PASS, "no pending migration needs a way down"),
        ([], None, PASS, "no pending migration needs a way down"),
        ([DROP], [GOOD], PASS, "2_drop: rehearsed on staging by operator"),
        ([DROP], [], FAIL, "2_drop: it was never rehearsed"),
        ([DROP], None, UNKNOWN, "can't be read"),
        ([replace(DROP, has_way_down=False)], [GOOD], FAIL, "have no way down"),
        ([replace(DROP, digest="changed")], [GOOD], FAIL, "its file has changed"),
        ([DROP], [replace(GOOD, name="1_drop")], FAIL, "never rehearsed"),
        ([DROP], [replace(GOOD, production=True)], FAIL, "never rehearsed"),
        ([DROP], [GOOD, BAD], FAIL, "its rehearsal failed on staging by operator"),
        ([DROP], [BAD, GOOD], PASS, "rehearsed on staging"),
        ([DROP], [BAD, replace(BAD, digest="older"), GOOD], PASS, "rehearsed on staging"),
        ([DROP], [GOOD, replace(BAD, digest="older")], PASS, "rehearsed on staging"),
        ([DROP], [replace(GOOD, passed=None)], UNKNOWN, "can't be read"),
        ([DROP, OTHER], [GOOD], FAIL, "3_other: it was never rehearsed"),
        ([DROP, OTHER], [GOOD, replace(GOOD, name="3_other", digest="d3", passed=None)], UNKNOWN, "3_other"),
        ([DROP, OTHER], [GOOD, replace(GOOD, name="3_other", digest="d3")], PASS, "3_other: rehearsed"),
    ],
)
def test_a_way_down_counts_for_its_very_file(
    destructive: list[DestructiveMigration],
    rehearsals: list[Rehearsal] | None,
    verdict: Verdict,
    said: str,
) -> None:
    judgement = judge_rehearsal(destructive, rehearsals)
    assert judgement.verdict is verdict
    assert said in judgement.evidence


@pytest.mark.parametrize(
    ("reasons", "verdict", "said"),
    [
        ({}, PASS, "no migration is pending"),
        ({"1": ()}, PASS, "each is one transaction: 1"),
        ({"1": (), "2": ("VACUUM: no",)}, FAIL, "2: VACUUM: no"),
        ({"1": None}, UNKNOWN, "no dry run shows their SQL: 1"),
        ({"1": None, "2": ("x",)}, FAIL, "part of it behind: 2"),
    ],
)
def test_a_migration_that_is_not_one_transaction_holds_the_step_back(
    reasons: dict[str, tuple[str, ...] | None], verdict: Verdict, said: str
) -> None:
    judgement = judge_atomicity(reasons)
    assert judgement.verdict is verdict
    assert said in judgement.evidence
