"""The operator's stories of a watch: on the run's screen, on the monitor's page, and at each size."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from handrail.run import commands as c
from handrail.run.state import Phase
from handrail.tui.screens.monitor import MonitorScreen
from handrail.tui.screens.prompt import PromptScreen
from handrail.tui.screens.run import RunScreen
from handrail.tui.watched import Watched
from handrail.tui.widgets.signal_list import SignalList
from tui.driver import OPERATOR, WATCHER, Engine, driven
from tui.plans import watched_plan
from tui.watches import TROUBLED, WHY, late, rolling_back, triggered, watching
from windows import CALM


async def test_the_monitor_from_the_first_sample_to_the_runs_end(tmp_path: Path) -> None:
    engine = Engine(watched_plan(minutes=1), tmp_path)
    async with driven(engine) as driver:
        await driver.press("m")
        assert "Nothing has been sampled yet" in driver.text("#standing")
        assert "no sample" in driver.text("#signals")
        await driver.press("escape", "enter")
        engine.watch_for(0.5)
        await driver.press("m")
        assert "Baseline: 30s of 1m sampled" in driver.text("#standing")
        engine.watch_for(0.5)
        await driver.settle()
        assert "The baseline is taken" in driver.text("#standing")
        await driver.press("q")
        assert isinstance(driver.app.screen, RunScreen)
        for _ in range(4):
            await driver.press("enter")
            engine.end()
            await driver.settle()
        await driver.press("enter", "m")
        engine.watch_for(0.5)
        await driver.settle()
        assert "30s of 1m clean" in driver.text("#standing")
        assert "✓ good" in driver.text("#signals")
        engine.watch_for(0.5)
        await driver.settle()
        assert engine.state.phase is Phase.FINISHED
        assert "Finished" in driver.text("#sheet-title")
        assert "signals good" in driver.said("#sheet-lines")
        await driver.press("escape", "m")
        assert "FINISHED" in driver.text("#running")
        assert "The watch is over: 1m 00s clean" in driver.text("#standing")


async def test_one_signal_is_shown_in_full(tmp_path: Path) -> None:
    async with driven(watching(tmp_path)) as driver:
        await driver.press("m")
        assert "health  https://shop.example/healthz" in driver.text("#signal-title")
        await driver.press("j", "j", "j")
        assert "memory  pm2" in driver.text("#signal-title")
        assert "known at" in driver.text("#signal-words")
        assert "base 410MB" in driver.text("#signal-chart")
        assert "W watch" in driver.text("#signal-chart")
        await driver.press("k")
        assert "error lines" in driver.text("#signal-title")
        await driver.pilot.click("#signals", offset=(5, 1))
        assert "health time" in driver.text("#signal-title")
        assert "informs only" in driver.text("#signal-title")


async def test_what_is_bad_is_looked_at_until_another_signal_is_chosen(tmp_path: Path) -> None:
    engine = watching(tmp_path, 6)
    async with driven(engine) as driver:
        await driver.press("m", "j", "k")
        engine.see_windows(*[{**CALM, "error lines": [9]}] * 12, why="ERROR GET /checkout")
        await driver.settle()
        assert "health  " in driver.text("#signal-title"), "who has chosen a signal keeps it"
        await driver.press("escape", "m")
        assert "BAD, fast rollback  error lines" in driver.text("#signal-title")


async def test_who_is_asked_for_the_run_on_the_monitors_page_hands_it_over_there(tmp_path: Path) -> None:
    engine = watching(tmp_path, 1)
    async with driven(engine) as driver:
        await driver.press("m")
        engine.session(WATCHER).send(c.RequestControl())
        await driver.settle()
        assert "h hands over" in driver.text("#header")
        await driver.press("h")
        assert isinstance(driver.app.screen, PromptScreen)
        await driver.press("y")
        assert engine.state.operator == WATCHER
        assert "WATCHING" in driver.text("#header")


async def test_the_monitors_page_has_its_own_keys(tmp_path: Path) -> None:
    async with driven(triggered(tmp_path), size=(80, 30)) as driver:
        await driver.press("m")
        assert "? Keys" in driver.text("#keys")
        await driver.press("question_mark")
        assert "Keys of this page" in driver.text("#sheet-title")
        said = driver.said("#sheet-lines")
        assert "Extend" in said
        assert "another signal, in full" in said
        await driver.press("escape")
        assert isinstance(driver.app.screen, MonitorScreen)


async def test_the_judges_are_asked_once_for_each_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = watching(tmp_path, 1)
    asked = []
    from handrail.tui import watched

    counted = watched.signals_seen

    def count(state: object) -> object:
        asked.append(state)
        return counted(state)  # type: ignore[arg-type]

    monkeypatch.setattr(watched, "signals_seen", count)
    async with driven(engine) as driver:
        await driver.press("m")
        before = len(asked)
        for _ in range(5):
            engine.time_passes(1)
            await driver.settle()
        await driver.press("j", "k")
        assert len(asked) == before
        engine.watch_for(1 / 12)
        await driver.settle()
        assert len(asked) == before + 1
    assert Watched().table(engine.state)


async def test_what_is_found_is_seen_heard_and_rolled_back_from_the_monitor(tmp_path: Path) -> None:
    engine = watching(tmp_path, 6)
    async with driven(engine) as driver:
        await driver.press("m")
        engine.see_windows(TROUBLED, TROUBLED, TROUBLED, why=WHY)
        await driver.settle()
        assert "ROLL BACK within 15m" in driver.text("#countdown")
        assert "✗ BAD" in driver.text("#signals")
        assert "paused while a trigger is open" in driver.text("#standing")
        await driver.press("b")
        await driver.type("production")
        await driver.press("enter")
        assert isinstance(driver.app.screen, MonitorScreen)
        assert engine.state.phase is Phase.ROLLING_BACK
        assert "Rollback: step 1 of 6" in driver.text("#countdown-notes")
        assert "Undo: Disable maintenance mode" in driver.text("#running")


async def test_the_bell_rings_once_at_each_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = watching(tmp_path, 2)
    async with driven(engine) as driver:
        rung: list[int] = []
        monkeypatch.setattr(driver.app, "bell", lambda: rung.append(1))
        engine.see_windows(TROUBLED, TROUBLED, TROUBLED, why=WHY)
        await driver.settle()
        driver.app.surround.look()
        assert len(rung) == 1
        trigger = engine.state.open_triggers[0]
        heard = []
        for left in (900, 500, 340, 339, 140, 120, 55, 54, 30, 0, -5, -6):
            ahead = trigger.deadline.since(engine.clock.now()).total_seconds() - left
            if ahead > 0:
                # Time alone: without samples the monitor would be blind, which is a trigger of its own.
                engine.clock.advance(ahead * (trigger.deadline.since(trigger.deadline) + _second()))
            await driver.settle()
            driver.app.surround.look()
            heard.append(len(rung))
        # Opened, then soon (335 s left), now (139 s), too late (55 s), missed.
        assert heard == [1, 1, 1, 1, 2, 3, 3, 4, 4, 5, 5, 5]


def _second() -> object:
    from datetime import timedelta

    return timedelta(seconds=1)


async def test_the_operator_reports_extends_keeps_and_stretches(tmp_path: Path) -> None:
    engine = triggered(tmp_path, by_itself=True)
    async with driven(engine) as driver:
        assert "ROLLS BACK BY ITSELF in 13:50" in driver.text("#countdown-notes")
        assert "K Release stays" in driver.text("#keys")
        await driver.press("K", "enter")
        assert "Say why" in driver.said("#prompt-error")
        await driver.type("the fix is on its way")
        await driver.press("enter")
        assert engine.state.triggers[1].kept == "deploy@bastion: the fix is on its way"
        assert "The release stays" in driver.text("#countdown-notes")
        await driver.press("e")
        await driver.type("ten")
        await driver.press("enter")
        assert "whole minutes and why" in driver.said("#prompt-error")
        await driver.press(*["backspace"] * 3)
        await driver.type("10 because it restarts")
        await driver.press("enter")
        assert engine.state.triggers[1].extended == ("deploy@bastion: it restarts",)
        assert "within 25m (extended)" in driver.text("#countdown-headline")
        await driver.press("plus")
        await driver.type("5")
        await driver.press("enter")
        assert engine.state.watch.seconds == 35 * 60
        await driver.press("u")
        await driver.type("cards are declined")
        await driver.press("enter")
        assert engine.state.triggers[2].because == "Users report trouble (deploy@bastion): cards are declined"
        assert isinstance(driver.app.screen, RunScreen)


async def test_skipping_a_watch_is_said_to_be_a_waiver(tmp_path: Path) -> None:
    engine = watching(tmp_path)
    async with driven(engine) as driver:
        await driver.press("c")
        assert "A watch is not cancelled" in driver.text("#notice")
        await driver.press("m", "s")
        assert isinstance(driver.app.screen, PromptScreen)
        assert "This WAIVES the watch after 12m 00s of 30m 00s clean" in driver.said("#prompt-question")
        await driver.type("the incident needs the next release")
        await driver.press("enter")
        assert not engine.state.phase.is_open


async def test_the_log_of_what_is_watched_is_the_monitor(tmp_path: Path) -> None:
    async with driven(watching(tmp_path)) as driver:
        await driver.press("l")
        assert "What is watched writes no log: m shows its signals." in driver.text("#notice")
        assert driver.app.screen.focused is driver.app.screen.query_one("#steps")


async def test_a_watcher_looks_and_reports(tmp_path: Path) -> None:
    engine = watching(tmp_path)
    async with driven(engine, actor=WATCHER, may_act=False) as driver:
        await driver.press("m")
        assert "WATCHING" in driver.text("#header")
        assert "12m 00s of 30m clean" in driver.text("#standing")
        await driver.press("plus")
        assert "This screen only watches" in driver.text("#notice")
        await driver.press("u")
        await driver.type("cards are declined")
        await driver.press("enter")
        assert engine.state.open_triggers[0].because.startswith("Users report trouble (review@bastion)")
        assert "ROLL BACK within 15m" in driver.text("#countdown")


async def test_others_are_told_of_what_was_decided(tmp_path: Path) -> None:
    engine = triggered(tmp_path, by_itself=True)
    async with driven(engine, actor=WATCHER) as driver:
        for command, said in (
            (c.KeepRelease(trigger=1, reason="it is only staff"), "says that the release stays"),
            (c.ExtendDeadline(trigger=1, seconds=60, reason="it restarts"), "extended a deadline"),
            (c.StretchWatch(step="watch", seconds=60), "stretched the watch"),
            (c.ReportTrouble(text="cards are declined"), "passes on what users report: cards are declined"),
        ):
            engine.session(OPERATOR).send(command)
            await driver.settle()
            assert said in driver.said("#notice")


async def test_what_begins_by_itself_is_said(tmp_path: Path) -> None:
    engine = triggered(tmp_path, by_itself=True)
    async with driven(engine) as driver:
        trigger = engine.state.open_triggers[0]
        assert trigger.rolls_back_at is not None
        engine.time_passes(trigger.rolls_back_at.since(engine.clock.now()).total_seconds())
        await driver.settle()
        assert "The rollback has begun BY ITSELF" in driver.text("#notice")
        assert "ROLLING BACK" in driver.text("#countdown")


async def test_the_monitor_is_in_help_and_palette(tmp_path: Path) -> None:
    async with driven(watching(tmp_path), size=(100, 90)) as driver:
        await driver.press("question_mark")
        for words in ("the monitor", "Stretch watch", "Extend deadline", "Release stays", "Users report"):
            assert words in driver.text()
        await driver.press("escape")
        titles = {command.title for command in driver.app.get_system_commands(driver.app.screen)}
        assert {"Monitor", "Stretch watch", "Users report"} <= titles
        await driver.press("m")
        titles = {command.title for command in driver.app.get_system_commands(driver.app.screen)}
        assert {"Back to the run", "Stretch watch", "Roll back"} <= titles


@pytest.mark.parametrize("size", [(40, 15), (80, 24), (160, 50)], ids=str)
@pytest.mark.parametrize("made", [watching, triggered, late, rolling_back])
async def test_what_matters_is_in_view_at_every_size(
    tmp_path: Path, made: Callable[[Path], Engine], size: tuple[int, int]
) -> None:
    async with driven(made(tmp_path), size=size) as driver:
        await driver.press("m")
        text = driver.text()
        for words in ("PRODUCTION", "You drive", "health", "esc Run", "j k Signal"):
            assert words in text, words
        assert driver.text("#signal-words").strip()
        assert driver.app.screen.query_one(SignalList).size.height >= 3
        rows = driver.rows()
        assert len(rows) == size[1]
        assert "esc Run" in rows[-1]
        assert all(len(row) <= size[0] for row in rows)
        if made is not watching:
            assert "DEADLINE" in text.upper()
            assert "within 15m" in text
        await driver.press("escape")
        assert "? Keys" in driver.rows()[-1]


async def test_the_run_goes_on_while_the_page_comes_up(tmp_path: Path) -> None:
    async with driven(triggered(tmp_path)) as driver:
        run = driver.app.run_screen
        assert run is not None
        run.action_monitor()
        page = driver.app.screen
        assert isinstance(page, MonitorScreen)
        while not page.is_mounted:
            # As the second may change between any two of its parts.
            run.show_run()
            await asyncio.sleep(0)
        await driver.settle()
        assert driver.app.screen is page
        assert "ROLL BACK" in driver.text()
