"""Every key in every state of a real release at the real shop: `scripts/prove-keys`, a quarter of an hour.

The suite walks the same keys through all states of a run of quick steps, and through the beginning of this.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from e2e.screen.test_every_key import Journaled, Walker
from handrail.paths import AttemptFiles
from handrail.run.actors import Actor
from handrail.run.events import Purpose
from handrail.run.state import Phase, RunState, StepStatus
from operating import STEP_SECONDS, Desk
from waiting import wait_for

pytestmark = pytest.mark.e2e
ONLOOKER = Actor(user="somebody", host="elsewhere", session="another")
INSTALL, MIGRATE, FLOWS = "Install the dependencies", "Run the migrations", "Users can do what they come for"


def running(desk: Desk, title: str) -> tuple[RunState, AttemptFiles]:
    """The run while a step's own attempt is under way, with its task's process known."""

    def found() -> tuple[RunState, AttemptFiles] | None:
        state = desk.run()
        attempt = state.running
        if attempt is None or attempt.purpose is not Purpose.STEP or attempt.step is None:
            return None
        if state.steps[attempt.step].planned.title != title:
            return None
        files = desk.state_folder.attempt(state.run, attempt.number)
        return (state, files) if files.task.exists() else None

    return wait_for(found, f"the task of {title}", STEP_SECONDS)


def group_of(files: AttemptFiles) -> int:
    return int(json.loads(files.task.read_text())["pid"])


def told_the_team(desk: Desk) -> RunState:
    """The run once no message to the team is under way beside it."""

    def found() -> RunState | None:
        state = desk.run()
        notices = [each for each in state.attempts.values() if each.purpose is Purpose.NOTICE]
        return None if any(each.is_running for each in notices) else state

    return wait_for(found, "the last message to the team", STEP_SECONDS)


@contextmanager
def held(desk: Desk, title: str) -> Iterator[RunState]:
    """Hold the processes of a running step, so that it runs for as long as it is looked at."""
    _, files = running(desk, title)
    os.killpg(group_of(files), signal.SIGSTOP)
    try:
        yield told_the_team(desk)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(group_of(files), signal.SIGCONT)


def test_a_bad_release_from_its_start_to_the_end_of_its_rollback(shop_desk: Desk) -> None:
    desk = shop_desk
    desk.open_deploy("v1.3.1")
    terminal = desk.terminal
    walker = Walker(terminal, Journaled(desk.state_folder))
    state = desk.run()
    walker.walk(state, state.operator, everywhere=True)

    desk.press_run_until(INSTALL, started=True)
    with held(desk, INSTALL) as state:
        terminal.expect("c Cancel")
        walker.walk(state, state.operator, everywhere=True)
        desk.handrail("watch")
        onlooking = Walker(desk.terminal, walker.journaled)
        onlooking.expect("WATCHING", "the second screen")
        onlooking.walk(state, ONLOOKER, may_act=False, everywhere=True)
        desk.close_terminal()

    # What may not be repeated unasked: its shim and its task die in the middle of it.
    desk.press_run_until(MIGRATE, started=True)
    with held(desk, MIGRATE):
        _, files = running(desk, MIGRATE)
        os.kill(json.loads(files.claim.read_text())["pid"], signal.SIGKILL)
        os.killpg(group_of(files), signal.SIGKILL)
    wait_for(lambda: desk.run().current.status is StepStatus.IN_DOUBT, "the doubt", STEP_SECONDS)
    terminal.expect("n It was not done")
    state = wait_for(lambda: run if (run := desk.run()).running is None else None, "what looks", STEP_SECONDS)
    walker.walk(state, state.operator, everywhere=True)
    walker.open("n", "You say that", "the doubt")
    terminal.type("no row of it is in the table")
    terminal.press("Enter")
    wait_for(lambda: desk.run().current.status is not StepStatus.IN_DOUBT, "the answer", STEP_SECONDS)
    terminal.expect("Retry" if desk.run().current.status is StepStatus.FAILED else "Run next")
    terminal.press("R" if desk.run().current.status is StepStatus.FAILED else "Enter")
    wait_for(lambda: desk.run().current.planned.title != MIGRATE, "the migrations", STEP_SECONDS)

    desk.press_run_until(FLOWS, started=True)
    terminal.expect("ROLL BACK within 5m", STEP_SECONDS)
    state = desk.run()
    assert state.current is not None
    assert state.current.status is StepStatus.FAILED
    state = told_the_team(desk)
    walker.walk(state, state.operator, everywhere=True)
    assert desk.run().open_triggers == state.open_triggers

    terminal.press("b")
    terminal.expect("Type production to roll back")
    terminal.type("production")
    walker.act("Enter", "RollBack")
    with held(desk, "Install its dependencies") as state:
        assert state.phase is Phase.ROLLING_BACK
        walker.walk(state, state.operator, everywhere=True)
        desk.handrail("watch")
        onlooking = Walker(desk.terminal, walker.journaled)
        onlooking.expect("WATCHING", "the second screen")
        onlooking.walk(state, ONLOOKER, may_act=False)
        desk.close_terminal()
    wait_for(lambda: desk.run().phase is Phase.ROLLED_BACK, "the rollback's end", 2 * STEP_SECONDS)
    terminal.expect("Rolled back")
    terminal.press("Escape")
    state = told_the_team(desk)
    walker.walk(state, state.operator, everywhere=True)
    assert desk.shop.version() == "1.2.3"
    assert desk.problems() == []


def test_a_good_release_while_it_is_watched_and_after(shop_desk: Desk) -> None:
    desk = shop_desk
    desk.open_deploy("v1.3.0")
    terminal = desk.terminal
    walker = Walker(terminal, Journaled(desk.state_folder))
    desk.press_run_until("Watch the release", started=True)
    state = wait_for(lambda: run if (run := desk.run()).waiting_step else None, "the watch", STEP_SECONDS)
    # Ten minutes more: as long as it is looked at from every place.
    walker.open("+", "esc Back", "the watch")
    terminal.type("10")
    terminal.press("Enter")
    wait_for(lambda: "StretchWatch" in walker.journaled.asked(), "the longer watch")
    state = told_the_team(desk)
    walker.walk(state, state.operator, everywhere=True)
    assert desk.run().waiting_step is not None
    wait_for(lambda: desk.run().phase is Phase.FINISHED, "the end of the watch and of the run", 900)
    terminal.expect("Finished")
    terminal.press("Escape")
    state = told_the_team(desk)
    walker.walk(state, state.operator, everywhere=True)
    assert desk.problems() == []
