"""Where the lines of a growing log begin, in little memory: a count of line ends for each 64 KiB.

Nothing is kept of the text itself, so that memory and the time to show any page of it don't depend
on the log's size. The file may grow, be cut, be replaced, or not exist yet.
"""

from __future__ import annotations

import itertools
import os
import time
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

CHUNK_BYTES = 64 * 1024
LONGEST_LINE_BYTES = 4 * 1024
LINE_END = b"\n"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line's bytes without its end. `cut` is how many bytes of it are not here."""

    data: bytes
    cut: int = 0


class LogIndex:
    """The lines of one file, by number from 0; `grow` takes in what was written since."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.generation = 0
        self._ends_before = array("Q")
        self._start_over()
        self._inode: int | None = None

    def _start_over(self) -> None:
        self.generation += 1
        self.scanned = 0
        self.line_ends = 0
        self._open_line = False
        self._ends_before = array("Q", [0])

    @property
    def line_count(self) -> int:
        """How many lines there are, one without an end at the end of the file included."""
        return self.line_ends + self._open_line

    def grow(self, budget_seconds: float = 0.02) -> bool:
        """Take in what is new, for at most about `budget_seconds`. Returns whether more is waiting.

        A file that can't be read counts as one that isn't there yet.
        """
        try:
            file = self.path.open("rb", buffering=0)
        except OSError:
            return False
        with file:
            status = os.fstat(file.fileno())
            if status.st_size < self.scanned or (self._inode not in (None, status.st_ino)):
                self._start_over()
            self._inode = status.st_ino
            if status.st_size == self.scanned:
                return False
            until = time.monotonic() + budget_seconds
            file.seek(self.scanned)
            while self.scanned < status.st_size:
                room = CHUNK_BYTES - self.scanned % CHUNK_BYTES
                data = file.read(room)
                if not data:
                    break
                self._take_in(data)
                if time.monotonic() >= until:
                    return self.scanned < status.st_size
        return False

    def _take_in(self, data: bytes) -> None:
        self.line_ends += data.count(LINE_END)
        self.scanned += len(data)
        self._open_line = not data.endswith(LINE_END)
        if self.scanned % CHUNK_BYTES == 0:
            self._ends_before.append(self.line_ends)

    def lines(self, first: int, count: int) -> list[LogLine]:
        """Up to `count` lines from number `first` on; fewer at the end, or where the file is gone."""
        count = min(count, self.line_count - first)
        if count <= 0 or first < 0:
            return []
        try:
            with self.path.open("rb", buffering=0) as file:
                descriptor = file.fileno()
                starts = self._starts(descriptor, first, count + 1)
                return [_read_line(descriptor, start, end) for start, end in itertools.pairwise(starts)]
        except OSError:
            return []

    def _starts(self, descriptor: int, first: int, count: int) -> list[int]:
        """The offsets at which lines begin; the end of the file stands for the line after the last."""
        starts: list[int] = []
        wanted = first
        if wanted == 0:
            starts.append(0)
            wanted = 1
        while len(starts) < count and wanted <= self.line_ends:
            # Line n begins after the n-th line end; chunks without one are passed over unread.
            chunk = bisect_left(self._ends_before, wanted) - 1
            base = chunk * CHUNK_BYTES
            data = os.pread(descriptor, min(CHUNK_BYTES, self.scanned - base), base)
            seen = self._ends_before[chunk]
            position = -1
            while len(starts) < count:
                position = data.find(LINE_END, position + 1)
                if position < 0:
                    break
                seen += 1
                if seen >= wanted:
                    starts.append(base + position + 1)
                    wanted += 1
            if seen < wanted - 1 or (position < 0 and not data):
                break
        if len(starts) < count:
            starts.append(self.scanned + (1 if self._open_line else 0))
        return starts


def _read_line(descriptor: int, start: int, end: int) -> LogLine:
    """One line from `start` to before the line end that stands at `end` - 1, long ones in part.

    A program that redraws its progress writes carriage returns: its last state is what a terminal
    would show, so that is what counts.
    """
    length = max(end - 1 - start, 0)
    if length <= LONGEST_LINE_BYTES:
        return LogLine(_last_state(os.pread(descriptor, length, start)))
    tail = os.pread(descriptor, LONGEST_LINE_BYTES, start + length - LONGEST_LINE_BYTES)
    state = _last_state(tail)
    if len(state) < len(tail.rstrip(b"\r")):
        return LogLine(state)
    return LogLine(os.pread(descriptor, LONGEST_LINE_BYTES, start), length - LONGEST_LINE_BYTES)


def _last_state(data: bytes) -> bytes:
    return data.rstrip(b"\r").rpartition(b"\r")[2]
