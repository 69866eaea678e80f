"""Rows of which one is looked at, by the Line API: what did not change is not sent again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from handrail.tui.presenters.line import Line
from handrail.tui.widgets.painting import paint

Row = TypeVar("Row")


class RowList(Widget, Generic[Row], can_focus=True):
    """A list that keeps the selected row in view; a row without a key is a heading."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"row-list--selected"}
    MARGIN: ClassVar[int] = 1
    """How many rows stay in view above and below the selected one."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Next", show=False, id="down"),
        Binding("up,k", "move(-1)", "Previous", show=False, id="up"),
        Binding("pagedown", "move(8)", "Eight on", show=False, id="page_down"),
        Binding("pageup", "move(-8)", "Eight back", show=False, id="page_up"),
        Binding("home,g", "move(-9999)", "First", show=False, id="first"),
        Binding("end,G", "move(9999)", "Last", show=False, id="last"),
    ]

    @dataclass
    class Selected(Message):
        """Another row is looked at; `None` where no row is left."""

        key: str | None

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows: tuple[Row, ...] = ()
        self._top = 0
        self.selected: str | None = None

    def key_of(self, row: Row) -> str | None:
        """The key of a row; `None` for a heading."""
        raise NotImplementedError

    def line_of(self, row: Row, width: int, *, selected: bool) -> Line:
        """A row fitted to a width."""
        raise NotImplementedError

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows, and repaint the ones that changed."""
        before, self._rows = self._rows, tuple(rows)
        self._select(self._wanted(self._keys()))
        if len(before) != len(self._rows):
            self.refresh()
            self._keep_in_view()
            return
        for number, (old, new) in enumerate(zip(before, self._rows, strict=True)):
            if old != new:
                self._refresh_row(number)

    def out_of_view(self) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
        """The rows above the ones that are seen, and those below."""
        return self._rows[: self._top], self._rows[self._top + max(self.size.height, 1) :]

    def _wanted(self, keys: Sequence[str]) -> str | None:
        """Which row is to be looked at, of those that are shown now."""
        return self.selected if self.selected in keys else next(iter(keys), None)

    def _keys(self) -> list[str]:
        return [key for row in self._rows if (key := self.key_of(row)) is not None]

    def _refresh_row(self, number: int) -> None:
        y = number - self._top
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _select(self, key: str | None) -> None:
        if key is None or key == self.selected:
            return
        self._turn_to(key)

    def _turn_to(self, key: str | None) -> None:
        """Repaint the two rows that change, and say which one is looked at."""
        old, self.selected = self.selected, key
        for number, row in enumerate(self._rows):
            if (its := self.key_of(row)) is not None and its in (old, key):
                self._refresh_row(number)
        self._keep_in_view()
        self.post_message(self.Selected(key))

    def _keep_in_view(self) -> None:
        height = self.size.height
        number = next((n for n, row in enumerate(self._rows) if self.key_of(row) == self.selected), 0)
        if height < 1:
            return
        # The heading of the first row of a section belongs into view with it.
        headed = number > 0 and self.key_of(self._rows[number - 1]) is None and height > 2
        first = number - 1 if headed else number
        margin = self.MARGIN if height > 4 else 0
        top = min(max(self._top, number + margin + 1 - height), max(first - margin, 0))
        top = max(min(top, len(self._rows) - height), 0)
        if top != self._top:
            self._top = top
            self.refresh()

    def action_move(self, rows: int) -> None:
        """Look at another row."""
        keys = self._keys()
        if not keys or self.selected not in keys:
            return
        place = min(max(keys.index(self.selected) + rows, 0), len(keys) - 1)
        self.look_at(keys[place])

    def look_at(self, key: str) -> None:
        """Look at the row of this key."""
        self._select(key)

    def on_click(self, event: events.Click) -> None:
        """Look at the row under the mouse."""
        number = self._top + event.y
        if number < len(self._rows) and (key := self.key_of(self._rows[number])) is not None:
            self.look_at(key)

    def on_mouse_scroll_down(self) -> None:
        """Look further down."""
        self.action_move(1)

    def on_mouse_scroll_up(self) -> None:
        """Look further up."""
        self.action_move(-1)

    def on_resize(self) -> None:
        """Keep the selected row in view."""
        self._keep_in_view()

    def render_line(self, y: int) -> Strip:
        """One row."""
        width = self.size.width
        number = self._top + y
        if number >= len(self._rows) or width < 1:
            return Strip.blank(width, self.rich_style)
        row = self._rows[number]
        key = self.key_of(row)
        selected = key is not None and key == self.selected
        content = paint(self.line_of(row, width, selected=selected))
        style = self.get_visual_style("row-list--selected") if selected else self.visual_style
        strips = Visual.to_strips(self, content, width, 1, style)
        return strips[0] if strips else Strip.blank(width, self.rich_style)
