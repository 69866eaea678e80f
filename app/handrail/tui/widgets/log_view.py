"""The log of one attempt under its keys: scrolling, selecting, and what was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.message import Message

from handrail.tui.log_rows import START, Place, moved
from handrail.tui.log_search import Pattern
from handrail.tui.presenters.log import LogSeen
from handrail.tui.presenters.log_keys import LOG_KEYS
from handrail.tui.widgets.paced_log import PacedLog

_COLUMNS = 16


class LogView(PacedLog, can_focus=True):
    """The log of one attempt. It follows the end until the user scrolls up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_lines(1)", "Down", show=False, id="down"),
        Binding("up,k", "scroll_lines(-1)", "Up", show=False, id="up"),
        Binding("pagedown,space,ctrl+f", "scroll_pages(1)", "Page down", show=False, id="page_down"),
        Binding("pageup,ctrl+b", "scroll_pages(-1)", "Page up", show=False, id="page_up"),
        Binding("home,g", "top", "Top", show=False, id="first"),
        Binding("end,G", "bottom", "End", show=False, id="last"),
        Binding("left", "scroll_columns(-1)", "Left", show=False),
        Binding("right", "scroll_columns(1)", "Right", show=False),
        Binding("escape", "clear", "Clear", show=False),
        *(
            Binding(each.keys, each.action, each.label, show=False, id=f"log_{each.name}")
            for each in LOG_KEYS
        ),
    ]

    @dataclass
    class Asked(Message):
        """A key asks for what the view alone can't do: `what` is the name of a `LogKey`."""

        what: str
        by: int = 0

    def __init__(
        self,
        secrets: Sequence[str] = (),
        *,
        on_paint: Callable[[], None] = lambda: None,
        on_search: Callable[[], None] = lambda: None,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(secrets, on_paint=on_paint, id=id)
        self._on_search = on_search
        self._anchor: int | None = None
        self._cursor = 0

    def open(self, path: Path | None) -> None:
        """Show another file, from its end, with nothing selected; `None` shows nothing."""
        if path != (self.index.path if self.index else None):
            self._anchor = None
        super().open(path)

    @property
    def seen(self) -> LogSeen:
        """What is in view, and how."""
        count = self.page.line_count
        page = self.page
        return LogSeen(
            first=min(self._top.line + 1, count),
            last=min(page.last_line_below(self._top, self.size.height) + 1, count),
            count=count,
            following=self.following,
            since=0 if self.following else max(count - self._count_at_pause, 0),
            selected=0 if self._anchor is None else abs(self._cursor - self._anchor) + 1,
            looked_for=page.pattern.words if page.pattern else "",
            wrapped=page.wrap,
            timed=page.times,
        )

    @property
    def found_in_view(self) -> bool:
        """Whether the line that was found last is in view."""
        seen, found = self.seen, self.page.found
        return found is not None and seen.first <= found + 1 <= seen.last

    @property
    def chosen_lines(self) -> tuple[int, int]:
        """The number of the first selected line, and how many they are; without any, those in view."""
        if self._anchor is not None:
            return min(self._anchor, self._cursor), abs(self._cursor - self._anchor) + 1
        seen = self.seen
        return max(seen.first - 1, 0), seen.last - seen.first + 1 if seen.count else 0

    def _moved(self, rows: int) -> Place:
        return moved(self._top, rows, self.page.line_count, self.page.rows_of)

    def action_scroll_lines(self, lines: int) -> None:
        """Scroll; upwards stops following, and the end takes it up again. While selecting, select on."""
        if self._anchor is not None:
            self._select_to(self._cursor + lines)
            return
        end = self._last_top()
        top = max(min(self._moved(lines), end), START)
        self.set_following(top >= end)
        self._go(top)

    def action_scroll_pages(self, pages: int) -> None:
        """Scroll by pages, with one line in common."""
        self.action_scroll_lines(pages * max(self.size.height - 1, 1))

    def action_scroll_halves(self, halves: int) -> None:
        """Scroll by half pages."""
        self.action_scroll_lines(halves * max(self.size.height // 2, 1))

    def action_top(self) -> None:
        """Go to the first line."""
        if self._anchor is not None:
            self._select_to(0)
            return
        self.set_following(self._last_top() == START)
        self._go(START)

    def action_bottom(self) -> None:
        """Go to the last line, and follow."""
        if self._anchor is not None:
            self._select_to(self.page.line_count - 1)
            return
        self.set_following(True)
        self._go(self._last_top())

    def action_scroll_columns(self, steps: int) -> None:
        """Scroll sideways, where lines are not wrapped."""
        self._left = max(self._left + steps * _COLUMNS, 0)
        self._changed()

    def go_to_line(self, line: int) -> None:
        """Bring a line into view, with some lines before it, and stay there."""
        self.set_following(False)
        first = self._top.line + (self._top.row > 0)
        if not first <= line <= self.page.last_line_below(self._top, self.size.height) - self.page.wrap:
            self._top = moved(
                Place(line, 0), -(self.size.height // 3), self.page.line_count, self.page.rows_of
            )
        self._go(self._top)

    def toggle_following(self) -> None:
        """Follow the end, or stop."""
        if self.following:
            self.set_following(False)
            self._changed()
        else:
            self._anchor = None
            self.action_bottom()

    def action_wrap(self) -> None:
        """Wrap long lines, or don't."""
        found, in_view = self.page.found, self.found_in_view
        self.page.wrap = not self.page.wrap
        self._top, self._left = Place(self._top.line, 0), 0
        if found is not None and in_view:
            self.show_pattern(self.page.pattern, found)
        else:
            self._go(self._last_top() if self.following else self._top)

    def action_times(self) -> None:
        """Show when each line was written, or don't."""
        self.page.times = not self.page.times
        self._go(self._last_top() if self.following else Place(self._top.line, 0))

    def action_select(self) -> None:
        """Begin to select lines where one looks: at what was found, else at the first line in view."""
        if self._anchor is not None or not self.page.line_count:
            return
        seen = self.seen
        start = max(seen.last if self.following else seen.first, 1) - 1
        if self.page.found is not None and self.found_in_view:
            start = self.page.found
        self.set_following(False)
        self._anchor = self._cursor = start
        self._select_to(start)

    def _select_to(self, line: int) -> None:
        if self._anchor is None:
            return
        self._cursor = min(max(line, 0), max(self.page.line_count - 1, 0))
        self.page.selected = range(min(self._anchor, self._cursor), max(self._anchor, self._cursor) + 1)
        last = self.page.last_line_below(self._top, self.size.height)
        if self._cursor <= self._top.line:
            self._top = Place(self._cursor, 0)
        elif self._cursor >= last:
            bottom = Place(self._cursor, self.page.rows_of(self._cursor) - 1)
            self._top = moved(bottom, 1 - self.size.height, self.page.line_count, self.page.rows_of)
        self._go(self._top)

    def drop_selection(self) -> None:
        """Select nothing."""
        self._anchor = None
        self.page.selected = range(0)
        self._changed()

    def show_pattern(self, pattern: Pattern | None, found: int | None = None) -> None:
        """Mark what is looked for, and the line in which it was found."""
        self.page.pattern, self.page.found = pattern, found
        if found is not None:
            self._left = 0 if self.page.wrap else self.page.left_to_show(found, self._left)
            self.go_to_line(found)
        else:
            self._changed()

    def action_clear(self) -> None:
        """Drop the selection, or what is marked; with neither the key is the screen's."""
        if self._anchor is not None:
            self.drop_selection()
        elif self.page.pattern is not None:
            self.show_pattern(None)
        else:
            raise SkipAction
        self.post_message(self.Asked("clear"))

    def action_search(self) -> None:
        """Ask for what to look for, at once: the next key may be typed already, and must not act."""
        self._on_search()

    def action_match(self, by: int) -> None:
        """Go to the next line with what is looked for, or to the one before."""
        self.post_message(self.Asked("match", by))

    def action_trouble(self, by: int) -> None:
        """Go to the next error or warning, or to the one before."""
        self.post_message(self.Asked("trouble", by))

    def action_attempt(self, by: int) -> None:
        """Show another attempt of the step."""
        self.post_message(self.Asked("attempt", by))

    def action_copy(self) -> None:
        """Copy to the terminal's clipboard."""
        self.post_message(self.Asked("copy"))

    def action_copy_to_file(self) -> None:
        """Copy into a file."""
        self.post_message(self.Asked("copy_to_file"))

    def action_pager(self) -> None:
        """Open the whole log in the pager."""
        self.post_message(self.Asked("pager"))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three lines down."""
        self.action_scroll_lines(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three lines up."""
        self.action_scroll_lines(-3)
