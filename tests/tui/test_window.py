"""The deployment window on the start screen and in the header."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from handrail.cli.words import allowed
from handrail.clock import Instant
from handrail.project.calendar import Calendar, calendar_of
from handrail.project.window import Window
from handrail.run import commands as c
from handrail.run.plan import Plan, PlannedCall, PlannedGate
from handrail.tui.app import HandrailApp
from handrail.tui.presenters.actions import open_actions
from handrail.tui.presenters.header import header_lines
from handrail.tui.presenters.line import Tone, text_of
from handrail.tui.presenters.start import window_line
from tui.driver import OPERATOR, Driver, Engine, driven
from tui.plans import TARGET, deploy_plan, task
from tui.test_start_screen import Opened

CALENDAR = calendar_of(Window())


def at(text: str) -> Instant:
    """A moment by the clocks of Los Angeles."""
    wall = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/Los_Angeles")).timestamp()
    return Instant(wall, wall, "test")


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = Engine(deploy_plan(), tmp_path)
    to = at("2026-11-23T15:48").wall - engine.clock.now().wall
    engine.clock.advance(timedelta(seconds=to))
    return engine


@pytest.mark.parametrize(
    ("moment", "tone", "words"),
    [
        ("2026-11-23T12:00", Tone.QUIET, "Window closes 17:00 PST in 5h 00m; this deploy (about "),
        ("2026-11-23T16:59", Tone.WARN, " after it closes"),
        (
            "2026-11-22T12:00",
            Tone.WARN,
            "Sunday is no deployment day; opens Mon 2026-11-23 09:00 PST",
        ),
    ],
)
def test_the_start_screen_says_it(moment: str, tone: Tone, words: str) -> None:
    shown = window_line(deploy_plan(), at(moment), CALENDAR, 80)
    assert words in text_of(shown)
    assert shown[0][1] is tone


def test_on_a_narrow_screen_it_is_short() -> None:
    shown = window_line(deploy_plan(), at("2026-11-23T16:59"), CALENDAR, 40)
    assert text_of(shown).startswith("Window closes 17:00 PST in 1m")
    assert "deploy" not in text_of(shown)


def test_without_a_plan_a_window_or_a_calendar_nothing_is_said() -> None:
    elsewhere = deploy_plan(target=TARGET.model_copy(update={"production": False}))
    assert window_line(None, at("2026-11-23T12:00"), CALENDAR, 80) == ()
    assert window_line(elsewhere, at("2026-11-23T12:00"), CALENDAR, 80) == ()
    assert window_line(deploy_plan(), at("2026-11-23T12:00"), None, 80) == ()


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (160, "Window closes 17:00 PST in 1h 12m; this deploy (about "),
        (120, "Window closes 17:00 PST in 1h 12m; this deploy (about "),
        (110, "window closes 17:00 PST in 1h 12m"),
        (60, None),
    ],
)
def test_the_header_says_as_much_as_there_is_room_for(engine: Engine, width: int, words: str | None) -> None:
    lines = header_lines(engine.state, OPERATOR, engine.clock.now(), width, calendar=CALENDAR)
    text = "\n".join(text_of(part) for part in lines)
    assert all(len(text_of(part)) == width for part in lines)
    assert "You drive" in text
    assert (words in text) if words else ("indow" not in text)


def test_what_is_not_known_is_said(engine: Engine) -> None:
    nothing = Calendar(None, lambda day: None)
    lines = header_lines(engine.state, OPERATOR, engine.clock.now(), 160, calendar=nothing)
    assert "Window not known" in text_of(lines[1])


async def test_both_screens_show_it_where_there_is_room(engine: Engine) -> None:
    app = HandrailApp(opening=Opened(engine, {"feature": "x"}), log_path=engine.log_path)
    async with app.run_test(size=(130, 40)) as pilot:
        await app.workers.wait_for_complete()
        driver = Driver(app, pilot, engine)
        await driver.settle()
        assert "Window closes 17:00 PST in 1h 12m; this deploy (about " in driver.text("#window")
        await driver.press("ctrl+s")
        await app.workers.wait_for_complete()
        await driver.settle()
        assert "indow closes 17:00 PST in 1h" in driver.text("#header")


async def test_a_small_screen_stays_calm(engine: Engine) -> None:
    async with driven(engine, size=(80, 24)) as driver:
        await driver.app.workers.wait_for_complete()
        await driver.settle()
        assert "indow" not in driver.text("#header")


async def test_a_target_without_a_window_shows_no_line_for_it(tmp_path: Path) -> None:
    opening = Opened(Engine(deploy_plan(), tmp_path), {"feature": "x"})
    opening.target = TARGET.model_copy(update={"production": False})
    app = HandrailApp(opening=opening, log_path=opening.engine.log_path)
    async with app.run_test(size=(80, 24)):
        assert not app.screen.query_one("#window").display


def test_the_screen_offers_no_way_past_a_window_that_is_never_waived(tmp_path: Path) -> None:
    gated = task("ship", "Steps", "Ship", "do.ship").model_copy(
        update={"gate": (PlannedGate(call=PlannedCall(task="window.open")),)}
    )
    for never_waive, ways in ((("window.open",), set()), ((), {"waive", "skip", "mark_done"})):
        target = TARGET.model_copy(update={"never_waive": never_waive})
        engine = Engine(
            Plan(runbook="x", title="X", target=target, steps=(gated,)), tmp_path / str(bool(ways))
        )
        engine.session().send(c.StartStep(step="ship"))
        engine.work()
        engine.end(1, verdict="fail", evidence="the deployment window is closed")
        offered = {action.name for action in open_actions(engine.state, OPERATOR)}
        assert offered & {"waive", "skip", "mark_done"} == ways
        assert ("waive CHECK REASON" in allowed(engine.state, is_operator=True)) is bool(ways)
        assert ("skip REASON" in allowed(engine.state, is_operator=True)) is bool(ways)
