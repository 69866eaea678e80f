"""The rows of a log that are in view: lines as strips, wrapped, timed and marked as is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.strip import Strip

from handrail.tui.log_index import LogIndex, LogLine
from handrail.tui.log_rows import Place, RowsOf, one_row
from handrail.tui.log_search import Pattern
from handrail.tui.log_text import log_strip, marked
from handrail.tui.log_times import line_times, times_path

_KEPT_STRIPS = 512
_READ_TOGETHER = 64
_TIME_WIDTH = 9
_CONTEXT = 8
_FOUND = Style(reverse=True, bold=True)
_MATCH = Style(underline=True, bold=True)
_SELECTED = Style(reverse=True)
_DIM = Style(dim=True)


class LogPage:
    """What a view shows of a log. Rows are made when they are asked for, and kept until forgotten."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        self.index: LogIndex | None = None
        self.wrap = False
        self.times = False
        self.width = 0
        self.pattern: Pattern | None = None
        self.found: int | None = None
        self.selected = range(0)
        self.secrets = tuple(secrets)
        self._strips: LRUCache[int, Strip] = LRUCache(_KEPT_STRIPS)
        self._window: list[tuple[Strip, Strip]] = []
        self._window_of: tuple[Place, int, int] | None = None

    def open(self, path: Path | None) -> None:
        """Show another file, with the wrapping and the times as they are."""
        self.index = LogIndex(path) if path else None
        self.pattern, self.found, self.selected = None, None, range(0)
        self.forget()

    def forget(self) -> None:
        """The file is another one."""
        self._strips.clear()
        self.forget_window()

    def forget_window(self) -> None:
        """Something of what is in view has changed."""
        self._window_of = None

    @property
    def line_count(self) -> int:
        """How many lines the log has."""
        return self.index.line_count if self.index else 0

    @property
    def rows_of(self) -> RowsOf:
        """How many rows a line takes."""
        return self._rows_of_wrapped if self.wrap and self._text_width > 0 else one_row

    @property
    def _text_width(self) -> int:
        return self.width - (_TIME_WIDTH if self.times else 0)

    def _rows_of_wrapped(self, line: int) -> int:
        return max(-(-self._strip(line).cell_length // self._text_width), 1)

    def last_line_below(self, top: Place, height: int) -> int:
        """The number of the last line of which something is in a view that begins at `top`."""
        count = self.line_count
        if not self.wrap:
            return min(top.line + height, count) - 1
        line, rows = top.line, self.rows_of(top.line) - top.row if count else 0
        while rows < height and line + 1 < count:
            line += 1
            rows += self.rows_of(line)
        return line

    def shows(self, line: int, pattern: Pattern) -> bool:
        """Whether a pattern can be seen in what is shown of a line."""
        return pattern.is_in(self._strip(line).text)

    def left_to_show(self, line: int, left: int) -> int:
        """How far to scroll sideways, from `left`, so that what was found in a line is in view."""
        strip = self._strip(line)
        spans = self.pattern.spans(strip.text) if self.pattern is not None else []
        if not spans:
            return left
        start, end = (cell_len(strip.text[:position]) for position in spans[0])
        if left <= start and end <= left + self._text_width:
            return left
        return max(end + _CONTEXT - self._text_width, 0) if end - start < self._text_width else start

    def row(self, top: Place, y: int, width: int, height: int, left: int) -> Strip | None:
        """One row of a view that begins at `top`; `None` below the last line."""
        if self.width != width:
            self.width = width
            self.forget_window()
        if self._window_of != (top, height, left):
            self._window = self._rows(top, height, left)
            self._window_of = (top, height, left)
        if y >= len(self._window):
            return None
        time, text = self._window[y]
        return Strip.join([time, text]) if self.times else text

    def _rows(self, top: Place, height: int, left: int) -> list[tuple[Strip, Strip]]:
        if self.index is None or self._text_width <= 0:
            return []
        lines = self.index.lines(top.line, height)
        times = self._times(lines)
        rows: list[tuple[Strip, Strip]] = []
        for number, line in enumerate(lines, start=top.line):
            strip = self._decorated(number, self._strip(number, line))
            begins = top.row * self._text_width if self.wrap and number == top.line else 0
            time = times[number - top.line]
            while len(rows) < height:
                start = begins if self.wrap else left
                rows.append((time, strip.crop(start, start + self._text_width)))
                begins += self._text_width
                if not self.wrap or begins >= strip.cell_length:
                    break
                time = Strip([Segment(" " * _TIME_WIDTH)])
            if len(rows) >= height:
                break
        return rows

    def _times(self, lines: list[LogLine]) -> list[Strip]:
        if not self.times or self.index is None:
            return [Strip([])] * len(lines)
        found = line_times(times_path(self.index.path), [line.start for line in lines])
        return [Strip([Segment(_clock(wall), _DIM)]) for wall in found]

    def _decorated(self, number: int, strip: Strip) -> Strip:
        if self.pattern is not None and (spans := self.pattern.spans(strip.text)):
            strip = marked(strip, spans, _FOUND if number == self.found else _MATCH)
        if number in self.selected:
            # An empty line that is selected has to show it, too.
            strip = (
                marked(strip, [(0, len(strip.text))], _SELECTED)
                if strip.text
                else Strip([Segment(" ", _SELECTED)])
            )
        return strip

    def _strip(self, number: int, line: LogLine | None = None) -> Strip:
        if self.index is None:
            return Strip([])
        if number >= self.index.line_ends:
            # The last line may still grow.
            found = [line] if line is not None else self.index.lines(number, 1)
            return log_strip(found[0], self.secrets) if found else Strip([])
        strip = self._strips.get(number)
        if strip is None and line is not None:
            strip = self._strips[number] = log_strip(line, self.secrets)
        if strip is None:
            first = max(number - _READ_TOGETHER // 2, 0)
            for near, each in enumerate(self.index.lines(first, _READ_TOGETHER), start=first):
                if near < self.index.line_ends:
                    self._strips[near] = log_strip(each, self.secrets)
            strip = self._strips.get(number)
        return strip if strip is not None else Strip([])


def _clock(wall: float | None) -> str:
    if wall is None:
        return " " * _TIME_WIDTH
    return datetime.fromtimestamp(wall, UTC).strftime("%H:%M:%S ")
