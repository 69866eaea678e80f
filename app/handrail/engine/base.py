"""What performs a run's effects: the real processes, or another that a drill or a test puts in its place."""

from __future__ import annotations

from typing import Protocol

from handrail.run.commands import Observation
from handrail.run.events import AttemptStarted
from handrail.run.state import RunState
from handrail.signals.window import SignalWindow


class Performer(Protocol):
    """Starts and cancels attempts, and says what became of them; what it is told is journaled already."""

    def start(self, state: RunState, event: AttemptStarted) -> Observation | None:
        """Begin an attempt; returns at once. An observation is the news that it could not be begun."""
        ...

    def cancel(self, state: RunState, attempt: int) -> None:
        """Ask for the attempt's end: TERM to its process group, a grace, KILL. Asked again while it runs."""
        ...

    def look(self, state: RunState, attempt: int) -> Observation | None:
        """What became of a running attempt; `None` while it runs."""
        ...

    def changed_files(self, state: RunState) -> tuple[tuple[str, str], ...]:
        """The plan's files that are no longer what the plan was made from: path and short difference."""
        ...

    def adopt(self, state: RunState, attempt: int) -> Observation | None:
        """The same for an attempt of an engine before this one; one that never began never will."""
        ...


class Sampler(Protocol):
    """Samples a run's target; dead or alive, it is never waited for."""

    def collect(self, state: RunState) -> tuple[SignalWindow, ...]:
        """The windows that were completed since the last call; starts the sampling where it isn't running.

        It never blocks, and raises nothing for a sampler that is dead or can't be started: then there are no
        windows, which is how the monitor is seen to be blind.
        """
        ...

    def stop(self) -> None:
        """End the sampling; a later `collect` begins it anew."""
        ...
