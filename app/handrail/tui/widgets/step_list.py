"""The steps of a run, one row each; it follows the current step until the user moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from handrail.tui.presenters.steps import StepRow, row_line
from handrail.tui.widgets.painting import paint


class StepList(Widget, can_focus=True):
    """Rows by the Line API: what did not change is not sent again."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"step-list--selected"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Next step", show=False),
        Binding("up,k", "move(-1)", "Previous step", show=False),
        Binding("pagedown", "move(8)", "Eight steps on", show=False),
        Binding("pageup", "move(-8)", "Eight steps back", show=False),
        Binding("home,g", "move(-9999)", "First step", show=False),
        Binding("end,G", "move(9999)", "Last step", show=False),
        Binding("escape,full_stop", "follow", "Back to the current step", show=False),
    ]

    @dataclass
    class Selected(Message):
        """Another step is looked at."""

        key: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows: tuple[StepRow, ...] = ()
        self._top = 0
        self.selected: str | None = None
        self.following = True

    def show(self, rows: tuple[StepRow, ...]) -> None:
        """Show these rows, and repaint the ones that changed."""
        before, self._rows = self._rows, rows
        current = next((row.key for row in rows if row.current), None)
        keys = [row.key for row in rows if row.key is not None]
        if self.selected not in keys or (self.following and current is not None):
            self._select(current or (keys[0] if keys else None))
        if len(before) != len(rows):
            self.refresh()
            self._keep_in_view()
            return
        for number, (old, new) in enumerate(zip(before, rows, strict=True)):
            if old != new:
                self._refresh_row(number)

    def _refresh_row(self, number: int) -> None:
        y = number - self._top
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _select(self, key: str | None) -> None:
        if key is None or key == self.selected:
            return
        self.selected = key
        self.refresh()
        self._keep_in_view()
        self.post_message(self.Selected(key))

    def _keep_in_view(self) -> None:
        height = self.size.height
        number = next((n for n, row in enumerate(self._rows) if row.key == self.selected), 0)
        if height < 1:
            return
        # The heading of the first step of a section belongs into view with it.
        headed = number > 0 and self._rows[number - 1].key is None and height > 2
        first = number - 1 if headed else number
        margin = 1 if height > 4 else 0
        top = min(max(self._top, number + margin + 1 - height), max(first - margin, 0))
        top = max(min(top, len(self._rows) - height), 0)
        if top != self._top:
            self._top = top
            self.refresh()

    def action_move(self, rows: int) -> None:
        """Look at another step."""
        keys = [row.key for row in self._rows if row.key is not None]
        if not keys or self.selected not in keys:
            return
        place = min(max(keys.index(self.selected) + rows, 0), len(keys) - 1)
        self._look_at(keys[place])

    def _look_at(self, key: str) -> None:
        self.following = any(row.current and row.key == key for row in self._rows)
        self._select(key)

    def action_follow(self) -> None:
        """Go back to the current step, and follow it again."""
        self.following = True
        self._select(next((row.key for row in self._rows if row.current), None))

    def on_click(self, event: events.Click) -> None:
        """Look at the step under the mouse."""
        number = self._top + event.y
        if number < len(self._rows) and (key := self._rows[number].key) is not None:
            self._look_at(key)

    def on_mouse_scroll_down(self) -> None:
        """Look further down."""
        self.action_move(1)

    def on_mouse_scroll_up(self) -> None:
        """Look further up."""
        self.action_move(-1)

    def on_resize(self) -> None:
        """Keep the selected step in view."""
        self._keep_in_view()

    def render_line(self, y: int) -> Strip:
        """One row."""
        width = self.size.width
        number = self._top + y
        if number >= len(self._rows) or width < 1:
            return Strip.blank(width, self.rich_style)
        row = self._rows[number]
        selected = row.key is not None and row.key == self.selected
        content = paint(row_line(row, width, selected=selected))
        style = self.get_visual_style("step-list--selected") if selected else self.visual_style
        strips = Visual.to_strips(self, content, width, 1, style)
        return strips[0] if strips else Strip.blank(width, self.rich_style)
