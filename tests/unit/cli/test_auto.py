"""What an unattended run does next: a table of states."""

from __future__ import annotations

import pytest

from handrail.cli.auto import OnFailure, Stop, next_move
from handrail.errors import ExitCode
from handrail.run import commands as c
from handrail.run.events import RunAborted
from handrail.run.plan import PlannedOtherWay, PlannedStep
from walk import Walk, attest, gate, smoke, task, undo


def walk_to(*done: str, steps: tuple[PlannedStep, ...]) -> Walk:
    walk = Walk(*steps)
    walk.run(*done)
    return walk


BUILD, LOOK, SMOKE = task("build"), attest("look"), smoke()


def test_it_starts_the_next_step_and_waits_while_it_runs() -> None:
    walk = Walk(BUILD, LOOK)
    assert next_move(walk.state) == c.StartStep(step="build")
    walk.start("build")
    assert next_move(walk.state) is None


@pytest.mark.parametrize(
    ("attested", "by", "expected"),
    [
        ("a trial", "operator", c.Attest(step="look", holds=True, note="a trial")),
        (None, "operator", ExitCode.DETACHED),
        ("a trial", "someone-else", ExitCode.DETACHED),
    ],
)
def test_it_attests_only_what_it_was_told_to(attested, by, expected) -> None:
    walk = walk_to("build", steps=(BUILD, attest("look", by=by)))
    move = next_move(walk.state, attest=attested)
    assert (move.code if isinstance(move, Stop) else move) == expected


@pytest.mark.parametrize(
    ("on_failure", "expected"),
    [
        (OnFailure.LEAVE, ExitCode.FAILED_OR_ROLLED_BACK),
        (OnFailure.ROLL_BACK, c.RollBack),
    ],
)
def test_it_leaves_or_rolls_back_a_failure(on_failure, expected) -> None:
    walk = walk_to("build", steps=(BUILD, SMOKE, LOOK))
    walk.start("smoke")
    walk.end(1)
    move = next_move(walk.state, on_failure=on_failure)
    assert (move.code if isinstance(move, Stop) else type(move)) == expected


def test_another_way_is_left_to_a_person_and_said() -> None:
    other = PlannedOtherWay(runbook="restore", title="Restore the database")
    migrate = task("migrate", undo=undo("migrate", otherwise=other))
    walk = Walk(migrate, LOOK, undo_runbooks={"restore": (task("restore"),)})
    walk.run("migrate")
    walk.roll_back()
    walk.end(1)
    move = next_move(walk.state, attest="a test", on_failure=OnFailure.ROLL_BACK)
    assert isinstance(move, Stop)
    assert "(another way is offered, for a person to take: Restore the database)" in move.why


def test_a_step_marked_done_after_its_failure_still_has_its_trigger() -> None:
    walk = walk_to("build", steps=(BUILD, SMOKE, LOOK))
    walk.start("smoke")
    walk.end(1)
    walk.do(c.MarkDone(step="smoke", reason="looked at by hand"))
    move = next_move(walk.state, attest="all well")
    assert isinstance(move, Stop)
    assert move.code is ExitCode.FAILED_OR_ROLLED_BACK
    assert "trigger" in move.why


def test_a_held_step_is_refused() -> None:
    walk = Walk(task("build", gate=(gate("window.open"),)))
    walk.start("build")
    walk.end(1)
    move = next_move(walk.state)
    assert isinstance(move, Stop)
    assert move.code is ExitCode.REFUSED
    assert "window.open" in move.why


def test_a_step_in_doubt_is_for_a_person() -> None:
    walk = Walk(BUILD)
    walk.start("build")
    walk.see(c.ObserveDoubt(attempt=1, evidence="the shim was killed"))
    assert next_move(walk.state) == Stop(
        ExitCode.IN_DOUBT, "It is not known what became of Build: the shim was killed"
    )


def test_a_step_that_never_started_is_not_begun_for_ever() -> None:
    walk = Walk(BUILD)
    walk.start("build")
    walk.see(c.ObserveExit(attempt=1, never_started=True, evidence="no space left"))
    move = next_move(walk.state)
    assert isinstance(move, Stop)
    assert move.code is ExitCode.FAILED_OR_ROLLED_BACK


@pytest.mark.parametrize("exit_code", [0, 1])
def test_the_end_is_the_runs_own(exit_code) -> None:
    walk = Walk(BUILD)
    if exit_code:
        walk.do(c.AbortRun(reason="wrong release"))
        assert isinstance(walk.history[-1][0], RunAborted)
    else:
        walk.run("build")
    assert next_move(walk.state) == Stop(ExitCode(exit_code))
