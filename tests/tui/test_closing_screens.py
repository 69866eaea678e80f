"""Keys and answers that come when their screen is gone already: nothing breaks."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events

from handrail.tui.widgets.log_pane import SearchField
from tui.driver import Engine, driven
from tui.plans import deploy_plan


@pytest.mark.parametrize(
    ("opening", "action"),
    [("N", "leave"), ("question_mark", "scroll(1)"), ("m", "act('note')"), ("m", "help")],
)
async def test_a_key_behind_the_way_back(tmp_path: Path, opening: str, action: str) -> None:
    async with driven(Engine(deploy_plan(), tmp_path)) as driver:
        await driver.press(opening)
        closing = driver.app.screen
        await driver.press("escape")
        stack = list(driver.app.screen_stack)
        assert closing not in stack
        assert await driver.app.run_action(action, closing) is False
        assert driver.app.screen_stack == stack


async def test_words_typed_right_behind_the_key_that_asks_for_them(tmp_path: Path) -> None:
    engine = Engine(deploy_plan(), tmp_path)
    async with driven(engine) as driver:
        await driver.press("enter")
        engine.end(log="error\n" * 3)
        await driver.settle()
        await driver.press("l")
        before = engine.state
        # One packet of a bad link: Textual has handed them all out before the first one has acted.
        for key in ("slash", "e", "r", "r", "o", "r"):
            character = "/" if key == "slash" else key
            driver.app.post_message(events.Key(key, character))
        await driver.settle()
        await driver.settle()
        assert engine.state == before
        assert isinstance(driver.app.screen.focused, SearchField)


async def test_an_answer_that_comes_when_its_question_is_gone(tmp_path: Path) -> None:
    engine = Engine(deploy_plan(), tmp_path)
    async with driven(engine) as driver:
        engine.answers = False
        await driver.press("N")
        await driver.type("seen")
        await driver.press("enter", "escape")
        engine.answers = True
        await driver.settle()
        assert [note.text for note in engine.state.notes] == ["seen"]
        await driver.press("N")
        assert "seen" not in driver.text("#prompt")
