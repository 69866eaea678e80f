"""A watched run on a manual clock: windows of samples in, verdicts and triggers out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from handrail.project.monitor import Monitor
from handrail.run import commands as c
from handrail.run.events import Event
from handrail.run.plan import PlannedStep
from handrail.runbook.model import StepKind
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import SignalWindow, Tally
from handrail.values import TriggerClass
from walk import TARGET, Walk, task, undo

VISITORS = Signal(name="visitors", kind=SignalKind.OUTCOMES, source="the access log")
RESTARTS = Signal(name="restarts", kind=SignalKind.COUNT, any_is_bad=True, source="pm2")
WINDOW = 5.0
GOOD = Tally(n=10)
BAD = Tally(n=10, bad=10, why="status 500", first_bad=1.0)
QUIET = Tally(n=1)


def watch_step(key: str = "watch", minutes: float = 30, **fields: Any) -> PlannedStep:
    """A step in which the engine itself watches."""
    return task(key, kind=StepKind.WATCH, call=None, watch_for=timedelta(minutes=minutes), **fields)


def baseline_step(key: str = "baseline", minutes: float = 5, **fields: Any) -> PlannedStep:
    """A step in which the engine itself takes the baseline."""
    return task(key, kind=StepKind.BASELINE, call=None, watch_for=timedelta(minutes=minutes), **fields)


class WatchedWalk(Walk):
    """A run that is sampled; time passes by windows."""

    def __init__(
        self, *steps: PlannedStep, signals: tuple[Signal, ...] = (VISITORS, RESTARTS), **fields: Any
    ) -> None:
        monitor = fields.pop("monitor", Monitor())
        on_deadline = fields.pop("on_deadline", {})
        target = TARGET.model_copy(update={"monitor": monitor, "on_deadline": on_deadline})
        steps = steps or (baseline_step(), task("deploy", undo=undo("deploy")), watch_step())
        super().__init__(*steps, target=target, signals=signals, **fields)

    def windows(self, count: int, **tallies: Tally) -> list[Event]:
        """Let `count` windows pass in which each signal is seen like this; visitors are well by default."""
        seen = {"visitors": GOOD, "restarts": QUIET, **tallies}
        events: list[Event] = []
        for _ in range(count):
            start = self.clock.now()
            self.clock.advance(timedelta(seconds=WINDOW))
            window = SignalWindow(start=start, seconds=WINDOW, tallies={n: t for n, t in seen.items() if t})
            events += self.see(c.ObserveSignals(windows=(window,)))
        return events

    def minutes(self, minutes: float, **tallies: Tally) -> list[Event]:
        """The same for so many minutes."""
        return self.windows(round(minutes * 60 / WINDOW), **tallies)

    def deployed(self) -> WatchedWalk:
        """Up to the watch's first moment: baseline taken, deployed."""
        self.start("baseline")
        self.minutes(5)
        self.run("deploy")
        self.start("watch")
        return self

    def trigger(self, number: int = 1):  # type: ignore[no-untyped-def]
        """A trigger's state."""
        return self.state.triggers[number]


IMMEDIATE = TriggerClass.IMMEDIATE
