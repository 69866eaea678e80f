"""Deployments counted and judged: each of the workflow's targets from both sides; too little data is said."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from handrail.project.model import Target
from handrail.reports import statistics_text
from handrail.reports.statistics import Deployment, deployment_of, statistics_of
from handrail.run import commands as c
from handrail.run.plan import Emergency, PlannedCall
from walk import Walk, smoke, task, undo

NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)  # a Friday
EMERGENCY = Emergency(incident="INC-1", on_call="@x")


def deployment(days_ago: float = 0, **fields) -> Deployment:
    opened = NOW - timedelta(days=days_ago, hours=1)
    given = {
        "run": f"run-{days_ago}",
        "target": "production",
        "production": True,
        "opened": opened,
        "closed": opened + timedelta(minutes=30),
        "outcome": "finished",
    }
    return Deployment(**{**given, **fields})


def staging(days_ago: float = 0, **fields) -> Deployment:
    return deployment(days_ago, target="staging", production=False, **fields)


def stats(*found: Deployment, days: int = 28):
    return statistics_of(found, now=NOW, days=days)


def goal(found, words: str):
    [each] = [goal for goal in found.goals if words in goal.name]
    return each


def every_working_day(count: int) -> list[Deployment]:
    days = [n for n in range(28) if (NOW - timedelta(days=n)).weekday() < 5]
    return [deployment(n) for n in days[:count]]


def test_nothing_deployed_is_said() -> None:
    found = stats()
    assert found.environments == ()
    assert found.goals == ()
    assert "Too little data" in "\n".join(statistics_text.lines(found))


def test_weekends_without_a_deployment_do_not_count_against_production() -> None:
    found = stats(*every_working_day(10))
    assert found.environments[0].a_day == 1.0
    assert goal(found, "production: daily").met is True


def test_one_working_day_without_a_deployment_is_not_daily() -> None:
    found = stats(*[each for n, each in enumerate(every_working_day(10)) if n != 4])
    assert found.environments[0].a_day == 0.9
    assert goal(found, "production: daily").met is False


@pytest.mark.parametrize(("a_day", "met"), [(1, False), (2, True), (3, True)])
def test_staging_several_times_a_day(a_day: int, met: bool) -> None:
    found = stats(*(staging(day + part / 100) for day in range(6) for part in range(a_day)))
    assert goal(found, "staging: several").met is met


@pytest.mark.parametrize(("first", "met"), [(3, None), (4, True)])
def test_fewer_than_five_days_are_too_little(first: int, met) -> None:
    found = stats(*(staging(day + part / 100) for day in range(first + 1) for part in range(2)))
    assert goal(found, "staging").met is met


@pytest.mark.parametrize(
    ("ordinary", "emergencies", "met"),
    [
        (99, 0, None),
        (100, 0, True),
        (100, 1, True),
        (99, 1, False),
        (98, 1, None),
        (10, 2, False),
        (200, 2, True),
    ],
)
def test_emergencies_under_one_percent(ordinary: int, emergencies: int, met) -> None:
    found = stats(
        *(deployment(number / 100) for number in range(ordinary)),
        *(deployment(number / 100 + 0.003, emergency=True) for number in range(emergencies)),
    )
    assert goal(found, "emergencies").met is met


def test_change_failures_are_what_was_undone_or_repaired() -> None:
    found = stats(
        deployment(9),
        deployment(8, outcome="rolled back", restored=timedelta(minutes=4), triggers=(("immediate", True),)),
        deployment(7, outcome="aborted"),
        deployment(6),
        deployment(5, emergency=True, restored=timedelta(minutes=40)),
        deployment(
            4, outcome="rolled back", restored=timedelta(minutes=20), triggers=(("immediate", False),)
        ),
        deployment(3, outcome="rolled back", restored=timedelta(minutes=6), triggers=(("none", True),)),
        deployment(2),
    )
    [production] = found.environments
    assert (production.deployments, production.undone, production.repaired) == (8, 4, 1)
    assert production.failure_rate == 5 / 8
    assert production.time_to_restore == timedelta(minutes=13)
    assert {(r.trigger_class, r.count, r.on_time) for r in production.rollbacks} == {
        ("immediate", 2, 1),
        ("none", 1, 1),
    }
    text = "\n".join(statistics_text.lines(found))
    assert "immediate: 2 (1 on time, 1 late)" in text
    assert "62 %" in text


@pytest.mark.parametrize(("count", "known"), [(4, False), (5, True)])
def test_a_rate_of_few_deployments_is_not_told(count: int, known: bool) -> None:
    [production] = stats(*(deployment(n) for n in range(count))).environments
    assert (production.failure_rate is not None) is known


def test_lead_time_is_from_the_commit_to_the_end_of_what_succeeded() -> None:
    committed = NOW - timedelta(days=3)
    found = stats(
        deployment(0, committed=committed),
        deployment(1, committed=NOW - timedelta(days=2)),
        deployment(1.5),
        deployment(1.6, committed=committed, outcome="rolled back"),
    )
    [production] = found.environments
    assert production.lead_times == 2
    assert production.lead_time == timedelta(days=1, hours=23, minutes=30)


def test_days_are_those_of_the_people() -> None:
    late = deployment(0, opened=datetime(2026, 11, 20, 2, 0, tzinfo=UTC))
    pacific = timezone(timedelta(hours=-8))
    found = statistics_of([late], now=NOW, days=2, local=lambda moment: moment.astimezone(pacific))
    assert dict(found.environments[0].by_day) == {date(2026, 11, 19): 1, date(2026, 11, 20): 0}
    assert dict(stats(late, days=2).environments[0].by_day)[date(2026, 11, 20)] == 1


def test_only_the_days_asked_for_count() -> None:
    found = stats(deployment(0), deployment(6), deployment(7), days=7)
    assert found.environments[0].deployments == 2


@pytest.mark.parametrize(
    ("counts", "chart"),
    [([], ""), ([0, 0], "··"), ([0, 1, 2, 4, 8], "·▁▂▄█"), ([3, 3], "██"), ([1, 100], "▁█")],
)
def test_a_chart_of_plain_characters(counts, chart) -> None:
    assert statistics_text.sparkline(counts) == chart


@pytest.mark.parametrize(("share", "full"), [(0, 0), (0.5, 10), (1, 20), (7, 20), (-1, 0)])
def test_a_bar(share, full) -> None:
    assert statistics_text.bar(share).count("#") == full


def test_all_of_it_as_json_and_as_csv() -> None:
    found = stats(
        deployment(1, committed=NOW - timedelta(days=2), target="=cmd()"),
        deployment(2, outcome="rolled back", triggers=(("fast", False),), restored=timedelta(minutes=3)),
    )
    values = json.loads(json.dumps(statistics_text.as_values(found)))
    assert {each["name"] for each in values["environments"]} == {"=cmd()", "production"}
    rows = list(csv.DictReader(io.StringIO(statistics_text.as_csv(found))))
    assert [row["outcome"] for row in rows] == ["rolled back", "finished"]
    assert rows[0]["trigger_classes"] == "fast"
    assert rows[0]["deadlines_met"] == "false"
    assert rows[0]["time_to_restore_seconds"] == "180.0"
    assert rows[1]["target"] == "'=cmd()"


def restart(**fields):
    return task("restart", call=PlannedCall(task="pm2.reload"), undo=undo("restart"), **fields)


def walked(*, fail: bool, runbook: str = "production-deploy", emergency: Emergency | None = None) -> Walk:
    walk = Walk(restart(), smoke(), runbook=runbook, emergency=emergency)
    walk.start("restart")
    walk.end(facts={"commit": "a" * 40, "committed_at": "2023-11-13T09:00:00+01:00"})
    walk.start("smoke")
    walk.clock.advance(timedelta(seconds=10))
    walk.end(1 if fail else 0)
    return walk


def test_a_finished_run_is_a_deployment_with_its_lead_time() -> None:
    found = deployment_of(walked(fail=False).state)
    assert found is not None
    assert found.succeeded
    assert found.committed == datetime(2023, 11, 13, 8, 0, tzinfo=UTC)
    assert (found.production, found.emergency, found.restored) == (True, False, None)


def test_a_rollback_counts_from_its_evidence_with_its_class_and_deadline() -> None:
    walk = walked(fail=True)
    walk.roll_back()
    walk.clock.advance(timedelta(seconds=50))
    walk.end()
    found = deployment_of(walk.state)
    assert found is not None
    assert found.undone
    assert found.triggers == (("immediate", True),)
    assert found.restored == timedelta(seconds=60)


def test_a_rollback_after_its_deadline_is_late() -> None:
    walk = walked(fail=True)
    walk.roll_back()
    walk.wait(400)
    walk.end()
    assert deployment_of(walk.state).triggers == (("immediate", False),)


def test_an_emergency_restores_from_its_opening_to_its_end() -> None:
    found = deployment_of(walked(fail=False, emergency=EMERGENCY, runbook="hotfix").state)
    assert found.emergency
    assert found.restored == timedelta(seconds=10)


@pytest.mark.parametrize("runbook", ["rollback-code", "rollback-revert", "staging-verify"])
def test_rollbacks_alone_and_rehearsals_are_no_deployments(runbook: str) -> None:
    assert deployment_of(walked(fail=False, runbook=runbook).state) is None


def test_a_run_that_never_restarted_anything_is_none() -> None:
    walk = Walk(restart(), target=Target(name="production"))
    assert deployment_of(walk.state) is None
    walk.do(c.AbortRun(reason="wrong day"))
    assert deployment_of(walk.state) is None
    assert deployment_of(Walk(task("build"), smoke()).state) is None


def test_a_time_that_is_none_is_not_guessed() -> None:
    found = replace(deployment(0), committed=None)
    assert stats(found).environments[0].lead_time is None
