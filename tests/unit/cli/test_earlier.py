"""What earlier runs say: what was changed since, and what whole runs took."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handrail.cli.earlier import differences, last_run, usual_run
from handrail.clock import ManualClock
from handrail.journal.memory import MemoryJournal
from handrail.run import events as e
from handrail.run.events import write_event
from handrail.run.plan import Plan
from handrail.runbook.model import StepKind
from walk import OPERATOR, TARGET, plan, task


def made(**fields: object) -> Plan:
    known = {"digests": {"/p/a.md": "1"}, "sources": {"/p/a.md": "one\ntwo\n"}, "project_root": "/p"}
    steps = (task("build"), task("tell", kind=StepKind.ANNOUNCE), task("install"))
    return plan(*steps, **{**known, **fields})


def journaled(journal: MemoryJournal, clock: ManualClock, run: str, made: Plan, *endings: object) -> None:
    opening = write_event(e.RunOpened(plan=made, operator=OPERATOR))
    journal.open_run(run, made.target.name, {}, "x", [opening], clock.advance(timedelta(hours=1)))
    bodies = [write_event(each) for each in (*endings, e.RunFinished())]
    journal.append(run, 0, 1, bodies, clock.advance(timedelta(hours=1)), release_lock=True)


DIFFERENT = [
    ({}, []),
    ({"sources": {"/p/a.md": "other text, same digest"}}, []),
    (
        {"digests": {"/p/a.md": "2"}, "sources": {"/p/a.md": "one\nthree\n"}},
        [("a.md", ("--- then", "+++ now", "@@ -1,2 +1,2 @@", " one", "-two", "+three"))],
    ),
    (
        {"digests": {"/p/a.md": "1", "/q/new.md": "3"}},
        [("/q/new.md", ("it is new, or is used for the first time",))],
    ),
    ({"digests": {}}, [("a.md", ("it is gone, or isn't used any more",))]),
    (
        {"digests": {"/p/a.md": "9"}, "sources": {}},
        [("a.md", ("its lines are not shown: they may hold secrets",))],
    ),
]


@pytest.mark.parametrize(("fields", "found"), DIFFERENT)
def test_each_file_that_differs_is_told(fields, found) -> None:
    before = made().model_dump(mode="json")
    assert [(each.path, each.lines) for each in differences(before, made(**fields))] == found


def test_the_last_run_on_the_same_target_counts_else_another() -> None:
    journal, clock = MemoryJournal(), ManualClock()
    staging = TARGET.model_copy(update={"name": "staging"})
    assert last_run(journal, made()) is None
    journaled(journal, clock, "1-deploy-a", made(target=staging))
    found = last_run(journal, made())
    assert found is not None
    assert (found.run, found.same_target, found.how) == ("1-deploy-a", False, "RunFinished")
    journaled(journal, clock, "2-deploy-b", made())
    journaled(journal, clock, "3-deploy-c", made(target=staging))
    journaled(journal, clock, "4-other-d", made(runbook="other"))
    found = last_run(journal, made())
    assert found is not None
    assert (found.run, found.same_target) == ("2-deploy-b", True)


def test_a_whole_run_is_measured_by_all_its_steps_of_work() -> None:
    journal, clock = MemoryJournal(), ManualClock()
    assert usual_run(journal, made()) is None
    times = [
        {"build": 10.0, "install": 20.0, "tell": 99.0, "undo/build": 500.0},
        {"build": 14.0, "install": 26.0},
        {"build": 12.0, "install": 23.0, "later": 1.0},
        {"build": 1.0},
    ]
    for number, steps in enumerate(times):
        measured = e.DurationsMeasured(target="production", runbook="deploy", steps=steps)
        journaled(journal, clock, f"{number}-deploy-x", made(), measured)
    other = e.DurationsMeasured(target="staging", runbook="deploy", steps={"build": 900.0, "install": 9.0})
    journaled(journal, clock, "9-deploy-x", made(), other)
    usual = usual_run(journal, made())
    assert usual is not None
    assert usual.count == 3, "a run that did not do all of it tells nothing of the whole"
    assert [x.total_seconds() for x in (usual.median, usual.shortest, usual.longest)] == [35.0, 30.0, 40.0]
