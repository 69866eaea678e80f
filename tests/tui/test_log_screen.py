"""The operator's stories in the log: following, searching, copying, leafing through attempts."""

from __future__ import annotations

import asyncio
import base64
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Input

from handrail.tui.presenters.actions import ACTIONS
from handrail.tui.presenters.log_keys import LOG_KEYS
from handrail.tui.screens.prompt import PromptScreen
from handrail.tui.screens.run import RunScreen
from handrail.tui.widgets.log_view import LogView
from tui.driver import RUN, Driver, Engine, driven
from tui.plans import deploy_plan


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(deploy_plan(), tmp_path)


async def until(driver: Driver, condition: Callable[[], bool], what: str) -> None:
    """Let the screen's own work go on until something is so; for what is done in a thread."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}; the screen:\n{driver.text()}"
        await driver.pilot.pause(0.02)


async def running_log(driver: Driver, engine: Engine, text: str) -> Path:
    """A running step with this log, which has the keys."""
    await driver.press("enter")
    path = engine.log_path(RUN, engine.state.running.number)
    path.write_text(text, encoding="utf-8")
    await driver.settle()
    await driver.press("l")
    return path


async def look_for(driver: Driver, words: str, *, regular: bool = False) -> None:
    await driver.press("slash", *(("ctrl+r",) if regular else ()))
    driver.app.screen.query_one("#log-search", Input).value = ""
    await driver.type(words)
    await driver.press("enter")


def test_no_key_of_the_log_is_that_of_an_action() -> None:
    acting = {key for action in ACTIONS for key in (action.key, *action.also)}
    own = {key for each in LOG_KEYS for key in each.keys.split(",")}
    # `n` and `N` ask for words elsewhere; here they go to the next match and the one before.
    assert own & acting == {"n", "N"}


async def test_paused_says_how_many_lines_have_come_since(engine: Engine) -> None:
    async with driven(engine) as driver:
        path = await running_log(driver, engine, "".join(f"line {n}\n" for n in range(100)))
        assert "line 99" in driver.text("#log")
        await driver.press("k")
        top = driver.rows("#log")[0]
        with path.open("a") as file:
            file.write("more\n" * 1234)
        await driver.settle()
        assert driver.rows("#log")[0] == top
        assert "of 1,334, 1,234 new: f follows" in driver.text("#log-title")
        await driver.press("f")
        assert "more" in driver.text("#log")
        assert "1,334 lines, following" in driver.text("#log-title")


async def test_the_keys_of_the_log_are_shown_while_it_has_them(engine: Engine) -> None:
    async with driven(engine) as driver:
        await running_log(driver, engine, "line\n")
        assert "/ Search" in driver.text("#log-keys")
        await driver.press("escape")
        assert "/ Search" not in driver.text()
        await driver.press("question_mark")
        help_text = "\n".join(str(line) for line in driver.app.screen._sheet_lines)  # type: ignore[attr-defined]
        for each in LOG_KEYS:
            assert each.help in help_text
        await driver.press("escape")
        screen = driver.app.run_screen
        assert screen is not None
        offered = {command.title for command in screen.palette()}
        assert {f"Log: {each.label.lower()}" for each in LOG_KEYS} <= offered


@pytest.mark.parametrize("hidden_by", [("v",), ("v", "v")], ids=["steps alone", "step alone"])
async def test_a_log_out_of_view_is_shown_to_whoever_goes_to_it(
    engine: Engine, hidden_by: tuple[str, ...]
) -> None:
    async with driven(engine) as driver:
        await running_log(driver, engine, "first line\n")
        await driver.press("escape", *hidden_by)
        await driver.settle()
        assert not driver.app.screen.query_one("#log").region
        await driver.press("l")
        await driver.settle()
        assert "first line" in driver.text("#log")
        assert driver.app.screen.focused is driver.app.screen.query_one("#log")
        await driver.press("v")
        assert driver.app.screen.query_one("#steps").region


async def test_words_are_looked_for_up_and_down_and_around(engine: Engine) -> None:
    text = "".join(f"line {n}{' Needle' if n in (10, 500, 900) else ''}\n" for n in range(1000))
    async with driven(engine) as driver:
        await running_log(driver, engine, text)
        await driver.press("n")
        assert "/ asks what" in driver.said("#notice")
        await look_for(driver, "needle")
        await until(driver, lambda: "line 11" in driver.text("#notice"), "the first match")
        assert "going on from the first line" in driver.said("#notice")
        assert "line 10 Needle" in driver.text("#log")
        for key, number, around in [("n", 501, ""), ("n", 901, ""), ("n", 11, "first"), ("N", 901, "last")]:
            await driver.press(key)
            await until(driver, lambda number=number: f"line {number}" in driver.text("#notice"), "a match")  # type: ignore[misc]
            assert (f"going on from the {around} line" in driver.said("#notice")) is bool(around)
            assert f"line {number - 1} Needle" in driver.text("#log")
        await look_for(driver, "needle 7")
        await until(driver, lambda: "in none of 1,000 lines" in driver.said("#notice"), "the answer")
        assert engine.state.running is not None
        assert len(engine.journal.commands(RUN, 0)) == 1


async def test_an_expression_and_what_is_wrong_with_one(engine: Engine) -> None:
    async with driven(engine) as driver:
        await running_log(driver, engine, "".join(f"line {n}\n" for n in range(300)))
        await look_for(driver, "[", regular=True)
        assert "unclosed character class" in driver.said("#notice")
        assert driver.app.screen.query_one("#log-search", Input).value == "["
        assert "Regular expression" in driver.text("#log-keys")
        await driver.press("escape")
        await driver.press("slash")
        driver.app.screen.query_one("#log-search", Input).value = "^line 1.7$"
        await driver.press("enter")
        await until(driver, lambda: "line 108" in driver.text("#notice"), "the match")
        # Escape drops what is marked first, and only then leaves the log.
        await driver.press("escape")
        assert isinstance(driver.app.focused, LogView)
        await driver.press("escape")
        assert not isinstance(driver.app.focused, LogView)


async def test_what_stands_to_the_right_is_brought_into_view(engine: Engine) -> None:
    async with driven(engine, size=(40, 15)) as driver:
        await running_log(driver, engine, "first\n" + "x" * 150 + "needle\n" + "last\n" * 50)
        await look_for(driver, "needle")
        await until(driver, lambda: "needle" in driver.text("#log"), "the match in view")


async def test_from_error_to_warning(engine: Engine) -> None:
    text = "".join(f"ok {n}\n" for n in range(200))
    text += "npm \x1b[31mERR\x1b[0mor one\n" + "ok\n" * 200 + "npm warn old\n" + "ok\n" * 200
    async with driven(engine) as driver:
        await running_log(driver, engine, text)
        await driver.press("g", "greater_than_sign")
        await until(driver, lambda: "line 201" in driver.text("#notice"), "the error")
        assert "npm ERRor one" in driver.text("#log")
        await driver.press("greater_than_sign")
        await until(driver, lambda: "line 402" in driver.text("#notice"), "the warning")
        await driver.press("less_than_sign")
        await until(driver, lambda: "line 201" in driver.text("#notice"), "the error again")


async def test_wrapping_and_times(engine: Engine) -> None:
    async with driven(engine) as driver:
        path = await running_log(driver, engine, "first\n" + "0123456789" * 20 + "end\nlast\n")
        path.with_name(f"{path.name}.times").write_text("6 1700000000.0\n300 1700000060.0\n")
        assert "9end" not in driver.text("#log")
        await driver.press("z", "i")
        rows = [row.rstrip() for row in driver.rows("#log")]
        assert rows[0] == "22:13:20 first"
        assert rows[1].startswith("22:14:20 0123")
        assert rows[2].startswith("         ")
        assert any(row.endswith("9end") for row in rows)
        assert "following, wrapped, UTC" in driver.text("#log-title")
        await driver.press("z", "i")
        assert driver.rows("#log")[0].startswith("first")


async def test_a_wrapped_log_is_scrolled_by_rows_to_both_ends(engine: Engine) -> None:
    async with driven(engine) as driver:
        await running_log(driver, engine, "".join(f"<{n}>" + "x" * 300 + f"<{n} ends>\n" for n in range(50)))
        await driver.press("z")
        assert "<49 ends>" in driver.text("#log")
        await driver.press("g")
        assert driver.rows("#log")[0].startswith("<0>")
        await driver.press("j", "j", "j")
        assert "<0 ends>" in driver.rows("#log")[0]
        for _ in range(60):
            await driver.press("pagedown")
        assert "<49 ends>" in driver.text("#log")
        assert "following" in driver.text("#log-title")


async def test_lines_are_selected_and_copied(engine: Engine, tmp_path: Path) -> None:
    written: list[str] = []
    async with driven(engine) as driver:
        path = await running_log(driver, engine, "".join(f"line {n} \x1b[2J\n" for n in range(100)))
        driver.app._driver.write = written.append  # type: ignore[union-attr, method-assign]
        await driver.press("g", "V", "j", "j")
        assert "Y Copy 3 lines" in driver.text("#log-keys")
        await driver.press("Y")
        assert "Copied lines 1 to 3." in driver.said("#notice")
        assert "may ignore this" in driver.said("#notice")
        sent = next(data for data in written if data.startswith("\x1b]52;c;"))
        assert base64.b64decode(sent[7:-1]).decode() == "line 0 ␛[2J\nline 1 ␛[2J\nline 2 ␛[2J\n"
        assert "Copy 3 lines" not in driver.text("#log-keys")
        await driver.press("V", "G", "F")
        await until(driver, lambda: "Copied lines" in driver.said("#notice"), "the copy")
        await until(driver, lambda: "to /" in driver.said("#notice"), "the copy's path")
        copy = path.with_name(f"{path.name}.lines-1-100.txt")
        assert copy.name.replace("-", "") in driver.said("#notice").replace(" ", "").replace("-", "")
        assert len(copy.read_text().splitlines()) == 100


async def test_attempts_of_a_step_are_leafed_through(engine: Engine) -> None:
    async with driven(engine) as driver:
        for number in (1, 2):
            await driver.press("enter" if number == 1 else "R")
            engine.end(1, log=f"try {number}\n")
            await driver.settle()
        await driver.press("R")
        engine.log_path(RUN, 3).write_text("try 3\n")
        await driver.settle()
        await driver.press("l", "left_square_bracket")
        assert "try 2" in driver.text("#log")
        assert "Log 2, 2 of 3" in driver.text("#log-title")
        await driver.press("left_square_bracket", "left_square_bracket")
        assert "try 1" in driver.text("#log")
        assert "This is the first attempt" in driver.said("#notice")
        await driver.press("right_square_bracket", "right_square_bracket")
        assert "try 3" in driver.text("#log")
        # Back at the newest, a further one is shown by itself.
        engine.end(1)
        await driver.settle()
        await driver.press("R")
        assert "Log 4, 4 of 4" in driver.text("#log-title")


async def test_a_key_of_an_action_still_acts_and_asks(engine: Engine) -> None:
    async with driven(engine) as driver:
        await running_log(driver, engine, "line\n")
        await driver.press("c")
        assert isinstance(driver.app.screen, PromptScreen)
        await driver.press("escape")
        assert isinstance(driver.app.screen, RunScreen)


async def test_a_flood_is_taken_in_by_a_thread_and_shown(engine: Engine) -> None:
    async with driven(engine) as driver:
        path = await running_log(driver, engine, "line\n")
        with path.open("a") as file:
            file.write("0123456789" * 10_000 + "\n" + "flood\n" * 400_000)
        await until(driver, lambda: "400,002 lines, following" in driver.text("#log-title"), "all lines")
        assert "flood" in driver.text("#log")
        path.write_text("cut\n")
        await until(driver, lambda: "1 line, following" in driver.text("#log-title"), "the cut log")
        assert driver.rows("#log")[0].startswith("cut")


async def test_a_log_that_never_pauses_is_shown_all_the_same(engine: Engine) -> None:
    async with driven(engine) as driver:
        path = await running_log(driver, engine, "line\n")
        enough = threading.Event()

        def write() -> None:
            with path.open("a") as file:
                for _ in range(5_000):
                    file.write("flood\n" * 500)
                    file.flush()
                    if enough.wait(0.002):
                        return

        def counted() -> int:
            found = re.search(r"([\d,]+) lines?, following", driver.text("#log-title"))
            return int(found[1].replace(",", "")) if found else 0

        writer = threading.Thread(target=write)
        writer.start()
        try:
            await until(driver, lambda: counted() > 1_000, "the first of it")
            first = counted()
            await until(driver, lambda: counted() > first, "more of it")
            assert writer.is_alive()
        finally:
            enough.set()
            writer.join()
        lines = path.read_text().count("\n")
        await until(driver, lambda: counted() == lines, "all of it")


async def test_the_log_is_left_while_it_is_searched(engine: Engine) -> None:
    async with driven(engine) as driver:
        await running_log(driver, engine, "nothing to see here\n" * 200_000)
        await until(driver, lambda: "200,000 lines" in driver.text("#log-title"), "all lines")
        await look_for(driver, "needle")
        await driver.press("escape")
        await asyncio.sleep(0)
        assert driver.app.screen.query_one(LogView).page.pattern is None
