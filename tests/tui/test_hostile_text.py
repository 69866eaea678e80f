"""Text that came from elsewhere, in every place that shows text: nothing of it acts on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual import events
from textual.app import App

from handrail.reports.signals import signal_lines, signal_table
from handrail.run import commands as c
from handrail.run.plan import Plan
from tui.driver import RUN, WATCHER, Engine, driven
from tui.plans import TARGET, deploy_plan, watched_plan
from windows import CALM, SIGNALS

HOSTILE = "".join(
    (
        "\x1b[2J\x1b]0;owned\x07\x1b]52;c;ZXZpbA==\x07\x1bc\x9b31m",
        "\x0e\x08\x08\u202eevil\u2066 [red]markup[/] [/nope] ",
    )
)
FORBIDDEN = ("\x1b[2J", "\x1b]0;", "\x1b]52", "\x1bc", "\x9b", "\x0e", "\x08", "\u202e", "\u2066", "\x07")
READ_BY_PEOPLE = {
    "title", "section", "prose", "statement", "reason", "irreversible", "introduction", "text", "ref",
}  # fmt: skip


def hostile(value: Any) -> Any:
    """The value with the hostile text put into every text that people read."""
    if isinstance(value, dict):
        found = {}
        for name, inner in value.items():
            shown = name in READ_BY_PEOPLE and isinstance(inner, str)
            found[name] = HOSTILE + inner if shown else hostile(inner)
        return found
    return [hostile(item) for item in value] if isinstance(value, list | tuple) else value


def terminal_bytes(app: App[Any]) -> str:
    """What a full repaint writes to the terminal."""
    update = app.screen._compositor.render_full_update()
    return update.render_segments(app.console)


async def test_no_hostile_byte_reaches_the_terminal(tmp_path: Path) -> None:
    plan = Plan.model_validate(hostile(deploy_plan(target=TARGET).model_dump()))
    engine = Engine(plan, tmp_path)
    seen: list[str] = []
    async with driven(engine, size=(100, 40)) as driver:

        async def look() -> None:
            await driver.settle()
            seen.extend((driver.text(), terminal_bytes(driver.app)))

        engine.session(WATCHER).send(c.AddNote(text=HOSTILE))
        await look()
        for _ in range(4):
            await driver.press("enter")
            engine.log_path(RUN, engine.state.running.number).write_text(HOSTILE * 3, encoding="utf-8")
            await look()
            engine.end(facts={"previous_release": HOSTILE}, left_behind=(HOSTILE,))
            await look()
        await driver.press("enter")
        engine.end(1, verdict="fail", evidence=HOSTILE)
        await look()
        for keys in (("w",), ("escape", "s"), ("escape", "b"), ("escape", "question_mark"), ("escape", "v")):
            await driver.press(*keys)
            await look()
        await driver.press("v", "v", "v", "a")
        await driver.type("enough")
        await driver.press("enter")
        await look()
        await driver.press("escape", "g")
        for _ in range(9):
            await driver.press("j")
            await look()
    assert any("[red]markup[/]" in text for text in seen)
    for code in FORBIDDEN:
        assert not any(code in text for text in seen), repr(code)


async def test_hostile_signals_stay_harmless(tmp_path: Path) -> None:
    hostile_signals = tuple(
        signal.model_copy(update={"name": f"{signal.name} {HOSTILE}", "source": HOSTILE, "unit": HOSTILE})
        for signal in SIGNALS
    )
    engine = Engine(watched_plan(signals=hostile_signals, by_itself=True), tmp_path)
    calm = {signal.name: CALM[signal.name.split(" \x1b")[0]] for signal in hostile_signals}
    session = engine.session()
    seen: list[str] = []
    async with driven(engine, size=(120, 40)) as driver:

        async def look(*keys: str) -> None:
            await driver.press(*keys)
            seen.extend((driver.text(), terminal_bytes(driver.app)))

        session.send(c.StartStep(step="baseline"))
        engine.work()
        for _ in range(12):
            engine.see_windows(calm, why=HOSTILE)
        while (step := engine.state.current).key != "watch":
            session.send(c.StartStep(step=step.key))
            engine.work()
            engine.end()
        session.send(c.StartStep(step="watch"))
        engine.work()
        first, *_ = hostile_signals
        engine.see_windows(calm, *[{**calm, first.name: [*[1.0] * 9, None]}] * 3, why=HOSTILE)
        engine.see_windows({**calm, first.name: [None]}, why=HOSTILE)
        session.send(c.ReportTrouble(text=HOSTILE))
        engine.work()
        await look()
        await look("m")
        for _ in hostile_signals:
            await look("j")
        for key in ("K", "e", "u", "s", "x"):
            await look(key)
            await driver.press("escape")
        session.send(c.KeepRelease(trigger=1, reason=HOSTILE))
        session.send(c.ExtendDeadline(trigger=1, seconds=60, reason=HOSTILE))
        await look()
    said = "\n".join((*signal_table(engine.state), *signal_lines(engine.state)))
    assert any("BAD" in text for text in seen)
    assert any("[red]markup[/]" in text for text in seen)
    for code in FORBIDDEN:
        assert not any(code in text for text in (*seen, said)), repr(code)


async def test_pasted_control_characters_stay_harmless(tmp_path: Path) -> None:
    engine = Engine(deploy_plan(), tmp_path)
    async with driven(engine) as driver:
        await driver.press("s")
        field = driver.app.screen.focused
        assert field is not None
        field.post_message(events.Paste(HOSTILE * 3))
        await driver.settle()
        text = driver.text() + terminal_bytes(driver.app)
        assert "markup" in text
        assert not any(code in text for code in FORBIDDEN)
