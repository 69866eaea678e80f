"""Attempts that begin and end as a test says; what became of them outlives every engine, as files do."""

from __future__ import annotations

from dataclasses import dataclass, field

from handrail.errors import StorageFault
from handrail.run.commands import Observation, ObserveDoubt, ObserveExit
from handrail.run.events import AttemptStarted
from handrail.run.state import RunState


@dataclass
class World:
    """What really happened: which attempts began, which were asked to end, and how they ended."""

    begun: list[int] = field(default_factory=list)
    tasks: dict[int, str] = field(default_factory=dict)
    asked_to_end: list[int] = field(default_factory=list)
    sealed: set[int] = field(default_factory=set)
    ended: dict[int, Observation] = field(default_factory=dict)
    unreadable: set[int] = field(default_factory=set)

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

    def adopt(self, state: RunState, attempt: int) -> Observation | None:
        """See `Performer.adopt`."""
        if attempt not in self.world.unreadable and attempt not in self.world.begun:
            self.world.sealed.add(attempt)
        return self.look(state, attempt)
