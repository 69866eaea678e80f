"""One line at the very bottom: for newcomers, or on settings that have no effect."""

from __future__ import annotations

from collections.abc import Callable

from handrail.tui.presenters.line import Line
from handrail.tui.widgets.lines import Lines


class HintLine(Lines):
    """A row that is there until it is dismissed, and never on a small screen."""

    DEFAULT_CSS = """
    HintLine { dock: bottom; height: 1; width: 100%; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self, words: Callable[[int], Line]) -> None:
        super().__init__(id="hint")
        self._words = words

    def on_resize(self) -> None:
        """Fit the words to the width."""
        self.show(self._words(self.size.width))

    def on_mount(self) -> None:
        """Say it."""
        self.show(self._words(self.app.size.width))
