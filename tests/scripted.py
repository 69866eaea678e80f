"""Attempts that begin and end as a test says; what became of them outlives every engine, as files do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from handrail.clock import ManualClock
from handrail.engine.engine import Engine
from handrail.engine.sampling import ScriptedSampler
from handrail.errors import StorageFault
from handrail.journal.memory import MemoryJournal
from handrail.journal.session import RunSession
from handrail.run import events as e
from handrail.run.commands import Observation, ObserveDoubt, ObserveExit
from handrail.run.events import AttemptStarted, write_event
from handrail.run.plan import PlannedStep
from handrail.run.state import RunState
from walk import OPERATOR, plan


@dataclass
class World:
    """What really happened: which attempts began, which were asked to end, and how they ended."""

    begun: list[int] = field(default_factory=list)
    tasks: dict[int, str] = field(default_factory=dict)
    asked_to_end: list[int] = field(default_factory=list)
    sealed: set[int] = field(default_factory=set)
    ended: dict[int, Observation] = field(default_factory=dict)
    unreadable: set[int] = field(default_factory=set)
    changed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def running(self) -> list[int]:
        """The attempts whose process is at work."""
        return [number for number in self.begun if number not in self.ended]

    def end(self, number: int, **fields) -> None:
        """Let an attempt end."""
        self.ended[number] = ObserveExit(attempt=number, **{"exit_code": 0, "verdict": "pass", **fields})

    def lose(self, number: int) -> None:
        """Let an attempt end without a trace."""
        self.ended[number] = ObserveDoubt(attempt=number, evidence="the shim was killed")


class ScriptedPerformer:
    """A performer on a world; as many engines as a test likes may have one each."""

    def __init__(self, world: World) -> None:
        self.world = world

    def start(self, state: RunState, event: AttemptStarted) -> Observation | None:
        """See `Performer.start`."""
        if event.attempt in self.world.sealed:
            return ObserveExit(attempt=event.attempt, never_started=True, evidence="sealed")
        self.world.begun.append(event.attempt)
        self.world.tasks[event.attempt] = event.call.task
        return None

    def cancel(self, state: RunState, attempt: int) -> None:
        """See `Performer.cancel`."""
        self.world.asked_to_end.append(attempt)
        if attempt in self.world.running:
            self.world.end(attempt, exit_code=None, signal=15, cancelled=True)

    def look(self, state: RunState, attempt: int) -> Observation | None:
        """See `Performer.look`."""
        if attempt in self.world.unreadable:
            raise StorageFault(f"The files of attempt {attempt} can't be read.")
        if attempt in self.world.sealed:
            return ObserveExit(attempt=attempt, never_started=True, evidence="sealed")
        return self.world.ended.get(attempt)

    def changed_files(self, state: RunState) -> tuple[tuple[str, str], ...]:
        """See `Performer.changed_files`."""
        return tuple(self.world.changed)

    def adopt(self, state: RunState, attempt: int) -> Observation | None:
        """See `Performer.adopt`."""
        if attempt not in self.world.unreadable and attempt not in self.world.begun:
            self.world.sealed.add(attempt)
        return self.look(state, attempt)


class Killed(BaseException):
    """A process's sudden end."""


class Faults:
    """Named points at which a journal or an engine ends, or a disk is full; each once."""

    def __init__(self) -> None:
        self.at: str | None = None
        self.skip = 0
        self.raises: BaseException = Killed()

    def arm(self, point: str, raises: BaseException | None = None, skip: int = 0) -> None:
        self.at, self.raises, self.skip = point, raises or Killed(), skip

    def reach(self, point: str) -> None:
        if point != self.at:
            return
        if self.skip:
            self.skip -= 1
            return
        self.at = None
        raise self.raises


class House:
    """A run in a journal, its world, and the engines that come and go."""

    def __init__(self, *steps: PlannedStep, **fields: Any) -> None:
        self.faults = Faults()
        self.journal = MemoryJournal(faults=self.faults)
        self.clock = ManualClock()
        self.world = World()
        self.sampler = ScriptedSampler(self.clock)
        opening = write_event(e.RunOpened(plan=plan(*steps, **fields), operator=OPERATOR))
        self.journal.open_run("run-1", "production", {}, "deploy", [opening], self.clock.now())
        self.kept = 0
        self.screen = RunSession(self.journal, "run-1", OPERATOR, self.clock, self._keep)

    def _keep(self) -> str | None:
        self.kept += 1
        engine = self.engine()
        while engine.turn():
            pass
        return None

    def engine(self) -> Engine:
        engine = Engine(
            self.journal,
            "run-1",
            self.clock,
            ScriptedPerformer(self.world),
            faults=self.faults,
            sampler=self.sampler,
        )
        engine.take_charge()
        return engine

    def seen(self) -> RunSession:
        self.screen.poll()
        return self.screen

    def types(self) -> Sequence[str]:
        return [record.type for record in self.journal.read("run-1")]
