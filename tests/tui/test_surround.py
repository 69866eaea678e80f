"""What stands around every screen: the frame, the hint, the bell, and keys by a person's own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.command import CommandPalette
from textual.theme import BUILTIN_THEMES
from textual.widgets import Input

from handrail.configuration.model import TEXTUAL_THEMES, THEMES, Configuration, LoadedConfiguration
from handrail.problems import Problem
from handrail.run import commands as c
from handrail.tui.app import HandrailApp
from handrail.tui.colours import OWN_THEMES
from handrail.tui.keys import KEY_ACTIONS
from handrail.tui.presenters.actions import ACTIONS
from handrail.tui.screens.monitor import MonitorScreen
from handrail.tui.screens.prompt import PromptScreen
from handrail.tui.screens.rollback import RollbackScreen
from handrail.tui.screens.run import RunScreen
from handrail.tui.screens.sheet import SheetScreen
from handrail.tui.widgets.row_list import RowList
from handrail.tui.widgets.signal_list import SignalList
from tui.driver import OPERATOR, Driver, Engine
from tui.plans import TARGET, deploy_plan
from tui.test_attention import send, up_to
from tui.test_hostile_text import FORBIDDEN, HOSTILE, terminal_bytes
from tui.test_start_screen import Opened
from tui.watches import watching


class Kept:
    """Hints that are kept in memory."""

    def __init__(self, why: str = "") -> None:
        self.dismissed = False
        self.why = why

    def dismiss(self) -> str:
        self.dismissed = not self.why
        return self.why


@asynccontextmanager
async def shown(
    engine: Engine,
    settings: Configuration | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    hints: Kept | None = None,
    problems: tuple[Problem, ...] = (),
    opening: Opened | None = None,
    rings: list[int] | None = None,
) -> AsyncIterator[Driver]:
    loaded = LoadedConfiguration(Path("config.toml"), settings or Configuration(), problems)
    app = HandrailApp(
        session=None if opening else engine.session(),
        opening=opening,
        log_path=engine.log_path,
        configuration=loaded,
        hints=hints,
    )
    if rings is not None:
        app.bell = lambda: rings.append(1)  # type: ignore[method-assign]
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot, engine)
        await driver.settle()
        await pilot.pause()
        yield driver


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(deploy_plan(), tmp_path)


def fail_smoke(engine: Engine) -> None:
    up_to(engine, "smoke")
    send(engine, c.StartStep(step="smoke"))
    engine.end(1, verdict="fail")


def test_every_theme_that_can_be_named_is_there() -> None:
    assert set(TEXTUAL_THEMES) == set(BUILTIN_THEMES)
    assert set(THEMES) == set(BUILTIN_THEMES) | {theme.name for theme in OWN_THEMES}


@pytest.mark.parametrize("size", [(40, 15), (80, 24), (160, 50)], ids=str)
async def test_production_is_said_on_every_screen(
    engine: Engine, size: tuple[int, int], tmp_path: Path
) -> None:
    fail_smoke(engine)
    async with shown(engine, size=size) as driver:
        for keys, screen in (((), RunScreen), (("b",), RollbackScreen), (("escape", "s"), PromptScreen)):
            await driver.press(*keys)
            assert isinstance(driver.app.screen, screen)
            assert "PRODUCTION" in driver.text(), screen
        await driver.press("escape", "question_mark")
        assert "PRODUCTION" in driver.text(), "on a sheet"
        rows = sum("PRODUCTION" in row for row in driver.rows())
        assert rows == 1
    (tmp_path / "o").mkdir()
    opening = Opened(Engine(deploy_plan(), tmp_path / "o"), {"feature": "x"})
    async with shown(engine, size=size, opening=opening) as driver:
        assert "PRODUCTION" in driver.text()
        assert ("━" in driver.rows()[0]) == (size != (40, 15)), "a row of its own only where there is room"


async def test_another_target_has_no_frame(tmp_path: Path) -> None:
    target = TARGET.model_copy(update={"name": "staging", "production": False})
    async with shown(Engine(deploy_plan(target=target), tmp_path)) as driver:
        assert "PRODUCTION" not in driver.text()
        assert "━" not in driver.rows()[0]


async def test_a_target_of_another_name_that_is_production_says_both(tmp_path: Path) -> None:
    target = TARGET.model_copy(update={"name": "eu-west", "production": True})
    async with shown(Engine(deploy_plan(target=target), tmp_path)) as driver:
        assert "PRODUCTION · eu-west" in driver.rows()[0]


async def test_a_hint_is_dismissed_for_good(engine: Engine) -> None:
    hints = Kept()
    async with shown(engine, hints=hints) as driver:
        assert "New here?" in driver.text("#hint")
        await driver.press("H")
        assert not driver.app.screen.query("#hint")
    assert hints.dismissed
    async with shown(engine, hints=hints) as driver:
        assert not driver.app.screen.query("#hint")


@pytest.mark.parametrize(
    ("settings", "size"), [(Configuration(hints=False), (80, 24)), (Configuration(), (40, 15))], ids=str
)
async def test_no_hint_where_none_is_wanted_or_rows_are_short(engine: Engine, settings, size) -> None:
    async with shown(engine, settings, size=size, hints=Kept()) as driver:
        assert "New here" not in driver.text()
        assert "hides this" not in driver.text()


async def test_a_hint_that_cant_be_dismissed_for_good_is_hidden_for_now(engine: Engine) -> None:
    async with shown(engine, hints=Kept(f"Hidden for now; no space left {HOSTILE}")) as driver:
        await driver.press("H")
        assert not driver.app.screen.query("#hint")
        assert not any(code in driver.text() + terminal_bytes(driver.app) for code in FORBIDDEN)


async def test_settings_that_are_wrong_are_said_and_keep_nobody_from_the_run(engine: Engine) -> None:
    problem = Problem(Path("/home/a/config.toml"), 3, "theme", f"the unknown theme {HOSTILE}", "one of them")
    async with shown(engine, size=(160, 50), problems=(problem, problem)) as driver:
        assert "Your settings have 2 mistakes" in driver.text("#hint")
        assert "config.toml:3" in driver.text("#hint")
        assert not any(code in driver.text() + terminal_bytes(driver.app) for code in FORBIDDEN)
        await driver.press("enter")
        assert engine.state.running is not None
        await driver.press("H")
        assert not driver.app.screen.query("#hint")


async def test_remapped_keys_act_and_the_old_ones_dont(engine: Engine) -> None:
    settings = Configuration(keys={"run": ("f5",), "down": ("x",), "close_trigger": ("X",), "help": ("f1",)})
    async with shown(engine, settings) as driver:
        assert driver.text("#keys").strip().startswith("f5 Run next")
        assert "f1 Keys" in driver.text("#keys")
        await driver.press("enter", "r")
        assert engine.state.running is None
        await driver.press("f5")
        assert engine.state.running is not None
        engine.end()
        await driver.settle()
        await driver.press("x")
        assert ">· Check out the release" in driver.text("#steps")
        await driver.press("f1")
        assert "f5" in driver.text()


async def test_what_needs_a_person_rings_once(engine: Engine) -> None:
    rings: list[int] = []
    async with shown(engine, rings=rings) as driver:

        async def look() -> int:
            await driver.settle()
            driver.app.surround.look()
            before, rings[:] = len(rings), []
            return before

        assert await look() == 0, "what is there when one comes is seen"
        send(engine, c.StartStep(step="announce"))
        assert await look() == 0
        engine.end(1)
        assert await look() == 1
        assert await look() == 0
        send(engine, c.SkipStep(step="announce", reason="told by hand"))
        up_to(engine, "smoke")
        assert await look() == 0
        send(engine, c.StartStep(step="smoke"))
        engine.end(1, verdict="fail")
        assert await look() == 1, "a failure and its trigger are one occasion to look"
        send(engine, c.CloseTrigger(trigger=1, reason="x"))
        send(engine, c.SkipStep(step="smoke", reason="x"))
        assert await look() == 1, "a question waits"
        send(engine, c.Attest(step="dashboards", holds=True))
        assert await look() == 1, "the run has ended"


async def test_no_bell_where_none_is_wanted(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[int] = []
    monkeypatch.setattr("textual.app.App.bell", lambda self: rung.append(1))
    async with shown(engine, Configuration(bell=False)) as driver:
        send(engine, c.StartStep(step="announce"))
        engine.end(1)
        await driver.settle()
        driver.app.surround.look()
    assert rung == []


async def test_what_a_watcher_sees_is_framed_as_well(engine: Engine) -> None:
    engine.session().send(c.AddNote(text="x"))
    assert OPERATOR.name
    async with shown(engine) as driver:
        await driver.press("v", "v", "v")
        assert "PRODUCTION" in driver.rows()[0]


async def test_the_monitors_page_is_framed_has_the_hint_and_the_persons_own_keys(tmp_path: Path) -> None:
    engine = watching(tmp_path, 2)
    settings = Configuration(keys={"monitor": ("f2",), "stretch": ("f3",), "help": ("f4",), "down": ("f5",)})
    async with shown(engine, settings, size=(100, 30), hints=Kept()) as driver:
        assert "f2 Monitor" in driver.text("#keys")
        await driver.press("m")
        assert isinstance(driver.app.screen, RunScreen)
        await driver.press("f2")
        assert isinstance(driver.app.screen, MonitorScreen)
        assert "PRODUCTION" in driver.rows()[0]
        assert "━" in driver.rows()[0]
        assert "New here? f4 every key" in driver.text("#hint")
        assert "f3 Stretch watch" in driver.text("#keys")
        first = driver.app.screen.query_one(SignalList).selected
        await driver.press("f5")
        assert driver.app.screen.query_one(SignalList).selected != first
        await driver.press("f3")
        assert isinstance(driver.app.screen, PromptScreen)
        await driver.press("escape", "f4")
        assert isinstance(driver.app.screen, SheetScreen)
        assert "f3       Stretch watch" in driver.text("#sheet-lines")
        await driver.press("escape", "f2")
        assert isinstance(driver.app.screen, RunScreen)


def test_every_action_of_a_run_has_keys_that_can_be_remapped() -> None:
    names = {action.name for action in KEY_ACTIONS}
    assert {action.name for action in ACTIONS} <= names
    for screen in (RunScreen, MonitorScreen, RowList):
        bindings = [each for each in screen.BINDINGS if isinstance(each, Binding)]
        without = [each.key for each in bindings if each.id not in names]
        assert set(without) <= {"escape", "escape,full_stop"}, screen


@pytest.mark.parametrize("opens", ["action_command_palette", "action_change_theme"])
async def test_no_palettes_cursor_blinks(engine: Engine, opens: str) -> None:
    """To blink would repaint twice a second, over any link."""
    async with shown(engine) as driver:
        getattr(driver.app, opens)()
        await driver.settle()
        assert isinstance(driver.app.screen, CommandPalette)
        [field] = driver.app.screen.query(Input)
        assert not field.cursor_blink
        assert field._cursor_visible
