"""The steps of a run, one row each; it follows the current step until the user moves."""

from __future__ import annotations

from collections.abc import Sequence

from handrail.tui.presenters.line import Line
from handrail.tui.presenters.steps import StepRow, row_line
from handrail.tui.widgets.row_list import RowList


class StepList(RowList[StepRow]):
    """The steps with their sections as headings; what leads back to the current one is the screen's."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.following = True

    def key_of(self, row: StepRow) -> str | None:
        """The step's key; a section has none."""
        return row.key

    def line_of(self, row: StepRow, width: int, *, selected: bool) -> Line:
        """A step's row."""
        return row_line(row, width, selected=selected)

    def _wanted(self, keys: Sequence[str]) -> str | None:
        current = next((row.key for row in self._rows if row.current), None)
        if self.selected not in keys:
            # What was looked at is gone, such as with a rollback's beginning.
            self.following = True
        if current is not None and self.following:
            return current
        return super()._wanted(keys)

    def look_at(self, key: str) -> None:
        """Look at a step; only the current one is followed."""
        self.following = any(row.current and row.key == key for row in self._rows)
        self._select(key)

    def follow(self) -> None:
        """Go back to the current step, and follow it again."""
        self.following = True
        self._select(next((row.key for row in self._rows if row.current), None))
