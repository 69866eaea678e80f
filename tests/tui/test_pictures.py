"""Each screen as a picture, in its states, at the least and at a roomy size.

Look at a picture before it is accepted (`--snapshot-update`): aligned, calm, nothing cut off.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from handrail.run import commands as c
from handrail.tui.app import HandrailApp
from tui.driver import OPERATOR, WATCHER, Driver, Engine
from tui.plans import deploy_plan
from tui.test_attention import send, up_to
from tui.test_choosing import Chooser
from tui.test_start_screen import Opened
from tui.watches import late, rolling_back, triggered, watching

SIZES = ((80, 24), (160, 50))
LOG = (
    "\x1b[32m✓\x1b[0m 412 modules\n"
    "\x1b[33mwarning\x1b[0m: the bundle is larger than 500 kB\n"
    "GET / 200\nPOST /checkout \x1b[31m500\x1b[0m\n"
)
Compare = Callable[..., bool]


def idle(folder: Path) -> Engine:
    return Engine(deploy_plan(), folder)


def running(folder: Path) -> Engine:
    engine = idle(folder)
    up_to(engine, "checkout")
    send(engine, c.StartStep(step="checkout"))
    engine.log_path("", engine.state.running.number).write_text(LOG, encoding="utf-8")
    engine.time_passes(21)
    return engine


def failed(folder: Path) -> Engine:
    engine = idle(folder)
    up_to(engine, "smoke")
    send(engine, c.StartStep(step="smoke"))
    engine.end(1, verdict="fail", evidence="POST /checkout answered 500", log=LOG)
    engine.time_passes(41)
    return engine


def in_doubt(folder: Path) -> Engine:
    engine = idle(folder)
    up_to(engine, "checkout")
    send(engine, c.StartStep(step="checkout"))
    engine.doubt()
    return engine


def finished(folder: Path) -> Engine:
    engine = watching(folder, 29.8)
    engine.watch_for(0.5)
    return engine


RUN_STATES: dict[str, tuple[Callable[[Path], Engine], tuple[str, ...]]] = {
    "idle": (idle, ()),
    "running": (running, ()),
    "failed": (failed, ()),
    "in_doubt": (in_doubt, ()),
    "rollback": (failed, ("b",)),
    "rolling_back": (rolling_back, ()),
    "finished": (finished, ()),
    "help": (failed, ("question_mark",)),
    "note": (running, ("N",)),
    "watch": (watching, ()),
    "monitor": (watching, ("m",)),
    "monitor_triggered": (triggered, ("m",)),
    "monitor_late": (late, ("m",)),
}


@pytest.fixture(autouse=True)
def in_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may want no colour: a picture has its own."""
    monkeypatch.delenv("NO_COLOR", raising=False)


size = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


def shown(app: HandrailApp, engine: Engine, keys: tuple[str, ...]) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """What brings a screen into the state that is looked at."""

    async def bring(pilot: Pilot[Any]) -> None:
        await app.workers.wait_for_complete()
        driver = Driver(app, pilot, engine)
        await driver.settle()
        await driver.press(*keys)
        await driver.settle()
        await pilot.pause()

    return bring


@size
@pytest.mark.parametrize("state", RUN_STATES)
def test_a_run(snap_compare: Compare, tmp_path: Path, state: str, size: tuple[int, int]) -> None:
    make, keys = RUN_STATES[state]
    engine = make(tmp_path)
    app = HandrailApp(session=engine.session(OPERATOR), log_path=engine.log_path)
    assert snap_compare(app, run_before=shown(app, engine, keys), terminal_size=size)


@size
def test_one_who_looks_on(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    engine = running(tmp_path)
    app = HandrailApp(session=engine.session(WATCHER), log_path=engine.log_path, may_act=False)
    assert snap_compare(app, run_before=shown(app, engine, ()), terminal_size=size)


@size
def test_choosing(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    engine = running(tmp_path)
    app = HandrailApp(choosing=Chooser(engine), log_path=engine.log_path)
    assert snap_compare(app, run_before=shown(app, engine, ()), terminal_size=size)


@size
def test_before_the_start(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    engine = idle(tmp_path)
    app = HandrailApp(opening=Opened(engine, {"feature": "faster checkout"}), log_path=engine.log_path)
    assert snap_compare(app, run_before=shown(app, engine, ()), terminal_size=size)
