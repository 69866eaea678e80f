"""A few lines of text that are repainted only where they change."""

from __future__ import annotations

from typing import Any

from textual.widgets import Static

from handrail.tui.presenters.line import Line
from handrail.tui.widgets.painting import paint_all


class Lines(Static):
    """Lines that a presenter made; without a change nothing is sent to the terminal."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__("", markup=False, **arguments)
        self._lines: tuple[Line, ...] | None = None

    def show(self, *lines: Line, layout: bool = False) -> None:
        """Show these lines. `layout` is for widgets whose height follows from their text."""
        if lines != self._lines:
            self._lines = lines
            if layout:
                # Textual measures a widget once for each layout that it asked for, and counts no second one
                # as long as the first waits to be told: lines shown then would keep the height of the former.
                self._layout_updates += 1
            self.update(paint_all(lines), layout=layout)
