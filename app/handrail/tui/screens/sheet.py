"""A sheet of lines over the run: its keys, or what it came to."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen

from handrail.configuration.actions import Keys
from handrail.tui.presenters.actions import OWN_KEYS
from handrail.tui.presenters.keys import rows_keys
from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.widgets.lines import Lines


class SheetScreen(Screen[None]):
    """A title, lines to scroll through, and a way back."""

    CSS_PATH = "sheet.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter", "back", "Back", show=False),
        Binding("question_mark", "back", "Back", show=False, id="help"),
        Binding("q", "leave", "Leave", show=False, id="leave"),
        Binding("down,j", "scroll(1)", "Down", show=False, id="down"),
        Binding("up,k", "scroll(-1)", "Up", show=False, id="up"),
        Binding("pagedown,space", "scroll(10)", "Page down", show=False, id="page_down"),
        Binding("pageup", "scroll(-10)", "Page up", show=False, id="page_up"),
        Binding("home,g", "scroll(-99999)", "First", show=False, id="first"),
        Binding("end,G", "scroll(99999)", "Last", show=False, id="last"),
    ]

    def __init__(
        self, title: Line, lines: tuple[Line, ...], keys: Keys = OWN_KEYS, *, leaves_app: bool = False
    ) -> None:
        super().__init__()
        self._title_line = title
        self._sheet_lines = lines
        self._leaves_app = leaves_app
        self._keys = keys

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
        self.query_one("#sheet-keys", Lines).show(self.keys_line())

    def keys_line(self) -> Line:
        """The keys of the sheet."""
        leave = (self._keys.shown("leave", "q"), Tone.KEY), " Leave   " if self._leaves_app else " Back   "
        back = " Steps and logs" if self._leaves_app else " Back"
        return line(*leave, ("esc", Tone.KEY), f"{back}   ", (rows_keys(self._keys), Tone.KEY), " Scroll")

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
