"""The main job: a real release into production, walked from the terminal, and back out of it in time."""

from __future__ import annotations

import subprocess
from datetime import timedelta

import pytest

from handrail.run.events import Purpose, Result
from handrail.run.state import Phase, StepStatus
from handrail.values import TriggerClass
from operating import STEP_SECONDS, Desk, kill
from waiting import wait_for

pytestmark = pytest.mark.e2e

INSTALL = "Install the dependencies"
MIGRATE = "Run the migrations"
FLOWS = "Users can do what they come for"


@pytest.mark.long
def test_a_good_release_is_deployed_to_the_end(desk: Desk) -> None:
    desk.open_deploy("v1.3.0")
    assert "PRODUCTION" in desk.terminal.screen()
    # The run ends by itself with a clean watch, the news for the team included.
    desk.press_run_until("Watch the release", started=True)
    desk.terminal.expect("Finished", STEP_SECONDS)
    state = desk.run()
    assert state.phase is Phase.FINISHED
    released = desk.shop.run("git", "rev-parse", "v1.3.0^{commit}").strip()
    assert {state.facts[fact] for fact in ("release_commit", "approved_commit", "tested_commit")} == {
        released
    }
    assert desk.shop.version() == "1.3.0"
    assert desk.shop.sql("select count(*) from pgmigrations where name like '%gift%'") == "1"
    assert [lock.target for lock in desk.locks()] == []
    assert desk.problems() == []
    done = "Deployed Gift notes (v1.3.0) to production"
    wait_for(lambda: done in str(desk.shop.posts()[-1:]), "the news in the channel")
    first = desk.shop.posts()[0]["body"]["text"]
    assert "Deploying Gift notes" in first
    assert " UTC (estimated)" in first
    desk.terminal.press("q")
    assert desk.terminal.exit_code() == 0


def test_a_bad_release_fails_its_smoke_test_and_is_rolled_back_in_time(desk: Desk) -> None:
    desk.open_deploy("v1.3.1")
    desk.press_run_until(FLOWS, started=True)
    shown = desk.terminal.expect("ROLL BACK within 5m", STEP_SECONDS)
    assert "to the DEADLINE" in shown
    assert "to START safely" in shown
    state = desk.run()
    trigger = state.open_triggers[0]
    assert trigger.trigger_class is TriggerClass.IMMEDIATE
    assert "status 500" in trigger.because
    evidence_from = state.last_attempt(trigger.step or "").started
    assert trigger.deadline.since(evidence_from) == timedelta(minutes=5)

    desk.terminal.press("Enter")
    desk.terminal.expect("failed: retry it")
    desk.terminal.press("b")
    shown = desk.terminal.expect("Type production to roll back")
    order = [
        "Check out the previous release",
        "Install its dependencies",
        "Build it",
        "Restart the application",
        "The previous release is served",
        "Undo: Put up the maintenance page",
    ]
    places = [shown.index(title) for title in order]
    assert places == sorted(places)
    desk.terminal.type("prod")
    desk.terminal.press("Enter")
    desk.terminal.expect("Type production to roll back")
    assert desk.run().phase is Phase.RUNNING
    desk.terminal.type("uction")
    desk.terminal.press("Enter")
    desk.terminal.expect("Rolled back", STEP_SECONDS)

    state = desk.run()
    assert state.phase is Phase.ROLLED_BACK
    assert state.deadlines_met is True
    assert [step.planned.title for step in state.undo_steps] == order
    assert desk.shop.version() == "1.2.3"
    assert desk.shop.get("/checkout").status_code == 200
    assert desk.locks() == []
    assert desk.problems() == []
    # The engine tells the channel beside the rollback, never in its way.
    wait_for(lambda: "Rolled back" in str(desk.shop.posts()), "the news in the channel")
    desk.terminal.press("q")
    assert desk.terminal.exit_code() == 1


def test_a_lost_terminal_and_a_killed_engine_change_nothing(desk: Desk) -> None:
    desk.open_deploy("v1.3.0")
    desk.press_run_until(INSTALL, started=True)
    desk.terminal.expect("npm ci")
    desk.terminal.kill()
    assert desk.run().phase is Phase.RUNNING

    desk.handrail("attach")
    desk.terminal.expect("You drive", STEP_SECONDS)
    assert INSTALL in desk.terminal.screen()
    desk.press_run_until(MIGRATE)
    install = next(step for step in desk.run().forward_steps if step.planned.title == INSTALL)
    assert install.status is StepStatus.PASSED
    runs = [desk.run().attempts[number].purpose for number in install.attempts]
    assert runs.count(Purpose.STEP) == 1

    # An open transaction holds the table, so that the migration is surely under way when its engine dies.
    database = desk.shop.target.database
    assert database is not None
    assert database.programs is not None
    holding = subprocess.Popen(
        [str(database.programs / "psql"), "-XqAt", "-d", database.url.reveal()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holding:
        assert holding.stdin is not None
        assert holding.stdout is not None
        holding.stdin.write("begin; lock table orders in access share mode; select 'held';\n")
        holding.stdin.flush()
        assert holding.stdout.readline().strip() == "held"
        first = desk.engine()
        desk.terminal.press("Enter")
        wait_for(
            lambda: desk.shop.sql("select count(*) from pg_locks where not granted") != "0",
            "the migration waiting for the table",
            STEP_SECONDS,
        )
        kill(first)
        holding.stdin.write("commit;\n")
        holding.stdin.close()
    # The screen sees to it that the run has an engine again.
    second = desk.engine()
    assert second != first
    wait_for(lambda: desk.run().running is None, "the migration's end", STEP_SECONDS)
    state = desk.run()
    migrate = next(step for step in state.forward_steps if step.planned.title == MIGRATE)
    assert migrate.status is StepStatus.PASSED, migrate.why
    attempts = [a for a in state.attempts.values() if a.step == migrate.key and a.purpose is Purpose.STEP]
    assert [attempt.result for attempt in attempts] == [Result.PASSED]
    assert desk.shop.sql("select count(*) from pgmigrations where name like '%gift%'") == "1"
    assert desk.problems() == []

    desk.terminal.expect("Next: Restart the application")
    desk.terminal.press("q")
    assert desk.terminal.exit_code() == 3
