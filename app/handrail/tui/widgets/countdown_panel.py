"""The countdown in large digits: until the last safe start, and until the deadline."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from handrail.tui.presenters.countdown import CountdownView
from handrail.tui.presenters.line import Line, Tone
from handrail.tui.widgets.large_clock import LargeClock
from handrail.tui.widgets.lines import Lines


class CountdownPanel(Vertical):
    """There only while a trigger is open; each second repaints the digits, and what counts below them."""

    def compose(self) -> ComposeResult:
        """A headline above two clocks."""
        yield Lines(id="countdown-headline")
        with Horizontal():
            yield LargeClock(id="start-by", classes="clock")
            yield Lines(id="start-by-words", classes="clock-words")
            yield LargeClock(id="done-by", classes="clock")
            yield Lines(id="done-by-words", classes="clock-words")
        yield Lines(id="countdown-notes")

    def show(self, view: CountdownView | None, notes: Sequence[Line] = (), *, narrow: bool = False) -> None:
        """Show the leading countdown, or nothing. A narrow screen has room for one clock."""
        self.display = view is not None
        if view is None:
            return
        self.query_one("#countdown-headline", Lines).show(view.headline)
        self._clock("start-by", view.start_by, view.start_by_tone)
        self._clock("done-by", view.done_by, view.done_by_tone)
        self.query_one("#start-by-words", Lines).show(*(view.narrow_words if narrow else view.start_by_words))
        self.query_one("#done-by-words", Lines).show(*view.done_by_words)
        below = self.query_one("#countdown-notes", Lines)
        below.display = bool(notes)
        below.show(*notes, layout=True)

    def _clock(self, name: str, face: str, tone: Tone) -> None:
        # The background of an alarm would fill the digits' gaps: the shape alone must be read.
        self.query_one(f"#{name}", LargeClock).show(face, Tone.BAD if tone is Tone.ALARM else tone)
