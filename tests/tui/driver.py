"""A run on a journal in memory, decided by the real machine; only the tasks are played."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widget import Widget

from handrail.clock import ManualClock
from handrail.configuration.model import Configuration, LoadedConfiguration
from handrail.journal.memory import MemoryJournal
from handrail.journal.session import RunFollower, RunSession
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.commands import OPERATOR_COMMANDS
from handrail.run.machine import Rejected, decide, observe
from handrail.run.plan import Plan
from handrail.signals.signal import Signal
from handrail.tui.app import HandrailApp
from windows import CALM, SECONDS, Seen, window

OPERATOR = Actor(user="deploy", host="bastion", session="one")
WATCHER = Actor(user="review", host="bastion", session="two")
RUN = "run-1"


class Engine:
    """Answers commands as the engine does; a test says how each attempt ends."""

    def __init__(self, plan: Plan, folder: Path, *, operator: Actor = OPERATOR) -> None:
        self.clock = ManualClock()
        self.journal = MemoryJournal()
        self.folder = folder
        self.answers = True
        self._last_command = 0
        opened = e.RunOpened(plan=plan, operator=operator)
        target = plan.target.name
        self.journal.open_run(
            RUN,
            target,
            operator.model_dump(mode="json"),
            plan.title,
            [e.write_event(opened)],
            self.clock.now(),
        )
        self.epoch = self.journal.claim_epoch(RUN, self.clock.now(), {"pid": 1})
        self._follower = RunFollower(self.journal, RUN)
        self.add(e.EngineStarted(epoch=self.epoch))

    @property
    def state(self) -> Any:
        """The run's state as the engine knows it."""
        self._follower.poll()
        return self._follower.state

    def add(self, *events: Any) -> None:
        """Journal events."""
        if events:
            self.journal.append(
                RUN,
                self.epoch,
                self.state.seq,
                [e.write_event(event) for event in events],
                self.clock.now(),
                release_lock=any(isinstance(event, e.CLOSING) for event in events),
            )

    def log_path(self, run: str, attempt: int) -> Path:
        """Where the log of an attempt lies."""
        return self.folder / f"{attempt:04d}.log"

    def session(self, actor: Actor = OPERATOR) -> RunSession:
        """A screen's hold on the run."""
        return RunSession(self.journal, RUN, actor, self.clock, lambda: None)

    def work(self) -> None:
        """Answer every command that waits."""
        if not self.answers:
            return
        for row in self.journal.commands(RUN, self._last_command):
            self._last_command = row.id
            issuer = Actor.model_validate(row.issuer)
            command = OPERATOR_COMMANDS.validate_python(row.body)
            try:
                events = decide(self.state, command, issuer, self.clock.now())
            except Rejected as rejected:
                self.add(
                    e.CommandRejected(
                        command_id=row.id, command=command.type, issuer=issuer, reason=str(rejected)
                    )
                )
                continue
            self.add(e.CommandAccepted(command_id=row.id, command=command.type, issuer=issuer), *events)

    def see(self, observation: c.Observation) -> None:
        """Take in something that an engine sees."""
        self.add(*observe(self.state, observation, self.clock.now()))

    def end(self, exit_code: int = 0, *, log: str = "", seconds: float = 2, **seen: Any) -> None:
        """Let the running attempt end."""
        running = self.state.running
        assert running is not None, "nothing is running"
        started = self.clock.now()
        if log:
            self.log_path(RUN, running.number).write_text(log, encoding="utf-8")
        ended = self.clock.advance(timedelta(seconds=seconds))
        observation = c.ObserveExit(
            attempt=running.number, exit_code=exit_code, started=started, ended=ended, **seen
        )
        self.see(observation)

    def doubt(self, evidence: str = "the shim is gone and left no exit record") -> None:
        """Let what became of the running attempt be unknown."""
        running = self.state.running
        assert running is not None
        observation = c.ObserveDoubt(attempt=running.number, evidence=evidence)
        self.add(*observe(self.state, observation, self.clock.now()))

    def see_windows(
        self, *seen: Mapping[str, Seen], why: str = "", signals: Sequence[Signal] | None = None
    ) -> None:
        """Let the sampler see one window after another, while the clock goes on with each."""
        for each in seen:
            start = self.clock.now()
            self.clock.advance(timedelta(seconds=SECONDS))
            made = window(start, each, signals=signals or self.state.plan.signals, why=why)
            self.see(c.ObserveSignals(windows=(made,)))

    def watch_for(self, minutes: float, **changed: Seen) -> None:
        """So many minutes of a well application, but for what is changed of it; a minute at once."""
        left, signals = round(minutes * 60 / SECONDS), self.state.plan.signals
        while left > 0:
            count = min(left, round(60 / SECONDS))
            left -= count
            begun = self.clock.now()
            self.clock.advance(timedelta(seconds=SECONDS * count))
            starts = (begun.plus(timedelta(seconds=SECONDS * number)) for number in range(count))
            windows = tuple(window(start, {**CALM, **changed}, signals=signals) for start in starts)
            self.see(c.ObserveSignals(windows=windows))

    def time_passes(self, seconds: float) -> None:
        """Let time pass, and the engine look at its deadlines."""
        self.clock.advance(timedelta(seconds=seconds))
        self.add(*observe(self.state, c.ObserveTime(), self.clock.now()))


class Driver:
    """One screen, told in the words of its operator."""

    def __init__(self, app: HandrailApp, pilot: Pilot[int], engine: Engine) -> None:
        self.app = app
        self.pilot = pilot
        self.engine = engine

    async def press(self, *keys: str) -> Driver:
        """Press keys, and let the engine answer each."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()
        return self

    async def type(self, text: str) -> Driver:
        """Type a text."""
        await self.pilot.press(*("space" if character == " " else character for character in text))
        return self

    async def settle(self) -> Driver:
        """Let the engine answer and the screen catch up."""
        self.engine.work()
        if (screen := self.app.run_screen) is not None:
            screen.catch_up()
        await self.pilot.pause()
        return self

    def text(self, selector: str = "") -> str:
        """What can be read now, the whole screen or one widget of it."""
        return "\n".join(self.rows(selector))

    def said(self, selector: str) -> str:
        """The words of one widget on one line, however they are wrapped."""
        return " ".join(self.text(selector).split())

    def rows(self, selector: str = "") -> list[str]:
        """The screen's rows as they stand in the terminal."""
        strips = self.app.screen._compositor.render_strips()
        rows = ["".join(segment.text for segment in strip) for strip in strips]
        if not selector:
            return rows
        widget: Widget = self.app.screen.query_one(selector)
        x, y, wide, high = widget.region
        return [row[x : x + wide] for row in rows[y : y + high]]


@asynccontextmanager
async def driven(
    engine: Engine,
    *,
    size: tuple[int, int] = (80, 24),
    actor: Actor = OPERATOR,
    may_act: bool = True,
    keys: Mapping[str, tuple[str, ...]] | None = None,
) -> AsyncIterator[Driver]:
    """A screen on the engine's run; `keys` are what its person has remapped."""
    settings = LoadedConfiguration(Path("config.toml"), Configuration(keys=dict(keys or {})))
    app = HandrailApp(
        session=engine.session(actor), log_path=engine.log_path, may_act=may_act, configuration=settings
    )
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot, engine)
        await driver.settle()
        yield driver
