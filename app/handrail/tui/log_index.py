"""Where the lines of a growing log begin, in little memory: a count of line ends for each 64 KiB.

Nothing is kept of the text itself, so that memory and the time to show any page of it don't depend
on the log's size. The file may grow, be cut, be replaced, or not exist yet. One thread at a time lets the
index grow; any thread may read, for what it reads by is one value that is exchanged as a whole.
"""

from __future__ import annotations

import itertools
import os
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

CHUNK_BYTES = 64 * 1024
LONGEST_LINE_BYTES = 4 * 1024
SEARCHED_LINE_BYTES = 1024 * 1024
LINE_END = b"\n"


class LogLine(Struct, frozen=True):
    """One line's bytes without its end. `cut` is how many bytes of it are not here, `start` its offset."""

    data: bytes
    cut: int = 0
    start: int = 0


class Extent(Struct, frozen=True):
    """How far the index has come: the file's `generation`, bytes scanned, and the line ends in them."""

    generation: int
    ends_before: array[int]
    scanned: int = 0
    line_ends: int = 0
    open_line: bool = False

    @property
    def line_count(self) -> int:
        """How many lines there are, one without an end at the end of the file included."""
        return self.line_ends + self.open_line

    def chunk_of(self, line: int) -> int:
        """The chunk that holds the line end before a line; the first line belongs to the first chunk."""
        return max(bisect_left(self.ends_before, line) - 1, 0)

    @property
    def last_chunk(self) -> int:
        """The number of the chunk in which the scanned part ends."""
        return max(self.scanned - 1, 0) // CHUNK_BYTES


