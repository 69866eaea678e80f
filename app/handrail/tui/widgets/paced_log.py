"""What is in view of a log file, taken in as it grows and painted as fast as the terminal's link allows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.style import Style
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from handrail.tui.log_index import LogIndex
from handrail.tui.log_page import LogPage
from handrail.tui.log_rows import START, Place, last_top
from handrail.tui.pacing import FLOOD_SECONDS, Pace, Pacer
from handrail.tui.terminal_link import TerminalLink, link_of, pace_of

# More than this is taken in by a thread, so that a slow disk never holds up a key.
_AT_ONCE_BYTES = 256 * 1024
_LOOK_AGAIN_SECONDS = 0.05
_SCAN_SECONDS = 0.2
# A log that has just grown is looked at more closely, for so long.
_CLOSE_LOOK_SECONDS = 0.025
_CLOSELY_FOR_SECONDS = 3.0
# What was written in one go is seen to its end before it is painted: a writer's shortest pause, and no longer
# than a flood waits between two repaints.
_PAUSE_SECONDS = 0.008


class PacedLog(Widget):
    """A window onto a log file: where it stands, and whether it follows the end.

    It keeps its own scroll position, since a changed virtual size would lay out the whole screen. What
    there is to paint is painted when the terminal has got what was painted before (`pacing`).
    """

    @dataclass
    class Answered(Message, bubble=False):
        """The terminal has got what was painted."""

    def __init__(
        self,
        secrets: Sequence[str] = (),
        *,
        on_paint: Callable[[], None] = lambda: None,
        id: str | None = None,  # noqa: A002
    ) -> None:
        """`on_paint` is called with each repaint, so that what is said of the log goes out in the same frame.

        By a message it would follow in a frame of its own, a sixtieth of a second later.
        """
        super().__init__(id=id)
        self._on_paint = on_paint
        self.page = LogPage(secrets)
        self.following = True
        self._top = START
        self._left = 0
        self._pacer = Pacer()
        self._link: TerminalLink | None = None
        self._shown = (0, 0)
        self._count_at_pause = self._painted_count = self._last_shown = 0
        self._written_before: int | None = None
        self._waits_for_key = False
        self._paint_timer: Timer | None = None
        self._look_timer: Timer | None = None
        self._scan: asyncio.Task[None] | None = None
        self._burst_until = self._closely_until = 0.0

    def on_mount(self) -> None:
        """Find out what paces the painting here."""
        self._link = link_of(self.app)
        self._pacer.pace = pace_of(self.app) if self._link is not None else Pace.BUDGET

    def on_unmount(self) -> None:
        """Leave nothing running."""
        if self._scan is not None:
            self._scan.cancel()

    @property
    def index(self) -> LogIndex | None:
        """The lines of the log in view; `None` where there is none."""
        return self.page.index

    def open(self, path: Path | None) -> None:
        """Show another file, from its end; `None` shows nothing."""
        if path == (self.index.path if self.index else None):
            return
        self.page.open(path)
        self._top, self._left = START, 0
        self._shown = (0, 0)
        self.following = True
        self.tick(at_once=True)
        self._changed()

    def tick(self, *, at_once: bool = False) -> None:
        """Take in what the task has written since, and paint it when it may be painted.

        `at_once` does both now, however short ago the last time was.
        """
        index = self.index
        if index is None:
            return
        now = time.monotonic()
        waiting = index.waiting_bytes()
        if waiting and self._scan is None:
            self._closely_until = now + _CLOSELY_FOR_SECONDS
            more = waiting > _AT_ONCE_BYTES and not at_once
            more = more or index.grow()
            if not at_once and (more or self._is_flood()) and self._pacer.is_rested(now):
                self._burst_until = now + FLOOD_SECONDS
                more = True
            if more:
                self._scan_on(index)
        # What grows, or has just grown, is looked at more often than the rest of the screen.
        if self._look_timer is None and self.is_mounted and (waiting or now < self._closely_until):
            pause = _LOOK_AGAIN_SECONDS if waiting else _CLOSE_LOOK_SECONDS
            self._look_timer = self.set_timer(pause, self._look_again)
        if (index.generation, index.scanned) != self._shown:
            if at_once:
                self._paint()
            else:
                self._paint_when_allowed()

    def _look_again(self) -> None:
        self._look_timer = None
        self.tick()

    def _is_flood(self) -> bool:
        """Whether more than a page has come below what is in view."""
        return self.page.line_count - (self._top.line + self.size.height) > self.size.height

    def _scan_on(self, index: LogIndex) -> None:
        self._scan = asyncio.create_task(self._scan_in_thread(index))

    async def _scan_in_thread(self, index: LogIndex) -> None:
        try:
            while index is self.index:
                more = await asyncio.to_thread(index.grow, _SCAN_SECONDS)
                if self._is_burst():
                    if more:
                        continue
                    await asyncio.sleep(_PAUSE_SECONDS)
                    if index.waiting_bytes():
                        continue
                    break
                if not more:
                    break
                self._paint_when_allowed()
        finally:
            self._scan, self._burst_until = None, 0.0
        # First of all: what is written on and on begins no second burst before it was seen.
        self._paint_when_allowed()
        self.tick()

    def _is_burst(self) -> bool:
        """Whether a burst is still being seen to its end."""
        return time.monotonic() < self._burst_until

    def _paint_when_allowed(self) -> None:
        """Paint now, or after as long as it takes; never twice for one reason."""
        now = time.monotonic()
        if self._waits_for_key:
            wait = self._pacer.wait_for_key(now)
        elif self._is_burst():
            return
        elif self.index is not None and (self.index.generation, self.index.scanned) != self._shown:
            wait = self._pacer.wait_for_growth(now, flood=self._is_flood())
        else:
            return
        if self._paint_timer is not None:
            self._paint_timer.stop()
            self._paint_timer = None
        if wait <= 0:
            self._paint()
        else:
            self._paint_timer = self.set_timer(wait, self._paint_when_allowed)

    def on_paced_log_answered(self) -> None:
        """Go on painting."""
        self._pacer.answered()
        self._paint_when_allowed()

    def _paint(self) -> None:
        index = self.index
        if index is None:
            return
        self._pacer.begun(time.monotonic())
        by_key, self._waits_for_key = self._waits_for_key, False
        generation, last_shown = self._shown[0], self._last_shown
        self._shown = (index.generation, index.scanned)
        if generation != index.generation:
            self.page.forget()
            self._top = min(self._top, self._last_top())
        if self.following:
            self._top = self._last_top()
            self._count_at_pause = self.page.line_count
        self._last_shown = self._top.line + self.size.height
        # What stands still is not sent again because there is more below it.
        if by_key or self.following or generation != index.generation or last_shown >= self._painted_count:
            self.page.forget_window()
            self.refresh()
            self._written_before = self._link.written_bytes if self._link is not None else None
        self._painted_count = self.page.line_count
        self._on_paint()

    def _painted(self, written_before: int) -> None:
        """Ask behind what was written whether it has arrived."""
        if self._link is None:
            return
        self._pacer.painted(time.monotonic(), self._link.written_bytes - written_before)
        if self._pacer.asks:
            self._pacer.asked(time.monotonic())
            self._link.ask(lambda: self.post_message(self.Answered()))

    def _changed(self) -> None:
        """Show what a key has changed."""
        self.page.forget_window()
        self._waits_for_key = True
        self._paint_when_allowed()
        if self.index is None:
            self._waits_for_key = False
            self.refresh()
            self._on_paint()

    def _last_top(self) -> Place:
        return last_top(self.size.height, self.page.line_count, self.page.rows_of)

    def _go(self, top: Place) -> None:
        self._top = max(min(top, self._last_top()), START)
        self._changed()

    def set_following(self, following: bool) -> None:
        """Follow the end from now on, or stay where the view is."""
        if following != self.following:
            self.following = following
            self._count_at_pause = self.page.line_count

    def on_resize(self) -> None:
        """Keep the end in view when following."""
        self.page.width = self.size.width
        self._go(self._last_top() if self.following else self._top)

    def render_line(self, y: int) -> Strip:
        """One row of the window."""
        if self._written_before is not None:
            # The frame is written as a whole before anything else gets its turn.
            self.call_next(self._painted, self._written_before)
            self._written_before = None
        width, height = self.size
        base: Style = self.rich_style
        row = self.page.row(self._top, y, width, height, self._left)
        if row is None:
            return Strip.blank(width, base)
        return row.adjust_cell_length(width, base).apply_style(base)
