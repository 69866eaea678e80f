"""A sheet of lines over the run: its keys, or what it came to."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen

from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.widgets.lines import Lines


class SheetScreen(Screen[None]):
    """A title, lines to scroll through, and a way back."""

    CSS_PATH = "sheet.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,question_mark", "back", "Back", show=False),
        Binding("q", "leave", "Leave", show=False),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("pagedown,space", "scroll(10)", "Page down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
    ]

    def __init__(self, title: Line, lines: tuple[Line, ...], *, leaves_app: bool = False) -> None:
        super().__init__()
        self._title_line = title
        self._sheet_lines = lines
        self._leaves_app = leaves_app

    def compose(self) -> ComposeResult:
        """The sheet."""
        yield Lines(id="sheet-title")
        with VerticalScroll(id="sheet-list", can_focus=False):
            yield Lines(id="sheet-lines")
        yield Lines(id="sheet-keys")

    def on_mount(self) -> None:
        """Fill in the words."""
        self.query_one("#sheet-title", Lines).show(self._title_line)
        self.query_one("#sheet-lines", Lines).show(*self._sheet_lines, layout=True)
        leave = ("q", Tone.KEY), " Leave   " if self._leaves_app else " Back   "
        back = " Steps and logs" if self._leaves_app else " Back"
        self.query_one("#sheet-keys", Lines).show(
            line(*leave, ("esc", Tone.KEY), f"{back}   ", ("j k", Tone.KEY), " Scroll")
        )

    def action_scroll(self, lines: int) -> None:
        """Scroll."""
        self.query_one("#sheet-list", VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_back(self) -> None:
        """Back to the run."""
        self.dismiss()

    async def action_leave(self) -> None:
        """Leave the program where the run is over, else only this sheet."""
        if self._leaves_app:
            await self.run_action("app.detach")
        else:
            self.dismiss()
