"""Usual durations: a median and a high quantile over earlier runs of the same runbook and target."""

from __future__ import annotations

import pytest

from handrail.reports.durations import MOST_RUNS, rehearsed_durations, usual, usual_durations
from handrail.run.events import DurationsMeasured
from handrail.run.plan import Usual


def measured(target: str = "production", runbook: str = "deploy", **steps: float) -> DurationsMeasured:
    return DurationsMeasured(target=target, runbook=runbook, steps=steps)


@pytest.mark.parametrize(
    ("seconds", "median", "high"),
    [
        ([4.0], 4.0, 4.0),
        ([1.0, 9.0], 5.0, 9.0),
        ([3.0, 1.0, 2.0], 2.0, 3.0),
        ([float(n) for n in range(1, 11)], 5.5, 9.0),
        ([float(n) for n in range(1, 21)], 10.5, 18.0),
    ],
)
def test_a_summary(seconds, median, high) -> None:
    assert usual(seconds) == Usual(median=median, high=high, count=len(seconds))


def test_only_runs_of_this_runbook_and_target_count() -> None:
    found = usual_durations(
        [
            measured(build=10.0),
            measured(target="staging", build=99.0),
            measured(runbook="hotfix", build=99.0),
            measured(build=20.0, **{"undo/build": 3.0}),
        ],
        target="production",
        runbook="deploy",
    )
    assert found["build"] == Usual(median=15.0, high=20.0, count=2)
    assert found["undo/build"].count == 1


def test_only_the_newest_runs_count() -> None:
    runs = [measured(build=1.0)] * MOST_RUNS + [measured(build=1000.0)] * 10
    assert usual_durations(runs, target="production", runbook="deploy")["build"].high == 1.0


def test_a_rehearsal_on_staging_stands_in_for_a_rollback_that_never_was() -> None:
    key = "back/build-it"
    runs = [
        measured(
            target="staging",
            runbook="staging-verify",
            **{f"rehearse/roll-back/{key}": 4.0, "rehearse/x": 9.0},
        ),
        measured(target="staging", runbook="staging-deploy", **{f"undo/rollback-code/{key}": 6.0}),
        measured(target="elsewhere", **{f"undo/rollback-code/{key}": 99.0}),
        measured(**{f"undo/rollback-code/{key}": 50.0}),
    ]
    found = rehearsed_durations(runs, target="staging", undo_runbooks={"rollback-code": [key, "back/serve"]})
    assert found == {f"undo/rollback-code/{key}": Usual(median=5.0, high=6.0, count=2, rehearsed=True)}
