"""The pure machine, walked by hand: plans made of few words, and a run that a test moves on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from handrail.clock import ManualClock
from handrail.project.model import Target
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.events import Event, Purpose
from handrail.run.fold import apply, open_run
from handrail.run.machine import decide, observe
from handrail.run.plan import Plan, PlannedCall, PlannedGate, PlannedStep, PlannedUndo, UndoKind
from handrail.run.state import RunState, StepState
from handrail.runbook.model import StepKind
from handrail.values import TriggerClass

OPERATOR = Actor(user="operator", host="web-1", session="screen-1")
WATCHER = Actor(user="colleague", host="web-1", session="screen-2")
TARGET = Target(name="production", production=True, never_waive=("window.open",))


def task(key: str, **fields: Any) -> PlannedStep:
    """A step that runs the task `do.<key>`."""
    call = PlannedCall(task=f"do.{key}", arguments=fields.pop("arguments", {}))
    return PlannedStep(
        **{
            "key": key,
            "section": "Steps",
            "title": key.title(),
            "kind": StepKind.TASK,
            "call": call,
            **fields,
        }
    )


def check(key: str, **fields: Any) -> PlannedStep:
    """A step that only looks."""
    return task(key, kind=StepKind.CHECK, **fields)


def attest(key: str, **fields: Any) -> PlannedStep:
    """A step that a person says something about."""
    return task(key, kind=StepKind.ATTEST, call=None, statement=f"{key} holds", **fields)


def gate(name: str, *, waivable: bool = True) -> PlannedGate:
    """A check before a step."""
    return PlannedGate(call=PlannedCall(task=name), waivable=waivable)


def undo(name: str, **fields: Any) -> PlannedUndo:
    """A way back by the task `undo.<name>`."""
    return PlannedUndo(kind=UndoKind.TASK, call=PlannedCall(task=f"undo.{name}"), **fields)


def undo_runbook(name: str) -> PlannedUndo:
    """A way back by a whole runbook."""
    return PlannedUndo(kind=UndoKind.RUNBOOK, runbook=name)


def smoke(key: str = "smoke", **fields: Any) -> PlannedStep:
    """A check whose failure asks for an immediate rollback."""
    return check(key, on_failure=TriggerClass.IMMEDIATE, **fields)


def plan(*steps: PlannedStep, target: Target = TARGET, **fields: Any) -> Plan:
    """A plan of these steps."""
    return Plan(**{"runbook": "deploy", "title": "Deploy", "target": target, "steps": steps, **fields})


class Walk:
    """A run in memory: commands and observations in, events out, the state folded along."""

    def __init__(self, *steps: PlannedStep, clock: ManualClock | None = None, **fields: Any) -> None:
        self.clock = clock or ManualClock()
        opening = e.RunOpened(plan=plan(*steps, **fields), operator=OPERATOR)
        self.history: list[tuple[Event, Any]] = [(opening, self.clock.now())]
        self.state: RunState = open_run("run-1", opening, self.clock.now())

    def _take(self, events: list[Event]) -> list[Event]:
        for event in events:
            self.state = apply(self.state, event, self.clock.now())
            self.history.append((event, self.clock.now()))
        return events

    def do(self, command: c.OperatorCommand, issuer: Actor = OPERATOR) -> list[Event]:
        """Send a command; raises `Rejected`."""
        return self._take(decide(self.state, command, issuer, self.clock.now()))

    def see(self, observation: c.Observation) -> list[Event]:
        """Let the engine see something."""
        return self._take(observe(self.state, observation, self.clock.now()))

    def wait(self, seconds: float) -> list[Event]:
        """Let time pass, and the engine notice it."""
        self.clock.advance(timedelta(seconds=seconds))
        return self.see(c.ObserveTime())

    def start(self, step: str) -> list[Event]:
        """Start a step."""
        return self.do(c.StartStep(step=step))

    def end(self, exit_code: int = 0, **fields: Any) -> list[Event]:
        """Let the attempt under way end; a check's verdict follows from its exit code by default."""
        running = self.state.running
        assert running is not None, "nothing is running"
        if running.purpose is Purpose.GATE or self.kind_of(running.step) is StepKind.CHECK:
            fields.setdefault("verdict", "pass" if exit_code == 0 else "fail")
        fields.setdefault("started", running.announced)
        fields.setdefault("ended", self.clock.now())
        return self.see(c.ObserveExit(attempt=running.number, exit_code=exit_code, **fields))

    def kind_of(self, step: str | None) -> StepKind | None:
        """What kind of step it is."""
        return self.state.steps[step].planned.kind if step in self.state.steps else None

    def run(self, *steps: str) -> None:
        """Start each of the steps, and let it pass."""
        for step in steps:
            self.start(step)
            while self.state.running is not None:
                self.end()

    def roll_back(self) -> list[Event]:
        """Ask for the rollback, confirmed."""
        return self.do(c.RollBack(confirm=self.state.plan.target.name))

    def step(self, key: str) -> StepState:
        """A step's state."""
        return self.state.steps[key]

    def running_task(self) -> str | None:
        """The task under way."""
        return self.state.running.call.task if self.state.running else None
