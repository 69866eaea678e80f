"""Somebody sets the machine's clock during a watch: the real engine and journal, on a clock set by hand.

For one process alone, a wrong wall clock would take a changed machine; an engine reads no other than this.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from handrail.clock import ManualClock
from handrail.engine.engine import Engine
from handrail.engine.sampling import ScriptedSampler
from handrail.journal.session import RunFollower
from handrail.journal.sqlite import SqliteJournal
from handrail.reports.timeline import sentence
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.clean_time import clean_seconds
from handrail.run.deadlines import countdowns
from handrail.run.events import write_event
from handrail.run.state import RunState
from handrail.signals.window import SignalWindow, Tally
from scripted import ScriptedPerformer, World
from walk import OPERATOR, plan
from watched import RESTARTS, VISITORS, watch_step

pytestmark = pytest.mark.e2e
HOUR = timedelta(hours=1)
WINDOW = 5.0


class Watched:
    """A run in a journal on the disk, its engine, and a clock that a test sets."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.journal = SqliteJournal(folder / "journal.sqlite3")
        opened = e.RunOpened(plan=plan(watch_step(), signals=(VISITORS, RESTARTS)), operator=OPERATOR)
        self.journal.open_run("run-1", "production", {}, "deploy", [write_event(opened)], self.clock.now())
        self.sampler = ScriptedSampler(self.clock)
        self.begin_anew()
        issuer = OPERATOR.model_dump(mode="json")
        start = c.StartStep(step="watch").model_dump(mode="json")
        self.journal.submit("run-1", issuer, start, self.clock.now(), token="start")
        self.engine.turn()

    def begin_anew(self) -> None:
        """Another engine takes charge, as after one was killed."""
        self.engine = Engine(
            self.journal, "run-1", self.clock, ScriptedPerformer(World()), sampler=self.sampler
        )
        self.engine.take_charge()

    def see(self, minutes: float, *, restarted: bool = False) -> None:
        """Let time pass in which the sampler sees the application, well but for a restart."""
        for _ in range(round(minutes * 60 / WINDOW)):
            start = self.clock.now()
            self.clock.advance(timedelta(seconds=WINDOW))
            seen = {
                VISITORS.name: Tally(n=50),
                RESTARTS.name: Tally(n=1, bad=int(restarted), why="restarted"),
            }
            self.sampler.windows.append(SignalWindow(start=start, seconds=WINDOW, tallies=seen))
            self.engine.turn()

    @property
    def state(self) -> RunState:
        """The run as a screen reads it."""
        return RunFollower(self.journal, "run-1").state

    def left(self) -> tuple[timedelta, timedelta]:
        """What the countdown shows: until the deadline, and until the last safe moment."""
        [counted] = countdowns(self.state, self.clock.now())
        return counted.to_deadline, counted.to_last_safe


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    found = Watched(tmp_path)
    yield found
    found.journal.close()


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
@pytest.mark.parametrize("engine_dies", [False, True])
def test_a_clock_that_is_set_changes_no_countdown_and_is_shown(
    watched: Watched, jump: timedelta, engine_dies: bool
) -> None:
    watched.see(2)
    watched.see(WINDOW / 60, restarted=True)
    before, deadline = watched.left(), watched.state.open_triggers[0].deadline
    clean = clean_seconds(watched.state)
    assert clean == pytest.approx(120)
    watched.clock.set_wall_clock(jump)
    if engine_dies:
        watched.begin_anew()
    watched.engine.turn()
    assert watched.left() == before
    watched.see(3)
    assert watched.left() == tuple(each - timedelta(minutes=3) for each in before)
    state = watched.state
    assert state.open_triggers[0].deadline == deadline
    assert not state.open_triggers[0].passed
    assert clean_seconds(state) == clean
    records = watched.journal.read("run-1")
    jumps = [event for event in (e.read_event(r.body) for r in records) if isinstance(event, e.ClockJumped)]
    assert [timedelta(seconds=each.seconds) for each in jumps] == [jump]
    assert watched.journal.verify("run-1") == []
    assert "clock" in str(sentence(jumps[0], state)), "the jump is told on every screen"