class LogIndex:
    """The lines of one file, by number from 0; `grow` takes in what was written since."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.extent = Extent(1, array("Q", [0]))
        self._inode: int | None = None

    @property
    def generation(self) -> int:
        """Another number whenever the file was cut or replaced."""
        return self.extent.generation

    @property
    def scanned(self) -> int:
        """How many bytes are taken in."""
        return self.extent.scanned

    @property
    def line_ends(self) -> int:
        """How many complete lines there are."""
        return self.extent.line_ends

    @property
    def line_count(self) -> int:
        """How many lines there are, one without an end at the end of the file included."""
        return self.extent.line_count

    def waiting_bytes(self) -> int:
        """How much `grow` would read; one byte stands for a file that was cut or replaced."""
        try:
            status = os.stat(self.path)  # noqa: PTH116  ten times a second for as long as a log is open
        except OSError:
            return 0
        if status.st_size < self.scanned or self._inode not in (None, status.st_ino):
            return 1
        return status.st_size - self.scanned

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
                self.extent = Extent(self.generation + 1, array("Q", [0]))
            self._inode = status.st_ino
            until = time.monotonic() + budget_seconds
            file.seek(self.scanned)
            while self.scanned < status.st_size:
                data = file.read(CHUNK_BYTES - self.scanned % CHUNK_BYTES)
                if not data:
                    break
                self._take_in(data)
                if time.monotonic() >= until:
                    return self.scanned < status.st_size
        return False

    def _take_in(self, data: bytes) -> None:
        before = self.extent
        scanned = before.scanned + len(data)
        line_ends = before.line_ends + data.count(LINE_END)
        if scanned % CHUNK_BYTES == 0:
            before.ends_before.append(line_ends)
        self.extent = Extent(
            before.generation, before.ends_before, scanned, line_ends, not data.endswith(LINE_END)
        )

    def lines(self, first: int, count: int) -> list[LogLine]:
        """Up to `count` lines from number `first` on; fewer at the end, or where the file is gone."""
        extent = self.extent
        count = min(count, extent.line_count - first)
        if count <= 0 or first < 0:
            return []
        try:
            with self.path.open("rb", buffering=0) as file:
                descriptor = file.fileno()
                starts = _starts(descriptor, extent, first, count + 1)
                return [_read_line(descriptor, start, end) for start, end in itertools.pairwise(starts)]
        except OSError:
            return []

    def whole_lines(self, first: int, count: int) -> Iterator[LogLine]:
        """The same lines, longer ones in more of their length, read as they are asked for."""
        extent = self.extent
        last = min(first + count, extent.line_count)
        for chunk in range(extent.chunk_of(first), extent.last_chunk + 1):
            for number, line in self.lines_of_chunk(extent, chunk):
                if number >= last:
                    return
                if number >= first:
                    yield line

    def lines_of_chunk(self, extent: Extent, chunk: int) -> list[tuple[int, LogLine]]:
        """The lines whose beginning stands in a chunk, with their numbers; at most a MiB of each.

        They are read to their ends, which may lie in the next chunks. Empty where the file is gone.
        """
        read = self.read_chunk(extent, chunk)
        if read is None:
            return []
        number, start, data = read
        found: list[tuple[int, LogLine]] = []
        for piece in data.split(LINE_END):
            if number >= extent.line_count:
                break  # what follows the last line end is no line
            found.append((number, LogLine(piece[:SEARCHED_LINE_BYTES], start=start)))
            number += 1
            start += len(piece) + 1
        return found

    def read_chunk(self, extent: Extent, chunk: int) -> tuple[int, int, bytes] | None:
        """The number and offset of the first line that begins in a chunk, and its lines as bytes.

        The last line's end is left out. `None` where no line begins here, or the file is gone.
        """
        base = chunk * CHUNK_BYTES
        number = extent.ends_before[chunk] + (chunk > 0)
        if number >= extent.line_count:
            return None
        try:
            with self.path.open("rb", buffering=0) as file:
                data = os.pread(file.fileno(), min(CHUNK_BYTES, extent.scanned - base), base)
                start = base
                if chunk > 0:
                    first_end = data.find(LINE_END)
                    if first_end < 0:
                        return None
                    data = data[first_end + 1 :]
                    start += first_end + 1
                return number, start, data + _rest_of_line(file.fileno(), start + len(data), extent.scanned)
        except OSError:
            return None


def _rest_of_line(descriptor: int, position: int, end: int) -> bytes:
    """What follows up to the next line end, which is left out, or up to as much as is searched of a line."""
    parts: list[bytes] = []
    length = 0
    while position < end and length < SEARCHED_LINE_BYTES:
        data = os.pread(descriptor, min(LONGEST_LINE_BYTES, end - position), position)
        if not data:
            break
        head, found, _ = data.partition(LINE_END)
        parts.append(head)
        length += len(head)
        if found:
            break
        position += len(data)
    return b"".join(parts)


def _starts(descriptor: int, extent: Extent, first: int, count: int) -> list[int]:
    """The offsets at which lines begin; the end of the file stands for the line after the last."""
    starts: list[int] = []
    wanted = first
    if wanted == 0:
        starts.append(0)
        wanted = 1
    while len(starts) < count and wanted <= extent.line_ends:
        # Line n begins after the n-th line end; chunks without one are passed over unread.
        chunk = extent.chunk_of(wanted)
        base = chunk * CHUNK_BYTES
        data = os.pread(descriptor, min(CHUNK_BYTES, extent.scanned - base), base)
        seen = extent.ends_before[chunk]
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
        starts.append(extent.scanned + (1 if extent.open_line else 0))
    return starts


def _read_line(descriptor: int, start: int, end: int) -> LogLine:
    """One line from `start` to before the line end that stands at `end` - 1, long ones in part."""
    length = max(end - 1 - start, 0)
    if length <= LONGEST_LINE_BYTES:
        return LogLine(last_state(os.pread(descriptor, length, start)), start=start)
    tail = os.pread(descriptor, LONGEST_LINE_BYTES, start + length - LONGEST_LINE_BYTES)
    state = last_state(tail)
    if len(state) < len(tail.rstrip(b"\r")):
        return LogLine(state, start=start)
    head = os.pread(descriptor, LONGEST_LINE_BYTES, start)
    return LogLine(head, length - LONGEST_LINE_BYTES, start)


def last_state(data: bytes) -> bytes:
    """What a terminal would show of a line in which a program redraws its progress."""
    return data.rstrip(b"\r").rpartition(b"\r")[2]
