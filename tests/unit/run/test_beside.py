"""In a rollback, what may run beside the step before it does."""

from __future__ import annotations

from datetime import timedelta

from handrail.run import commands as c
from handrail.run.deadlines import rollback_duration
from handrail.run.events import Purpose
from handrail.run.state import Phase, RunState, StepStatus
from walk import Walk, task, undo, undo_runbook


def running(state: RunState) -> list[str]:
    return [a.call.task for a in state.attempts.values() if a.is_running and a.purpose is Purpose.STEP]


def rolled() -> Walk:
    back = (
        task("checkout", beside=True, estimate=timedelta(seconds=3)),
        task("install", estimate=timedelta(seconds=30)),
    )
    walk = Walk(
        task("deploy", undo=undo_runbook("back")),
        task("open", undo=undo("open", estimate=timedelta(seconds=2))),
        task("tell"),
        undo_runbooks={"back": back},
    )
    walk.run("deploy", "open")
    walk.roll_back()
    return walk


def end(walk: Walk, name: str, exit_code: int = 0) -> None:

    number = next(a.number for a in walk.state.attempts.values() if a.is_running and a.call.task == name)
    now = walk.clock.now()
    walk.see(c.ObserveExit(attempt=number, exit_code=exit_code, started=now, ended=now))


def test_the_checkout_runs_while_the_page_is_being_put_up() -> None:
    walk = rolled()
    assert running(walk.state) == ["undo.open", "do.checkout"]
    end(walk, "undo.open")
    assert running(walk.state) == ["do.checkout"]
    end(walk, "do.checkout")
    assert running(walk.state) == ["do.install"]
    end(walk, "do.install")
    assert walk.state.phase is Phase.ROLLED_BACK


def test_what_ends_first_waits_for_what_stands_before_it() -> None:
    walk = rolled()
    end(walk, "do.checkout")
    assert running(walk.state) == ["undo.open"]
    end(walk, "undo.open")
    assert running(walk.state) == ["do.install"]


def test_a_failure_beside_stops_the_rollback_where_it_stands() -> None:
    walk = rolled()
    end(walk, "do.checkout", exit_code=1)
    end(walk, "undo.open")
    assert running(walk.state) == []
    assert walk.state.current is not None
    assert walk.state.current.status is StepStatus.FAILED


def test_it_is_counted_with_what_it_takes_longer() -> None:
    walk = Walk(
        task("deploy", undo=undo_runbook("back")),
        task("open", undo=undo("open", estimate=timedelta(seconds=2))),
        task("tell"),
        undo_runbooks={
            "back": (
                task("checkout", beside=True, estimate=timedelta(seconds=3)),
                task("install", estimate=timedelta(seconds=30)),
            )
        },
    )
    walk.run("deploy", "open")
    assert rollback_duration(walk.state).expected == timedelta(seconds=33)
