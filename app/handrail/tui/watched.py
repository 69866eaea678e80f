"""What a watch sees, asked of the judges once for each new window and not at each second."""

from __future__ import annotations

from handrail.reports.signals import SignalSeen, signals_seen
from handrail.run.state import RunState
from handrail.run.watch_state import WatchState


class Watched:
    """The newest table of a run's signals. The state of a watch is a new value whenever anything changed."""

    def __init__(self) -> None:
        self._of: WatchState | None = None
        self._table: tuple[SignalSeen, ...] = ()

    def table(self, state: RunState) -> tuple[SignalSeen, ...]:
        """Every signal of the target."""
        if state.watch is not self._of:
            self._of = state.watch
            self._table = signals_seen(state)
        return self._table
