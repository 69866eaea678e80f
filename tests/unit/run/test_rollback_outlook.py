"""When a rollback would be done, what of it is slow, and when visitors are shielded."""

from __future__ import annotations

from datetime import timedelta

from handrail.run.plan import PlannedCall, PlannedStep, PlannedUndo, UndoKind, Usual
from handrail.run.rollback_outlook import maintenance_is_up, rollback_outlook
from walk import Walk, attest, smoke, task, undo

SECOND = timedelta(seconds=1)


def maintenance(key: str, does: str, undoes: str, seconds: float) -> PlannedStep:
    """A step that puts maintenance up or takes it down, and the other way round as its undo."""
    back = PlannedUndo(
        kind=UndoKind.TASK, call=PlannedCall(task=f"maintenance.{undoes}"), estimate=seconds * SECOND
    )
    return task(key, call=PlannedCall(task=f"maintenance.{does}"), undo=back)


def deployed(**fields: object) -> Walk:
    """A release behind the end of maintenance, with a smoke test that failed."""
    walk = Walk(
        maintenance("close", "enable", "disable", 3),
        task("build", undo=undo("build", estimate=20 * SECOND)),
        task("start", undo=undo("start", estimate=10 * SECOND)),
        maintenance("open", "disable", "enable", 2),
        smoke(),
        **fields,
    )
    walk.run("close", "build", "start")
    assert maintenance_is_up(walk.state)
    walk.run("open")
    walk.start("smoke")
    walk.end(1)
    return walk


def test_before_it_begins() -> None:
    walk = deployed()
    outlook = rollback_outlook(walk.state, walk.clock.now())
    assert outlook.left.expected == 35 * SECOND
    assert outlook.done_at == walk.clock.now().plus(35 * SECOND)
    assert (outlook.current, outlook.steps, outlook.stopped) == (0, 4, False)
    assert (outlook.longest, outlook.longest_takes) == ("Undo: Build", 20 * SECOND)
    assert not maintenance_is_up(walk.state)
    assert outlook.shielded_after == 2 * SECOND


def test_while_maintenance_is_up_nothing_is_said_of_it() -> None:
    walk = Walk(maintenance("close", "enable", "disable", 3), smoke())
    walk.run("close")
    walk.start("smoke")
    walk.end(1)
    assert rollback_outlook(walk.state, walk.clock.now()).shielded_after is None


def test_while_it_runs_the_step_under_way_counts_with_what_is_left_of_it() -> None:
    walk = deployed()
    walk.roll_back()
    walk.end()
    walk.clock.advance(4 * SECOND)
    outlook = rollback_outlook(walk.state, walk.clock.now())
    assert (outlook.current, outlook.steps) == (2, 4)
    assert outlook.left.expected == 29 * SECOND
    walk.clock.advance(60 * SECOND)
    # What takes longer than it should adds nothing, and takes nothing from the others.
    assert rollback_outlook(walk.state, walk.clock.now()).left.expected == 23 * SECOND


def test_where_it_failed_it_waits_for_a_person() -> None:
    walk = deployed()
    walk.roll_back()
    assert not rollback_outlook(walk.state, walk.clock.now()).stopped
    walk.end(1)
    assert rollback_outlook(walk.state, walk.clock.now()).stopped


def test_what_was_measured_is_counted_step_by_step() -> None:
    usual = {
        "undo/open": Usual(median=1, high=2, count=7),
        "undo/start": Usual(median=5, high=9, count=3, rehearsed=True),
    }
    left = rollback_outlook(deployed(usual=usual).state, deployed().clock.now()).left
    assert (left.steps, left.estimated, left.rehearsed, left.fewest) == (4, 2, 1, 3)
    assert left.expected == (2 + 9 + 20 + 3) * SECOND
    assert not left.measured


def test_without_a_way_back_there_is_nothing_to_do() -> None:
    walk = Walk(task("build"), attest("look"))
    walk.run("build")
    outlook = rollback_outlook(walk.state, walk.clock.now())
    assert (outlook.steps, outlook.longest, outlook.left.expected) == (0, "", timedelta())
