"""Where on a run's screen the machine and the application's processes have room."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from handrail.clock import Instant
from handrail.reports.vitals import Vital, vitals
from handrail.run.state import RunState
from handrail.tui.presenters.vitals import fits_line, fits_pane, steadied, vitals_line, vitals_pane
from handrail.tui.widgets.lines import Lines


class VitalsInView:
    """In a pane, else on a line, else not at all."""

    def __init__(self, screen: Screen[Any]) -> None:
        self._screen = screen
        self._before: dict[str, Vital] = {}

    def show(self, state: RunState, now: Instant, *, counting: bool, all_panes: bool) -> None:
        """Show what was sampled last. A pane alone in view leaves no room for another one."""
        found = steadied(self._before, vitals(state, now))
        self._before = {each.name: each for each in found}
        columns, rows = self._screen.app.size
        in_pane = bool(found) and all_panes and fits_pane(columns, rows)
        words = vitals_line(found, self._screen.size.width)
        on_line = self._screen.query_one("#vitals", Lines)
        on_line.display = bool(words) and not in_pane and fits_line(columns, rows, counting=counting)
        on_line.show(words)
        self._screen.set_class(in_pane, "-vitals")
        self._screen.query_one("#vitals-lines", Lines).show(*vitals_pane(found), layout=True)
