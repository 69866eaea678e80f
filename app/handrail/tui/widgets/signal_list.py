"""The signals of a target, one row each."""

from __future__ import annotations

from collections.abc import Sequence

from handrail.tui.presenters.line import Line, Tone
from handrail.tui.presenters.monitor import SignalRow, signal_line
from handrail.tui.widgets.row_list import RowList


class SignalList(RowList[SignalRow]):
    """As high as it has rows, where there is room; the first bad one is looked at until one is chosen."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._is_chosen = False

    def key_of(self, row: SignalRow) -> str | None:
        """The signal's name."""
        return row.key

    def line_of(self, row: SignalRow, width: int, *, selected: bool) -> Line:
        """A signal's row."""
        return signal_line(row, width, selected=selected)

    def look_at(self, key: str) -> None:
        """Look at a signal, and stay with it."""
        self._is_chosen = True
        super().look_at(key)

    def _wanted(self, keys: Sequence[str]) -> str | None:
        bad = next((row.key for row in self._rows if row.tone is Tone.BAD), None)
        # With more signals than rows, what is bad may lie below the last one that is seen.
        return bad if bad is not None and not self._is_chosen else super()._wanted(keys)

    def show(self, rows: Sequence[SignalRow]) -> None:
        """Show these rows."""
        if len(rows) != len(self._rows):
            self.styles.height = max(len(rows), 1)
        super().show(rows)
