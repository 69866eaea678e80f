"""Runs with a watch, as tests of the screen need them: before it, in it, and when it has found something."""

from __future__ import annotations

from pathlib import Path

from handrail.run import commands as c
from tui.driver import Engine
from tui.plans import watched_plan
from windows import CALM

TROUBLED = {**CALM, "health": [1.0] * 3 + [0.0] * 7, "health time": [380, 420, 390, 440]}
"""A window in which three of ten requests fail, and the others are slow."""
WHY = "GET /checkout answered 500"


def watching(folder: Path, minutes: float = 12, *, by_itself: bool = False, watch: int = 30) -> Engine:
    """A release that has been watched for so many minutes, all of them clean."""
    engine = Engine(watched_plan(by_itself=by_itself, minutes=watch), folder)
    session = engine.session()
    session.send(c.StartStep(step="baseline"))
    engine.work()
    engine.watch_for(1)
    while (step := engine.state.current).key != "watch":
        session.send(c.StartStep(step=step.key))
        engine.work()
        engine.end(facts={"previous_release": "v1.2.3"}, log="working\n")
        engine.see_windows(CALM)
    session.send(c.StartStep(step="watch"))
    engine.work()
    engine.watch_for(minutes)
    return engine


def triggered(folder: Path, minutes: float = 6, *, by_itself: bool = False) -> Engine:
    """A watch that has found errors."""
    engine = watching(folder, minutes, by_itself=by_itself)
    engine.see_windows(TROUBLED, TROUBLED, TROUBLED, why=WHY)
    engine.time_passes(0)
    assert engine.state.open_triggers
    return engine


def late(folder: Path) -> Engine:
    """The same, after the last safe moment, and before the deadline; its rollback takes 55 s."""
    engine = triggered(folder)
    trigger = engine.state.open_triggers[0]
    left = trigger.deadline.since(engine.clock.now()).total_seconds()
    engine.time_passes(left - 40)
    return engine


def rolling_back(folder: Path) -> Engine:
    """The same, with the rollback's second step under way."""
    engine = triggered(folder)
    engine.session().send(c.RollBack(confirm="production"))
    engine.work()
    engine.end()
    return engine
