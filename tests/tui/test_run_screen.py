"""The operator's stories on the screen of a run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from handrail.errors import ExitCode, StorageFault
from handrail.run import commands as c
from handrail.run.state import Phase, StepStatus
from handrail.tui.screens.prompt import PromptScreen
from handrail.tui.screens.run import RunScreen
from handrail.tui.screens.sheet import SheetScreen
from handrail.tui.widgets.log_view import LogView
from tui.driver import RUN, WATCHER, Driver, Engine, driven
from tui.plans import deploy_plan, other_way_plan


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(deploy_plan(), tmp_path)


async def deploy_until_smoke(driver: Driver, engine: Engine) -> None:
    """Walk the deploy up to the smoke test; `destructive` is known, so nothing is irreversible."""
    for _ in range(4):
        await driver.press("enter")
        engine.end(facts={"previous_release": "v1.2.3", "destructive": False})
        await driver.settle()
    await driver.press("enter")
    engine.end(verdict="pass", evidence="a backup of 398 MB")
    await driver.settle()
    engine.end()
    await driver.settle()
    await driver.press("enter")
    engine.end()
    await driver.settle()


async def fail_smoke(driver: Driver, engine: Engine) -> None:
    await deploy_until_smoke(driver, engine)
    await driver.press("enter")
    engine.end(
        1, verdict="fail", evidence="POST /checkout answered 500", log="GET / 200\nPOST /checkout 500\n"
    )
    await driver.settle()


async def test_the_first_screen_says_where_one_is_and_what_is_next(engine: Engine) -> None:
    async with driven(engine) as driver:
        assert "PRODUCTION" in driver.text("#header")
        assert "You drive" in driver.text("#header")
        assert f"run {RUN}" in driver.text("#header")
        assert "Next: Announce the deployment" in driver.text("#running")
        assert "announce.post" in driver.said("#step-lines")
        assert "Deploying faster checkout" in driver.said("#step-lines")
        assert "Tell everyone in #deployments" in driver.said("#step-lines")
        assert "enter Run next" in driver.text("#keys")
        assert "Roll back" not in driver.text("#keys")
        assert not driver.app.screen.query_one("#countdown").display


async def test_one_key_runs_the_next_step_and_its_log_is_live(engine: Engine) -> None:
    async with driven(engine) as driver:
        await driver.press("enter")
        log = engine.log_path(RUN, 1)
        log.write_text("posting\n")
        await driver.settle()
        assert "posting" in driver.text("#log")
        assert "1 line, following" in driver.text("#log-title")
        with log.open("a") as file:
            file.write("posted\n")
        engine.time_passes(3)
        await driver.settle()
        assert "posted" in driver.text("#log")
        assert "3s" in driver.text("#running")
        assert "running 3s" in driver.text("#steps")
        engine.end()
        await driver.settle()
        assert "✓ Announce the deployment" in driver.text("#steps")
        assert "Next: Enable maintenance mode" in driver.text("#running")
        # The finished step's output stays until there is newer.
        assert "posted" in driver.text("#log")


async def test_a_second_press_does_not_start_anything_twice(engine: Engine) -> None:
    async with driven(engine) as driver:
        engine.answers = False
        await driver.press("enter", "enter", "r")
        assert "not answered yet" in driver.text("#notice")
        engine.time_passes(2)
        await driver.settle()
        assert "Sent, waiting for the engine" in driver.text("#notice")
        engine.answers = True
        await driver.settle()
        assert len(engine.state.attempts) == 1
        assert len(engine.journal.commands(RUN, 0)) == 1


async def test_a_blocked_key_says_why(engine: Engine) -> None:
    async with driven(engine) as driver:
        for key, why in [
            ("b", "Nothing has been run yet"),
            ("R", "nothing to retry"),
            ("y", "is run, not attested"),
            ("w", "has no gate"),
            ("c", "Nothing is running"),
            ("x", "No rollback trigger is open"),
            ("h", "Nobody has asked"),
            ("t", "You drive this run already"),
        ]:
            await driver.press(key)
            assert why in driver.said("#notice"), key
        assert len(engine.journal.commands(RUN, 0)) == 0


async def test_a_held_step_is_waived_with_a_reason(engine: Engine) -> None:
    async with driven(engine) as driver:
        for _ in range(4):
            await driver.press("enter")
            engine.end()
            await driver.settle()
        await driver.press("enter")
        engine.end(verdict="fail", evidence="no backup younger than 1h")
        await driver.settle()
        assert "Held" in driver.text("#running")
        assert "no backup younger than 1h" in driver.said("#step-lines")
        assert "w Waive check" in driver.text("#keys")
        await driver.press("w", "enter")
        assert "needs a reason" in driver.text()
        await driver.type("taken by hand")
        await driver.press("enter")
        assert engine.state.steps["migrate"].waived == {"database.backed_up": "deploy@bastion: taken by hand"}
        await driver.press("enter")
        assert engine.state.steps["migrate"].status is StepStatus.RUNNING


async def test_nothing_typed_is_lost_when_it_is_refused_or_left(engine: Engine) -> None:
    async with driven(engine) as driver:
        await driver.press("s")
        await driver.type("not needed today")
        await driver.press("escape")
        assert isinstance(driver.app.screen, RunScreen)
        await driver.press("s")
        assert "not needed today" in driver.text("#prompt-text")
        # Meanwhile another screen ran the step: the engine refuses, the words stay.
        screen = driver.app.run_screen
        assert screen is not None
        engine.answers = False
        await driver.press("enter")
        first = engine.state.plan.steps[0]
        from handrail.run import commands as c
        from handrail.run.machine import decide

        engine.add(
            *decide(engine.state, c.StartStep(step=first.key), engine.state.operator, engine.clock.now())
        )
        engine.answers = True
        await driver.settle()
        assert isinstance(driver.app.screen, PromptScreen)
        assert "is running" in driver.text("#prompt-error")
        assert "not needed today" in driver.text("#prompt-text")


async def test_a_failed_smoke_test_starts_the_countdown(engine: Engine) -> None:
    async with driven(engine) as driver:
        await fail_smoke(driver, engine)
        engine.time_passes(31)
        await driver.settle()
        panel = driver.text("#countdown")
        assert "ROLL BACK within 5m" in panel
        assert "Check out a basket as a user failed" in panel
        assert "to START safely" in panel
        assert "rollback takes 53s" in panel
        assert "estimated" in panel
        assert driver.text("#keys").strip().startswith("b Roll back")
        await driver.press("enter")
        assert "failed: retry it, skip it, mark it done, or roll back" in " ".join(
            driver.text("#notice").split()
        )
        engine.time_passes(230)
        await driver.settle()
        assert "past safe start" in driver.text("#countdown")
        assert "missed by 16s" in driver.text("#countdown")
        engine.time_passes(60)
        await driver.settle()
        assert "MISSED" in driver.text("#countdown")


async def test_rolling_back_asks_for_the_targets_name_and_goes_to_its_end(engine: Engine) -> None:
    async with driven(engine) as driver:
        await fail_smoke(driver, engine)
        await driver.press("b")
        sheet = driver.text()
        for words in (
            "1. Check out the previous release",
            "5. Undo: Enable maintenance mode",
            "in time, 4m 05s to spare",
            "Nothing that ran is irreversible",
            "the new column does not disturb the old code",
        ):
            assert words in sheet
        await driver.type("prod")
        await driver.press("enter")
        assert "Type the target's name, production" in driver.text("#rollback-error")
        assert engine.state.phase is Phase.RUNNING
        await driver.type("uction")
        await driver.press("enter")
        assert isinstance(driver.app.screen, RunScreen)
        assert engine.state.phase is Phase.ROLLING_BACK
        assert "ROLLING BACK" in driver.text("#countdown")
        assert "Rollback" in driver.text("#steps")
        engine.log_path(RUN, engine.state.running.number).write_text("HEAD is now at v1.2.3\n")
        await driver.settle()
        assert "HEAD is now at v1.2.3" in driver.text("#log")
        while engine.state.running is not None:
            engine.end()
            await driver.settle()
        assert engine.state.phase is Phase.ROLLED_BACK
        assert isinstance(driver.app.screen, SheetScreen)
        assert "Rolled back" in driver.text("#sheet-title")
        assert "to spare" in driver.text("#sheet-lines")
        await driver.press("escape")
        assert "ROLLED BACK" in driver.text("#running")
        await driver.press("q")
    assert driver.app.return_value == ExitCode.FAILED_OR_ROLLED_BACK


async def test_another_way_is_taken_by_the_targets_name_where_an_undo_fails(tmp_path: Path) -> None:
    engine = Engine(other_way_plan(), tmp_path)
    async with driven(engine) as driver:
        await fail_smoke(driver, engine)
        await driver.press("o")
        assert "Other way: Nothing is being rolled back" in driver.text("#notice")
        await driver.press("b")
        assert "if it fails: Restore the database" in driver.text()
        await driver.type("production")
        await driver.press("enter")
        engine.end(1, evidence="the column exists")
        await driver.settle()
        assert "Restore the database" not in driver.text("#keys"), "there is no backup"
        await driver.press("o")
        assert "run has reported: backup." in driver.text("#notice")
        retried = engine.state.current.key
        await driver.press("R")
        engine.end(1, evidence="the column exists", facts={"backup": "/b.dump"})
        await driver.settle()
        assert "o Restore the database instead" in driver.text("#keys")
        await driver.press("o")
        sheet = driver.text()
        for words in ("Take the other way: Restore the database", "3. Restore the backup", "asks you"):
            assert words in sheet
        await driver.type("prod")
        await driver.press("enter")
        assert "Type the target's name, production" in driver.text("#rollback-error")
        assert engine.state.steps[retried].status is StepStatus.FAILED
        await driver.type("uction")
        await driver.press("enter")
        assert isinstance(driver.app.screen, RunScreen)
        assert engine.state.steps[retried].status is StepStatus.REPLACED
        assert "Look what was written since the backup" in driver.text("#running")
        assert "replaced" in driver.text("#steps")


async def test_a_step_in_doubt_shows_its_evidence_and_asks(engine: Engine) -> None:
    async with driven(engine) as driver:
        for _ in range(2):
            await driver.press("enter")
            engine.end()
            await driver.settle()
        await driver.press("enter")
        engine.doubt()
        await driver.settle()
        assert "looking what became of" in driver.text("#running") or "looking" in driver.said("#step-lines")
        engine.end(evidence="HEAD is v1.3.1")
        await driver.settle()
        assert "HEAD is v1.3.1" in driver.said("#step-lines")
        assert "y It was done" in driver.text("#keys")
        await driver.press("y")
        assert "HEAD is v1.3.1" in driver.text()
        await driver.press("enter")
        assert "Say why" in driver.text("#prompt-error")
        await driver.type("HEAD says so")
        await driver.press("enter")
        assert engine.state.steps["checkout"].status is StepStatus.MARKED_DONE


async def test_an_attestation_is_answered_and_no_opens_a_countdown(engine: Engine) -> None:
    async with driven(engine) as driver:
        await deploy_until_smoke(driver, engine)
        await driver.press("enter")
        engine.end(verdict="pass")
        await driver.settle()
        assert "Error rates and response times" in driver.said("#step-lines")
        await driver.press("enter")
        assert "say whether it holds" in driver.text("#notice")
        await driver.press("n")
        await driver.type("errors doubled")
        await driver.press("enter")
        assert "ROLL BACK within 15m" in driver.text("#countdown")
        await driver.press("x")
        await driver.type("a dashboard glitch")
        await driver.press("enter")
        assert not driver.app.screen.query_one("#countdown").display


async def test_cancelling_asks_first(engine: Engine) -> None:
    async with driven(engine) as driver:
        await driver.press("enter", "c")
        assert "gets TERM, then KILL" in driver.text("#prompt-question")
        await driver.press("escape")
        assert not engine.state.running.cancelling
        await driver.press("c", "y")
        assert engine.state.running.cancelling
        assert "stopping" in driver.text("#running")


async def test_a_watcher_sees_everything_and_takes_over_with_a_reason(engine: Engine) -> None:
    async with driven(engine, actor=WATCHER) as driver:
        assert "WATCHING" in driver.text("#header")
        await driver.press("enter")
        assert "You are watching" in driver.text("#notice")
        assert engine.state.running is None
        await driver.press("T")
        await driver.type("the operator went offline")
        await driver.press("enter")
        assert "You drive" in driver.text("#header")
        await driver.press("enter")
        assert engine.state.running is not None


@pytest.mark.parametrize("may_act", [True, False])
async def test_a_watcher_is_taken_along_and_comes_back_with_one_key(engine: Engine, may_act: bool) -> None:
    operator = engine.session()

    def operator_runs(step: str, log: str) -> None:
        operator.send(c.StartStep(step=step))
        engine.work()
        engine.log_path(RUN, engine.state.running.number).write_text(log)

    async with driven(engine, size=(120, 30), actor=WATCHER, may_act=may_act) as driver:
        for step, title in (
            ("announce", "Announce the deployment"),
            ("maintenance", "Enable maintenance mode"),
        ):
            operator_runs(step, f"{step} goes on\n")
            await driver.settle()
            assert "WATCHING · deploy@bastion drives" in driver.text("#header")
            assert title in driver.text("#running")
            assert title in driver.text("#step-title")
            assert f"{step} goes on" in driver.text("#log")
            assert title in driver.text("#log-title")
            assert "esc Follow" not in driver.text("#keys")
            engine.end()
            await driver.settle()
        await driver.press("k", "k")
        assert "esc Follow" in driver.text("#keys")
        operator_runs("checkout", "the release is fetched\n")
        await driver.settle()
        assert "Check out the release" in driver.text("#running"), "what runs is in view wherever one looks"
        assert "Announce the deployment" in driver.text("#step-title")
        assert "announce goes on" in driver.text("#log")
        await driver.press("escape")
        assert "Check out the release" in driver.text("#step-title")
        assert "the release is fetched" in driver.text("#log")
        assert "esc Follow" not in driver.text("#keys")
        engine.end()
        operator_runs("install", "packages\n")
        await driver.settle()
        assert "Install dependencies" in driver.text("#step-title")
        assert "packages" in driver.text("#log")


async def test_a_watcher_who_looked_at_an_earlier_attempt_follows_the_newest_again(engine: Engine) -> None:
    operator = engine.session()
    async with driven(engine, actor=WATCHER) as driver:
        operator.send(c.StartStep(step="announce"))
        engine.work()
        engine.end(1, log="the first try\n")
        operator.send(c.RetryStep(step="announce", after_attempt=1))
        engine.work()
        engine.log_path(RUN, 2).write_text("the second try\n")
        await driver.settle()
        assert "the second try" in driver.text("#log")
        await driver.press("l", "left_square_bracket")
        assert "the first try" in driver.text("#log")
        assert "esc Follow" in driver.text("#keys")
        await driver.press("escape")
        assert "the second try" in driver.text("#log")
        assert "esc Follow" not in driver.text("#keys")


async def test_who_drives_reads_of_the_way_back_where_every_key_is(engine: Engine) -> None:
    async with driven(engine) as driver:
        await driver.press("j")
        assert "esc Follow" not in driver.text("#keys")
        await driver.press("question_mark")
        assert (
            "back to the current step, and follow it"
            in driver.app.screen.query_one("#sheet-lines").visual.plain
        )


async def test_the_operator_is_asked_and_hands_over(engine: Engine) -> None:
    async with driven(engine) as driver:
        other = engine.session(WATCHER)
        other.send(c.RequestControl())
        await driver.settle()
        assert "review@bastion asks to take over" in driver.text()
        await driver.press("h", "y")
        assert "WATCHING" in driver.text("#header")


async def test_watch_only_never_acts(engine: Engine) -> None:
    async with driven(engine, may_act=False) as driver:
        await driver.press("enter", "b", "s")
        assert "This screen only watches" in driver.text("#notice")
        assert len(engine.journal.commands(RUN, 0)) == 0


async def test_the_list_follows_until_the_user_moves(engine: Engine) -> None:
    async with driven(engine) as driver:
        await driver.press("j", "j")
        assert "Check out the release" in driver.text("#step-title")
        await driver.press("enter")
        engine.end()
        await driver.settle()
        assert "Check out the release" in driver.text("#step-title")
        await driver.press("escape")
        assert "Enable maintenance" in driver.text("#step-title")
        await driver.pilot.click("#steps", offset=(5, 5))
        assert "Check out the release" in driver.text("#step-title")


async def test_the_log_is_scrolled_and_followed_again(engine: Engine) -> None:
    async with driven(engine) as driver:
        await driver.press("enter")
        engine.log_path(RUN, 1).write_text("".join(f"line {n}\n" for n in range(500)))
        await driver.settle()
        assert "line 499" in driver.text("#log")
        await driver.press("l", "g")
        assert "line 0" in driver.text("#log")
        assert "paused at 1 to " in driver.text("#log-title")
        assert "f follows" in driver.text("#log-title")
        with engine.log_path(RUN, 1).open("a") as file:
            file.write("line 500\n")
        await driver.settle()
        assert "line 500" not in driver.text("#log")
        await driver.press("f")
        assert "line 500" in driver.text("#log")
        assert driver.app.screen.query_one(LogView).following


async def test_leaving_leaves_the_run_open(engine: Engine) -> None:
    async with driven(engine) as driver:
        await driver.press("enter", "ctrl+c")
        assert "Ctrl+C stops nothing" in driver.text("#notice")
        assert engine.state.running is not None
        await driver.press("ctrl+c")
    assert driver.app.return_value == ExitCode.DETACHED
    assert engine.state.phase is Phase.RUNNING
    assert len(engine.journal.commands(RUN, 0)) == 1


async def test_help_and_palette_have_every_action(engine: Engine) -> None:
    async with driven(engine, size=(100, 80)) as driver:
        await driver.press("question_mark")
        sheet = driver.text()
        for words in (
            "Run next",
            "Roll back",
            "Other way",
            "Take over",
            "Abort",
            "Note",
            "detach",
            "not now: Nothing has been run",
        ):
            assert words in sheet
        await driver.press("escape")
        titles = {command.title for command in driver.app.get_system_commands(driver.app.screen)}
        assert {"Run next", "Roll back", "Abort", "Detach", "Keys"} <= titles


async def test_a_journal_that_cant_be_read_is_said_and_tried_again(engine: Engine) -> None:
    async with driven(engine) as driver:
        await driver.press("enter")
        screen = driver.app.run_screen
        assert screen is not None
        broken = True
        whole = screen.session.journal.data_version

        def data_version() -> int:
            if broken:
                raise StorageFault("The journal can't be read: disk I/O error.", next_step="free the disk.")
            return whole()

        screen.session.journal.data_version = data_version  # type: ignore[method-assign]
        screen.catch_up()
        await driver.pilot.pause()
        assert "The journal can't be read" in driver.text("#notice")
        engine.clock.advance(timedelta(seconds=7))
        screen.catch_up()
        await driver.pilot.pause()
        assert "running 7s" in driver.text("#steps")
        broken = False
        await driver.settle()
        assert "can be read again" in driver.text("#notice")


async def test_an_engine_that_cant_go_on_stays_in_view(engine: Engine) -> None:
    async with driven(engine) as driver:
        screen = driver.app.run_screen
        assert screen is not None
        sentences = ["The engine can't go on: the disk is full."]
        screen.session.keep_engine = lambda: sentences.pop() if sentences else None
        for _ in range(3):
            engine.clock.advance(timedelta(seconds=30))
            await driver.settle()
            assert "the disk is full" in driver.said("#notice")
        await driver.press("enter")
        engine.clock.advance(timedelta(seconds=30))
        await driver.settle()
        assert "the disk is full" not in driver.said("#notice")


async def test_an_unexpected_failure_leaves_one_clear_line(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012  it is raised when the screen is left
        async with driven(engine) as driver:
            screen = driver.app.run_screen
            assert screen is not None
            screen.call_later(lambda: 1 // 0)
            await driver.pilot.pause()
    assert driver.app.return_value == ExitCode.DETACHED
    message = capsys.readouterr().err
    assert "handrail attach run-1" in message
    assert "Traceback" not in message


@pytest.fixture(params=[(40, 15), (80, 24), (160, 50), (300, 80)], ids=str)
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    width, height = request.param
    return width, height


async def test_what_matters_is_in_view_at_every_size(engine: Engine, size: tuple[int, int]) -> None:
    async with driven(engine, size=size) as driver:
        assert "PRODUCTION" in driver.text()
        await fail_smoke(driver, engine)
        text = driver.text()
        for words in (
            "PRODUCTION",
            "You drive",
            "Failed: Check out a ba",
            "ROLL BACK within 5m",
            "to START safely",
            "b Roll back",
            "POST /checkout 500",
        ):
            assert words in text, words
        assert "failed 2s" in driver.text("#steps")
        assert all(len(row) <= size[0] for row in driver.rows())
        for _ in range(4):
            await driver.press("v")
        await driver.pilot.resize_terminal(1, 1)
        await driver.pilot.resize_terminal(*size)
        await driver.settle()
        assert "ROLL BACK within 5m" in driver.text()
