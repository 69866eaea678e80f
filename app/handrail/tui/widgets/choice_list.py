"""Runbooks and runs to choose from, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from handrail.tui.presenters.choosing import ChoiceRow, row_parts
from handrail.tui.presenters.line import Line
from handrail.tui.widgets.row_list import RowList


class ChoiceList(RowList[ChoiceRow]):
    """The chosen row stays chosen, by its key, whatever comes and goes around it."""

    MARGIN: ClassVar[int] = 0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "page(1)", "Page down", show=False, id="page_down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="page_up"),
    ]

    @dataclass
    class Opened(Message):
        """The chosen row was clicked once more."""

        key: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._known: list[str] = []

    def key_of(self, row: ChoiceRow) -> str | None:
        """The key of a runbook or a run; a section has none."""
        return row.key

    def line_of(self, row: ChoiceRow, width: int, *, selected: bool) -> Line:
        """A row fitted to a width."""
        return row_parts(row, width, selected=selected)

    def show(self, rows: Sequence[ChoiceRow]) -> None:
        """Show these rows, and repaint the ones that changed."""
        self._known = self._keys()
        super().show(rows)

    def _wanted(self, keys: Sequence[str]) -> str | None:
        """Where the chosen row is gone: the one after it that is still there, else the first."""
        if self.selected in keys or self.selected not in self._known:
            return super()._wanted(keys)
        later = self._known[self._known.index(self.selected) :]
        return next((key for key in later if key in keys), keys[-1] if keys else None)

    def _select(self, key: str | None) -> None:
        if key is None and self.selected is not None:
            self._turn_to(None)
        else:
            super()._select(key)

    def action_move(self, rows: int) -> None:
        """Choose another row."""
        super().action_move(rows)
        if self.selected is not None and self.selected == self._keys()[0]:
            # What stands above the first row is seen again.
            self._top = 0
            self.refresh()

    def action_page(self, pages: int) -> None:
        """Choose a row a page further."""
        self.action_move(pages * max(self.size.height - 2, 1))

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the mouse; a second click opens it."""
        number = self._top + event.y
        key = self._rows[number].key if 0 <= number < len(self._rows) else None
        if key is not None and key == self.selected:
            event.prevent_default()
            self.post_message(self.Opened(key))
