"""Each check of each gate as it was seen, before the run is opened; it follows the look."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType

from handrail.configuration.actions import Keys
from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.screens.sheet import SheetScreen
from handrail.tui.widgets.lines import Lines

FOLLOW_SECONDS = 0.5


class GatesSheet(SheetScreen):
    """A sheet whose lines change while the look goes on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "look_again", "Look again", show=False, id="look_again"),
    ]

    def __init__(
        self, lines: Callable[[], tuple[Line, ...]], look_again: Callable[[], None], keys: Keys
    ) -> None:
        super().__init__(line(("What the gates' checks say now", Tone.STRONG)), lines(), keys)
        self._lines = lines
        self._look_again = look_again

    def on_mount(self) -> None:
        """Follow the look."""
        self.set_interval(FOLLOW_SECONDS, self._follow)

    def keys_line(self) -> Line:
        """The keys, with the one that looks again."""
        keys = self._keys
        again = (keys.shown("look_again"), Tone.KEY), " Look again   "
        rows = (f"{keys.shown('down')} {keys.shown('up')}", Tone.KEY), " Scroll"
        return line(("esc", Tone.KEY), " Back   ", *again, *rows)

    def _follow(self) -> None:
        self.query_one("#sheet-lines", Lines).show(*self._lines(), layout=True)

    def action_look_again(self) -> None:
        """Look at all checks anew."""
        self._look_again()
        self._follow()
