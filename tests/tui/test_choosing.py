"""Choosing: which row stands where and says what, and the stories of one who begins here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from handrail.clock import Instant
from handrail.configuration.actions import Keys
from handrail.errors import ExitCode, StorageFault, WrongUsage
from handrail.journal.overview import EndedRun, LiveRun, Overview, RunsOverview
from handrail.project.model import Target
from handrail.run import commands as c
from handrail.run import events as e
from handrail.tui.app import HandrailApp
from handrail.tui.choosing import Attached, RunbookChoice
from handrail.tui.keys import default_keys
from handrail.tui.opening import Opening
from handrail.tui.presenters.choosing import choice_rows, choosing_keys, row_parts, when_words
from handrail.tui.presenters.line import text_of
from handrail.tui.screens.choosing import ChoosingScreen
from handrail.tui.screens.finished import FinishedScreen
from handrail.tui.screens.run import RunScreen
from handrail.tui.screens.sheet import SheetScreen
from handrail.tui.screens.start import StartScreen
from tui.driver import OPERATOR, RUN, WATCHER, Driver, Engine
from tui.plans import TARGET, deploy_plan
from tui.test_attention import send, up_to
from tui.test_hostile_text import FORBIDDEN, HOSTILE, terminal_bytes
from tui.test_start_screen import Opened

BOOKS = (
    RunbookChoice("deploy", Path("/r/deploy.md"), "Deploy to production", "All of it", TARGET, "production"),
    RunbookChoice("stage", Path("/r/stage.md"), "Deploy to staging", "", Target(name="staging"), "staging"),
    RunbookChoice("bad", Path("/r/bad.md"), "Bad one", problem="line 3: found an anchor"),
    RunbookChoice("lost", Path("/r/lost.md"), "Lost one", target_name=""),
)


def ended(run: str, how: str, at: Instant, **fields: object) -> EndedRun:
    known = {"target": "production", "title": f"Deploy {run}", "production": True, "operator": "a@b"}
    return EndedRun(run=run, opened=at, how=how, closed=at.plus(timedelta(minutes=4)), **{**known, **fields})


def live(engine: Engine, run: str = RUN, **changes: object) -> LiveRun:
    state = engine.state
    return replace(LiveRun(run, state.plan.target.name, state.opened, state), **changes)


def said(overview: Overview, engine: Engine, width: int = 100, wanted: str = "") -> list[str]:
    rows = choice_rows(overview, BOOKS, engine.clock.now(), OPERATOR, width, wanted)
    return [text_of(row_parts(row, width, selected=False)).strip() for row in rows]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(deploy_plan(), tmp_path)


def engine_in(folder: Path, name: str) -> Engine:
    (folder / name).mkdir()
    return Engine(deploy_plan(), folder / name)


def test_the_loudest_run_stands_first(tmp_path: Path) -> None:
    quiet, failed, due, asked, damaged = (engine_in(tmp_path, name) for name in "abcde")
    send(failed, c.StartStep(step="announce"))
    failed.end(1)
    up_to(due, "smoke")
    send(due, c.StartStep(step="smoke"))
    due.end(1, verdict="fail")
    up_to(asked, "smoke")
    send(asked, c.SkipStep(step="smoke", reason="x"))
    runs = (
        live(quiet, "quiet"),
        live(asked, "asked"),
        live(failed, "failed"),
        live(due, "due"),
        live(damaged, "damaged", state=None, damage="event 2 was changed"),
    )
    rows = choice_rows(Overview(live=runs), BOOKS, due.clock.now(), OPERATOR, 120)
    keys = [row.key for row in rows if row.key and row.key.startswith("live:")]
    assert keys == [f"live:{name}" for name in ("damaged", "due", "failed", "asked", "quiet")]
    text = "\n".join(text_of(row.left) + text_of(row.right) for row in rows)
    assert "event 2 was changed" in text
    assert "ROLL BACK in 4:58, start in 4:05" in text
    assert "waits for an answer: Look at the dashboards" in text


def test_a_row_says_who_drives_which_step_and_since_when(engine: Engine) -> None:
    send(engine, c.StartStep(step="announce"))
    engine.clock.advance(timedelta(minutes=3, seconds=59))
    assert any(
        "running: Announce the deployment" in row and row.endswith("you, 3m")
        for row in said(Overview(live=(live(engine),)), engine)
    )
    others = choice_rows(Overview(live=(live(engine),)), (), engine.clock.now(), WATCHER, 100)
    assert "deploy@bastion, 3m" in text_of(others[1].right)


def test_a_taken_lock_is_said(engine: Engine) -> None:
    rows = said(Overview(live=(live(engine, holds_lock=False),)), engine)
    assert any("taken over by another run: abort it" in row for row in rows)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("RunFinished", "✓ finished"),
        ("RunRolledBack", "↶ rolled back"),
        ("RunAborted", "■ aborted"),
        ("", "? closed"),
    ],
)
def test_an_ended_run_says_how_when_and_how_long(engine: Engine, how: str, words: str) -> None:
    at = engine.clock.now().plus(timedelta(days=-400))
    row = next(
        row for row in said(Overview(ended=(ended("r1", how, at),)), engine, 130) if "Deploy r1" in row
    )
    assert row.startswith(words)
    assert "after 4m 00s, a@b" in row
    assert "2022-" in row


def test_when_is_short_for_today(engine: Engine) -> None:
    assert when_words(engine.clock.now(), engine.clock.now()).startswith("today ")


@pytest.mark.parametrize(
    ("wanted", "found", "gone"),
    [
        ("STAGING", "Deploy to staging", "Deploy r1"),
        ("deploy r1", "Deploy r1", "Deploy to staging"),
        ("finished", "Deploy r1", "Bad one"),
        ("anchor", "Bad one", "Deploy r1"),
        ("nothing such", "Nothing here has", "Deploy"),
    ],
)
def test_the_filter_takes_all_words_from_anywhere(engine: Engine, wanted: str, found: str, gone: str) -> None:
    overview = Overview(ended=(ended("r1", "RunFinished", engine.clock.now()),))
    text = "\n".join(said(overview, engine, 100, wanted))
    assert found in text
    assert gone not in text


@pytest.mark.parametrize("width", [1, 5, 20, 40, 60, 80, 120, 300])
def test_every_row_fits_every_width(engine: Engine, width: int) -> None:
    up_to(engine, "smoke")
    send(engine, c.StartStep(step="smoke"))
    engine.end(1, verdict="fail")
    overview = Overview((live(engine),), (ended("r" * 200, "RunFinished", engine.clock.now()),), more=True)
    for row in choice_rows(overview, BOOKS, engine.clock.now(), OPERATOR, width):
        for selected in (False, True):
            assert len(text_of(row_parts(row, width, selected=selected))) <= max(width, 3)
    for key in ("live:x", "runbook:x", "ended:x", None):
        keys = text_of(choosing_keys(key, default_keys(), max(width, 40), filtering=False))
        assert len(keys) <= max(width, 40)
        assert keys.endswith("? Keys")


def test_remapped_keys_are_the_ones_that_are_shown() -> None:
    keys = Keys((), {"choose": ("f5",), "watch": ("W",), "filter": ("ctrl+f",), "help": ("f1",)})
    assert text_of(choosing_keys("live:x", keys, 80, filtering=False)).startswith(
        " f5 Attach  W Watch  ctrl+f Filter"
    )


class Chooser:
    """What there is to choose, on the engine of a test."""

    project, problem, actor = "shop", "", OPERATOR

    def __init__(self, engine: Engine, opening: Opened | None = None) -> None:
        self.engine = engine
        self.opening = opening
        self.books: Sequence[RunbookChoice] = BOOKS
        self.fault: Exception | None = None
        self.attached: list[tuple[str, bool]] = []
        self._runs = RunsOverview(engine.journal)

    def now(self) -> Instant:
        return self.engine.clock.now()

    def poll(self) -> bool:
        if self.fault is not None:
            raise self.fault
        return self._runs.poll()

    @property
    def overview(self) -> Overview:
        return self._runs.shown

    def runbooks(self) -> Sequence[RunbookChoice]:
        return self.books

    def prepare(self, choice: RunbookChoice) -> Opening:
        if choice.name != "deploy" or self.opening is None:
            raise WrongUsage(
                "The runbook bad.md has 3 problems.",
                evidence="bad.md:3: found an anchor\nbad.md:4: x\nbad.md:5: y",
                still_safe="nothing was started.",
                next_step="correct the lines above, then try again.",
            )
        return self.opening

    def start(self, opening: Opening) -> Opening:
        return opening

    def attach(self, run: str, *, to_drive: bool) -> Attached:
        self.attached.append((run, to_drive))
        session = self.engine.session(OPERATOR if to_drive else WATCHER)
        return Attached(session, to_drive, ("Your earlier screen still runs.",) if not to_drive else ())


@asynccontextmanager
async def choosing(chooser: Chooser, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Driver]:
    app = HandrailApp(choosing=chooser, log_path=chooser.engine.log_path)
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot, chooser.engine)
        await app.workers.wait_for_complete()
        await driver.settle()
        # What is chosen is told to the frame by a message.
        await pilot.pause()
        yield driver


async def test_one_attaches_with_one_key_and_an_open_run_is_left_as_ever(engine: Engine) -> None:
    chooser = Chooser(engine)
    async with choosing(chooser) as driver:
        assert "next: Announce the deployment" in driver.text("#choices")
        assert "enter Attach  w Watch" in driver.text("#choosing-keys")
        assert "PRODUCTION" in driver.rows()[0], "the frame says what is chosen"
        await driver.press("enter")
        await driver.settle()
        assert isinstance(driver.app.screen, RunScreen)
        assert chooser.attached == [(RUN, True)]
        await driver.press("q")
    assert driver.app.return_value == ExitCode.DETACHED


async def test_a_watcher_sees_the_run_and_comes_back_to_the_list(engine: Engine) -> None:
    chooser = Chooser(engine)
    async with choosing(chooser) as driver:
        await driver.press("w")
        await driver.settle()
        assert "WATCHING" in driver.text("#header")
        assert "earlier screen still runs" in driver.text("#notice") or chooser.attached == [(RUN, False)]
        await driver.press("q")
        await driver.app.workers.wait_for_complete()
        assert isinstance(driver.app.screen, ChoosingScreen)
        assert driver.app.run_screen is None
        await driver.press("q")
    assert driver.app.return_value == ExitCode.FINISHED


async def test_a_runbook_is_opened_and_left_and_the_list_is_there_again(
    engine: Engine, tmp_path: Path
) -> None:
    chooser = Chooser(engine, Opened(engine_in(tmp_path, "other"), {"feature": "x"}))
    async with choosing(chooser) as driver:
        await driver.press("j", "enter")
        await driver.app.workers.wait_for_complete()
        await driver.settle()
        assert isinstance(driver.app.screen, StartScreen)
        await driver.press("escape")
        await driver.app.workers.wait_for_complete()
        assert isinstance(driver.app.screen, ChoosingScreen)
        await driver.press("j", "j", "enter")
        await driver.app.workers.wait_for_complete()
        await driver.settle()
        assert isinstance(driver.app.screen, SheetScreen)
        assert "bad.md:3: found an anchor" in driver.text()
        assert "Do now: correct the lines above" in driver.text()
        await driver.press("escape")
        assert isinstance(driver.app.screen, ChoosingScreen)


async def test_a_run_that_is_over_tells_what_it_came_to_and_leads_to_its_logs(engine: Engine) -> None:
    up_to(engine, "smoke")
    send(engine, c.SkipStep(step="smoke", reason="looked by hand"))
    send(engine, c.Attest(step="dashboards", holds=True))
    async with choosing(Chooser(engine), size=(100, 60)) as driver:
        assert "none: no target is locked" in driver.text("#choices")
        await driver.press("G", "enter")
        assert isinstance(driver.app.screen, FinishedScreen)
        for words in (
            "Finished: Deploy to production",
            "Timeline",
            "opened the run",
            "looked by hand",
            "PRODUCTION",
        ):
            assert words in driver.text()
        await driver.press("o")
        await driver.settle()
        assert isinstance(driver.app.screen, RunScreen), "not the same summary once more"
        await driver.press("q")
        await driver.app.workers.wait_for_complete()
        assert isinstance(driver.app.screen, ChoosingScreen)


async def test_one_filters_as_one_types(engine: Engine) -> None:
    async with choosing(Chooser(engine)) as driver:
        await driver.press("slash")
        await driver.type("staging")
        assert "Deploy to staging" in driver.text("#choices")
        assert "Announce" not in driver.text("#choices")
        await driver.press("enter")
        assert "enter Open" in driver.text("#choosing-keys")
        await driver.press("escape")
        assert "Announce" in driver.text("#choices")


async def test_the_list_follows_the_journal(engine: Engine) -> None:
    async with choosing(Chooser(engine)) as driver:
        send(engine, c.StartStep(step="announce"))
        screen = driver.app.screen
        assert isinstance(screen, ChoosingScreen)
        screen.catch_up()
        await driver.pilot.pause()
        assert "running: Announce" in driver.text("#choices")
        engine.end(1)
        screen.catch_up()
        await driver.pilot.pause()
        assert "failed: Announce" in driver.text("#choices")


async def test_a_journal_that_cant_be_read_is_said_until_it_can(engine: Engine) -> None:
    chooser = Chooser(engine)
    async with choosing(chooser) as driver:
        screen = driver.app.screen
        assert isinstance(screen, ChoosingScreen)
        chooser.fault = StorageFault("The journal can't be read: disk I/O error.")
        screen.catch_up()
        await driver.pilot.pause()
        assert "disk I/O error" in driver.text("#choosing-said")
        assert "Announce" in driver.text("#choices"), "what was known stays in view"
        chooser.fault = None
        screen.catch_up()
        await driver.pilot.pause()
        assert "disk I/O error" not in driver.text()


async def test_without_a_project_it_says_so_and_lists_the_runs(engine: Engine) -> None:
    chooser = Chooser(engine)
    chooser.project, chooser.problem = "", "No project here (no handrail.toml upward from this folder)."
    async with choosing(chooser, size=(40, 15)) as driver:
        assert "No project here" in driver.text("#choosing-problem")
        assert "next: Announ" in driver.text("#choices")


async def test_no_hostile_byte_of_any_name_reaches_the_terminal(tmp_path: Path) -> None:
    plan = deploy_plan(title=HOSTILE, target=TARGET.model_copy(update={"name": f"prod{HOSTILE}"}))
    engine = Engine(plan, tmp_path)
    chooser = Chooser(engine)
    chooser.project, chooser.problem = HOSTILE, HOSTILE
    chooser.books = (
        RunbookChoice("a", Path(f"/r/{HOSTILE}.md"), HOSTILE, HOSTILE, TARGET, HOSTILE),
        RunbookChoice("b", Path("/r/b.md"), HOSTILE, problem=HOSTILE),
    )
    seen: list[str] = []
    async with choosing(chooser, size=(120, 30)) as driver:

        async def look() -> None:
            await driver.settle()
            driver.app.surround.look()
            seen.extend((driver.text(), terminal_bytes(driver.app)))

        await look()
        for keys in (
            ("j",),
            ("slash", "x", "escape"),
            ("j", "enter"),
            ("escape", "question_mark"),
            ("escape",),
        ):
            await driver.press(*keys)
            await driver.app.workers.wait_for_complete()
            await look()
        send(engine, c.AbortRun(reason=HOSTILE))
        await look()
        await driver.press("G", "enter")
        await look()
    assert any("[red]markup[/]" in text for text in seen)
    for code in FORBIDDEN:
        assert not any(code in text for text in seen), repr(code)


async def test_the_same_row_stays_chosen_while_others_come_and_go(engine: Engine) -> None:
    async with choosing(Chooser(engine)) as driver:
        await driver.press("j", "j")
        assert "> ▸ Deploy to staging" in driver.text("#choices")
        engine.add(e.RunAborted(by=OPERATOR, reason="x"))
        screen = driver.app.screen
        assert isinstance(screen, ChoosingScreen)
        screen.catch_up()
        await driver.pilot.pause()
        assert "> ▸ Deploy to staging" in driver.text("#choices")
        assert "■ aborted" in driver.text("#choices")
