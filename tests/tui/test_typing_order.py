"""What is typed at once acts in its order, each key on what the one before it has led to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from textual import events
from textual.command import CommandPalette

from handrail.tui import typing_order
from handrail.tui.screens.monitor import MonitorScreen
from handrail.tui.screens.prompt import PromptScreen
from handrail.tui.screens.run import RunScreen
from tui.driver import Driver, Engine, driven
from tui.plans import deploy_plan

NAMES = {"?": "question_mark", " ": "space", "\r": "enter", "\x1b": "escape"}


def post(driver: Driver, text: str) -> None:
    """All of it in one packet, as a link hands it over that has stalled."""
    for sign in text:
        driver.app.post_message(events.Key(NAMES.get(sign, sign), None if sign == "\x1b" else sign))


async def until(driver: Driver, condition: Callable[[], bool]) -> None:
    """Let the screen go on until it is so, and a little further."""
    for _ in range(200):
        await driver.settle()
        if condition():
            break
    await driver.settle()
    assert condition()


@pytest.mark.parametrize(
    ("typed", "noted"),
    [
        ("Nseen\r", "seen"),
        ("?\x1bNseen\r", "seen"),
        ("m\x1b?\x1bm\x1bNseen\r", "seen"),
        ("mNon the monitor\r", "on the monitor"),
        ("Nleft\x1bNbegun anew\r", "begun anew"),
    ],
)
async def test_each_key_is_for_what_the_one_before_it_led_to(tmp_path: Path, typed: str, noted: str) -> None:
    engine = Engine(deploy_plan(), tmp_path)
    async with driven(engine) as driver:
        post(driver, typed)
        await until(driver, lambda: [note.text for note in engine.state.notes] == [noted])


@pytest.mark.parametrize(
    ("typed", "screen"),
    [("N\x1bm", MonitorScreen), ("m\x1b?\x1bl\x1b", RunScreen), ("?\x1bm\x1bNm?", PromptScreen)],
)
async def test_the_way_back_does_not_swallow_what_follows(tmp_path: Path, typed: str, screen: type) -> None:
    engine = Engine(deploy_plan(), tmp_path)
    async with driven(engine) as driver:
        before = engine.state
        post(driver, typed)
        await until(driver, lambda: isinstance(driver.app.screen, screen))
        assert engine.state == before


async def test_a_paste_keeps_its_place_among_the_keys(tmp_path: Path) -> None:
    engine = Engine(deploy_plan(), tmp_path)
    async with driven(engine) as driver:
        post(driver, "N")
        driver.app.post_message(events.Paste("in "))
        post(driver, "order\r")
        await until(driver, lambda: [note.text for note in engine.state.notes] == ["in order"])


async def test_a_part_that_is_stuck_keeps_no_key_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typing_order, "PATIENCE_SECONDS", 0.05)
    async with driven(Engine(deploy_plan(), tmp_path)) as driver:
        released = asyncio.Event()
        assert driver.app.focused is not None
        driver.app.focused.call_later(released.wait)
        try:
            for key in ("ctrl+l", "ctrl+p"):
                driver.app.post_message(events.Key(key, None))
            while not CommandPalette.is_open(driver.app):
                await asyncio.sleep(0.01)
        finally:
            released.set()
        # Left while it comes up, what it looks for would find nothing to show it in.
        await driver.settle()
