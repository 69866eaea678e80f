"""How long a deployment takes with its watch and its rollback, before it begins and on its way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handrail.run import commands as c
from handrail.run.duration import plan_duration, time_ahead
from handrail.run.plan import Usual
from handrail.runbook.model import StepKind
from walk import Walk, attest, check, plan, task, undo, undo_runbook

MINUTE = timedelta(minutes=1)
BACK = (task("restore", estimate=2 * MINUTE), task("restart", estimate=MINUTE))
STEPS = (
    check("well", estimate=MINUTE),
    task("checkout", estimate=MINUTE, undo=undo_runbook("back")),
    task("build", estimate=3 * MINUTE, undo=undo_runbook("back")),
    task("migrate", estimate=MINUTE, undo=undo("down", estimate=4 * MINUTE, when="${facts.destructive}")),
    attest("looks well", estimate=MINUTE),
    task("watch", kind=StepKind.WATCH, estimate=30 * MINUTE),
)
UNDO = {"undo_runbooks": {"back": BACK}}


def test_the_watch_and_the_whole_rollback_count() -> None:
    takes = plan_duration(plan(*STEPS, **UNDO))
    assert (takes.work, takes.watch, takes.rollback) == (7 * MINUTE, 30 * MINUTE, 7 * MINUTE)
    assert takes.forward == 37 * MINUTE
    assert takes.total == 44 * MINUTE
    assert not takes.measured


def test_what_was_measured_counts_instead_of_estimates() -> None:
    keys = [step.key for step in STEPS] + ["undo/migrate", "undo/back/restore", "undo/back/restart"]
    usual = {key: Usual(median=10, high=20, count=5) for key in keys}
    takes = plan_duration(plan(*STEPS, usual=usual, **UNDO))
    assert (takes.work, takes.watch) == (timedelta(seconds=50), timedelta(seconds=10))
    assert takes.rollback == timedelta(seconds=60), "of an undo the high quantile counts"
    assert takes.measured
    del usual["undo/back/restart"]
    assert not plan_duration(plan(*STEPS, usual=usual, **UNDO)).measured


def test_a_plan_that_changes_nothing_has_no_rollback() -> None:
    assert plan_duration(plan(check("well", estimate=MINUTE))).rollback == timedelta()


def test_on_its_way_only_what_is_left_counts() -> None:
    walk = Walk(*STEPS, **UNDO)
    walk.run("well", "checkout")
    walk.start("build")
    walk.clock.advance(MINUTE)
    takes = time_ahead(walk.state, walk.clock.now())
    assert takes.work == 4 * MINUTE  # two of the build, one to migrate, one to look
    walk.clock.advance(60 * MINUTE)
    assert time_ahead(walk.state, walk.clock.now()).work == 2 * MINUTE, (
        "a slow step doesn't count below nothing"
    )


@pytest.mark.parametrize(("destructive", "rollback"), [(True, 7), (False, 3), (None, 7)])
def test_an_undo_that_is_known_not_to_be_needed_is_left_out(destructive: bool | None, rollback: int) -> None:
    walk = Walk(*STEPS, **UNDO)
    walk.start("well")
    walk.end(facts={} if destructive is None else {"destructive": destructive})
    assert time_ahead(walk.state, walk.clock.now()).rollback == rollback * MINUTE


def test_a_skipped_step_needs_no_undo() -> None:
    walk = Walk(*STEPS, **UNDO)
    walk.run("well")
    walk.do(c.SkipStep(step="checkout", reason="it is there"))
    walk.do(c.SkipStep(step="build", reason="it is there"))
    assert time_ahead(walk.state, walk.clock.now()).rollback == 4 * MINUTE


def test_nothing_is_ahead_of_a_run_that_rolls_back_or_is_over() -> None:
    walk = Walk(*STEPS, **UNDO)
    walk.run("well", "checkout")
    walk.roll_back()
    assert time_ahead(walk.state, walk.clock.now()).total == timedelta()
