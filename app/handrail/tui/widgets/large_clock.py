"""A clock face in large digits that repaints only the digits that changed."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from handrail.tui.presenters.digits import HEIGHT, large
from handrail.tui.presenters.line import Tone, line
from handrail.tui.widgets.painting import paint


class LargeClock(Widget):
    """Over a slow link a countdown ticks every second for half an hour: one digit a second is enough."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._rows: tuple[str, ...] = ("",) * HEIGHT
        self._tone = Tone.PLAIN
        self._styled: tuple[object, Style | None] = (None, None)

    def show(self, face: str, tone: Tone) -> None:
        """Show a face of digits, colons and a minus sign."""
        before, self._rows = self._rows, large(face)
        width = len(self._rows[0])
        if width != len(before[0]):
            self.styles.width = width + 1
        if tone is not self._tone or width != len(before[0]):
            self._tone = tone
            self.refresh()
            return
        changed = [
            column
            for column in range(width)
            if any(a[column] != b[column] for a, b in zip(before, self._rows, strict=True))
        ]
        if changed:
            self.refresh(Region(changed[0], 0, changed[-1] - changed[0] + 1, HEIGHT))

    def render_line(self, y: int) -> Strip:
        """One row of the digits."""
        width = self.size.width
        if y >= HEIGHT or width < 1:
            return Strip.blank(width, self.rich_style)
        return Strip([Segment(self._rows[y].ljust(width)[:width], self._style())], width)

    def _style(self) -> Style | None:
        """The tone's style here. It is asked for on each row, each second, and hardly ever changes."""
        asked = (self._tone, self.visual_style)
        if asked != self._styled[0]:
            [strip] = Visual.to_strips(self, paint(line(("0", self._tone))), 1, 1, self.visual_style)
            self._styled = (asked, next(iter(strip)).style)
        return self._styled[1]
