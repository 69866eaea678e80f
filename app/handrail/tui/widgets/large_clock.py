"""A clock face in large digits that repaints only the digits that changed."""

from __future__ import annotations

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
        strips = Visual.to_strips(self, paint(line((self._rows[y], self._tone))), width, 1, self.visual_style)
        return strips[0] if strips else Strip.blank(width, self.rich_style)
