"""A window onto an attempt's log file; how large the log is makes no difference."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from handrail.tui.log_index import LogIndex, LogLine
from handrail.tui.log_text import log_strip

_COLUMNS = 16
_KEPT_STRIPS = 512
REPAINT_SECONDS = 0.05
FLOOD_SECONDS = 0.17


class LogView(Widget, can_focus=True):
    """The log of one attempt. It follows the end until the user scrolls up.

    It keeps its own scroll position, since a changed virtual size would lay out the whole screen.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_lines(1)", "Down", show=False),
        Binding("up,k", "scroll_lines(-1)", "Up", show=False),
        Binding("pagedown,space,ctrl+f", "scroll_pages(1)", "Page down", show=False),
        Binding("pageup,ctrl+b", "scroll_pages(-1)", "Page up", show=False),
        Binding("home,g", "top", "Top", show=False),
        Binding("end,G", "bottom", "End", show=False),
        Binding("left", "scroll_columns(-1)", "Left", show=False),
        Binding("right", "scroll_columns(1)", "Right", show=False),
    ]

    @dataclass
    class Moved(Message):
        """Another part of the log is in view, or there is more of it."""

    def __init__(self, secrets: Sequence[str] = (), *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._secrets = tuple(secrets)
        self._index: LogIndex | None = None
        self._strips: LRUCache[tuple[int, int], Strip] = LRUCache(_KEPT_STRIPS)
        self._window: list[LogLine] = []
        self._window_top = -1
        self._top = 0
        self._left = 0
        self._painted = (0, 0)
        self._painted_at = 0.0
        self.following = True

    def open(self, path: Path | None) -> None:
        """Show another file, from its end; `None` shows nothing."""
        if path == (self._index.path if self._index else None):
            return
        self._index = LogIndex(path) if path else None
        self._strips.clear()
        self._top = self._left = 0
        self._painted = (0, 0)
        self._painted_at = 0.0
        self.following = True
        self._forget_window()
        self.tick()
        self.refresh()

    @property
    def position(self) -> tuple[int, int, int]:
        """The number of the first line in view (from 1), of the last one, and of all lines."""
        count = self._index.line_count if self._index else 0
        return min(self._top + 1, count), min(self._top + self.size.height, count), count

    def tick(self, *, at_once: bool = False) -> None:
        """Take in what the task has written since; repaint, but not more often than an eye can follow.

        `at_once` repaints however short ago the last time was.
        """
        index = self._index
        if index is None:
            return
        if index.grow():
            # More is waiting: go on as soon as the keys pressed meanwhile have been taken.
            self.call_later(self.tick)
        state = (index.generation, index.scanned)
        if state == self._painted:
            return
        flood = self.following and index.line_count - (self._top + self.size.height) > self.size.height
        now = time.monotonic()
        if not at_once and now - self._painted_at < (FLOOD_SECONDS if flood else REPAINT_SECONDS):
            return
        self._painted_at = now
        if index.generation != self._painted[0]:
            self._strips.clear()
            self._top = min(self._top, self._last_top())
        self._painted = state
        if self.following:
            self._go(self._last_top())
        self._forget_window()
        self.refresh()
        self.post_message(self.Moved())

    def _last_top(self) -> int:
        return max((self._index.line_count if self._index else 0) - self.size.height, 0)

    def _go(self, top: int) -> None:
        top = min(max(top, 0), self._last_top())
        if top != self._top:
            self._top = top
            self._forget_window()
            self.refresh()
            self.post_message(self.Moved())

    def _forget_window(self) -> None:
        self._window_top = -1

    def action_scroll_lines(self, lines: int) -> None:
        """Scroll; upwards stops following, and the end takes it up again."""
        self._go(self._top + lines)
        self._set_following(self._top >= self._last_top())

    def action_scroll_pages(self, pages: int) -> None:
        """Scroll by pages, with one line in common."""
        self.action_scroll_lines(pages * max(self.size.height - 1, 1))

    def action_top(self) -> None:
        """Go to the first line."""
        self._go(0)
        self._set_following(self._last_top() == 0)

    def action_bottom(self) -> None:
        """Go to the last line, and follow."""
        self._go(self._last_top())
        self._set_following(True)

    def action_scroll_columns(self, steps: int) -> None:
        """Scroll sideways."""
        self._left = max(self._left + steps * _COLUMNS, 0)
        self.refresh()

    def toggle_following(self) -> None:
        """Follow the end, or stop."""
        if self.following:
            self._set_following(False)
        else:
            self.action_bottom()

    def _set_following(self, following: bool) -> None:
        if following != self.following:
            self.following = following
            self.post_message(self.Moved())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three lines down."""
        self.action_scroll_lines(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three lines up."""
        self.action_scroll_lines(-3)

    def on_resize(self) -> None:
        """Keep the end in view when following."""
        self._go(self._last_top() if self.following else self._top)
        self._forget_window()

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        width, height = self.size
        base: Style = self.rich_style
        if self._index is None:
            return Strip.blank(width, base)
        if self._window_top != self._top or len(self._window) < min(
            height, self._index.line_count - self._top
        ):
            self._window = self._index.lines(self._top, height)
            self._window_top = self._top
        if y >= len(self._window):
            return Strip.blank(width, base)
        strip = self._strip(self._top + y, self._window[y])
        return strip.crop(self._left, self._left + width).adjust_cell_length(width, base).apply_style(base)

    def _strip(self, number: int, line: LogLine) -> Strip:
        if self._index is None or number >= self._index.line_ends:
            return log_strip(line, self._secrets)
        key = (self._index.generation, number)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = log_strip(line, self._secrets)
        return strip
