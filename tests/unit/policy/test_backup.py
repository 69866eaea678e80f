"""When a backup counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from handrail.policy.backup import BackupFacts, judge_backup
from handrail.policy.gate import Verdict

BEGAN = datetime(2026, 3, 8, 17, 0, tzinfo=UTC)
NOW = BEGAN + timedelta(minutes=20)
GOOD = BackupFacts(
    pending=1,
    run_started=BEGAN,
    named="/b/a.dump",
    of_run="/b/a.dump",
    taken=BEGAN + timedelta(minutes=5),
    proved=True,
    size_bytes=900,
    sha256_then="aa",
    sha256_now="aa",
)
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("changed", "verdict", "said"),
    [
        ({}, PASS, "this run's backup"),
        ({"named": ""}, PASS, "this run's backup"),
        ({"pending": 0, "of_run": ""}, PASS, "no backup is needed"),
        ({"pending": None}, UNKNOWN, "doesn't say"),
        ({"run_started": None}, UNKNOWN, "no attempt of a run"),
        ({"of_run": ""}, FAIL, "has made no backup"),
        ({"named": "/b/yesterday.dump"}, FAIL, "isn't the backup that this run made"),
        ({"taken": None}, UNKNOWN, "when"),
        ({"taken": BEGAN - timedelta(microseconds=1)}, FAIL, "older than this run"),
        ({"taken": BEGAN}, PASS, "this run's backup"),
        ({"taken": NOW}, PASS, "this run's backup"),
        ({"taken": NOW + timedelta(microseconds=1)}, UNKNOWN, "in the future"),
        ({"proved": False}, FAIL, "not restored and compared"),
        ({"size_bytes": 0}, FAIL, "there is no backup"),
        ({"sha256_then": ""}, UNKNOWN, "checksum is missing"),
        ({"sha256_now": ""}, UNKNOWN, "checksum is missing"),
        ({"sha256_now": "ab"}, FAIL, "its checksum differs"),
    ],
)
def test_a_backup_counts_where_it_is_this_runs_proved_and_unchanged(
    changed: dict[str, object], verdict: Verdict, said: str
) -> None:
    judgement = judge_backup(replace(GOOD, **changed), NOW)  # type: ignore[arg-type]
    assert judgement.verdict is verdict
    assert said in judgement.evidence
