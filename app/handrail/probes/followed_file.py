"""The new lines of a file that others write, rename, exchange and cut short.

Rotation comes in two kinds. The file is renamed and another takes its name: what is still written to the
old one is read, too, until its writer has changed over. Or it is copied and cut to nothing (`copytruncate`),
which shows in its size, or, where it has grown again since, in the bytes before our place. What was written
between the last look and the cut is then lost to whoever reads the file.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_LINE_BYTES = 4096
"""Of longer lines, the beginning counts."""
MOST_BYTES = 4 * 1024 * 1024
"""What one look reads at most; more than that is the end of what is new."""
LOOKS_AT_OLD = 12
"""How many looks a renamed file is still read for: its writer changes over when it is told to."""
MOST_OLD = 3
_PART_BYTES = 64 * 1024
_MARK_BYTES = 64


@dataclass(frozen=True, slots=True)
class NewLines:
    """The whole lines since the look before; `skipped` bytes were too many to read."""

    lines: list[bytes]
    skipped: int = 0


@dataclass(slots=True)
class _Open:
    """One opened file: our place in it, the beginning of a line that isn't whole, the bytes before both."""

    descriptor: int
    identity: tuple[int, int]
    place: int = 0
    begun: bytearray = field(default_factory=bytearray)
    mark: bytes = b""
    looks_left: int = LOOKS_AT_OLD
    beside_the_start: bool = False

    def was_cut(self, size: int) -> bool:
        """Whether what was read is no longer what stands there."""
        if size < self.place:
            return True
        before = self.place - len(self.mark)
        return bool(self.mark) and os.pread(self.descriptor, len(self.mark), before) != self.mark

    def start_over(self) -> None:
        self.place, self.mark, self.beside_the_start = 0, b"", False
        self.begun.clear()

    def read(self, room: int) -> NewLines:
        """The whole lines from our place on; a line without an end waits, its first bytes kept."""
        size = os.fstat(self.descriptor).st_size
        if self.was_cut(size):
            self.start_over()
        skipped = max(0, size - self.place - room)
        if skipped:
            self.place, self.mark = self.place + skipped, b""
            self.begun.clear()
            self.beside_the_start = True
        lines: list[bytes] = []
        while room > 0 and (part := os.pread(self.descriptor, min(_PART_BYTES, room), self.place)):
            self.place += len(part)
            room -= len(part)
            self.mark = (self.mark + part)[-_MARK_BYTES:]
            self._take(part, lines)
        return NewLines(lines, skipped)

    def _take(self, part: bytes, lines: list[bytes]) -> None:
        *ended, rest = part.split(b"\n")
        for line in ended:
            self.begun += line[: LONGEST_LINE_BYTES - len(self.begun)]
            if not self.beside_the_start:
                lines.append(bytes(self.begun))
            self.beside_the_start = False
            self.begun.clear()
        self.begun += rest[: LONGEST_LINE_BYTES - len(self.begun)]

    def last_line(self) -> list[bytes]:
        """The line that nobody ends any more."""
        return [bytes(self.begun)] if self.begun and not self.beside_the_start else []


class FollowedFile:
    """Reads what is written to a path from now on; nothing of what stands there already.

    A file that isn't there yet is read from its beginning once it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._current: _Open | None = None
        self._old: list[_Open] = []
        with suppress(OSError):
            self._current = self._opened(at_end=True)

    def read(self) -> NewLines:
        """What is new since the look before. Raises `OSError` where the path can't be read."""
        lines: list[bytes] = []
        skipped = 0
        room = MOST_BYTES
        for old in list(self._old):
            found = old.read(room)
            room -= sum(map(len, found.lines))
            lines += found.lines
            skipped += found.skipped
            old.looks_left -= 1
            if old.looks_left <= 0:
                lines += old.last_line()
                self._let_go(old)
        if self._current is not None:
            found = self._current.read(max(room, _PART_BYTES))
            lines += found.lines
            skipped += found.skipped
        try:
            found = self._changed_over(max(room, _PART_BYTES))
        except OSError:
            if not lines:
                raise
            # What was found counts; the next look says that the path is gone.
            return NewLines(lines, skipped)
        return NewLines(lines + found.lines, skipped + found.skipped)

    def _changed_over(self, room: int) -> NewLines:
        """Take up the file that has the name now, where it is another one."""
        status = self.path.stat()
        if self._current is not None and self._current.identity == (status.st_dev, status.st_ino):
            return NewLines([])
        if self._current is not None:
            self._old.append(self._current)
            self._current = None
        while len(self._old) > MOST_OLD:
            self._let_go(self._old[0])
        self._current = self._opened(at_end=False)
        return self._current.read(room)

    def _opened(self, *, at_end: bool) -> _Open:
        # Without O_NONBLOCK, opening a pipe of that name would hang for ever.
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            status = os.fstat(descriptor)
            opened = _Open(descriptor, (status.st_dev, status.st_ino))
            if at_end and status.st_size:
                opened.place = status.st_size
                opened.mark = os.pread(
                    descriptor, min(_MARK_BYTES, opened.place), max(0, opened.place - _MARK_BYTES)
                )
                # The line that is being written as we begin is of before the start.
                opened.beside_the_start = not opened.mark.endswith(b"\n")
        except OSError:
            os.close(descriptor)
            raise
        return opened

    def _let_go(self, old: _Open) -> None:
        self._old.remove(old)
        with suppress(OSError):
            os.close(old.descriptor)

    def close(self) -> None:
        """Let go of every file."""
        for old in list(self._old):
            self._let_go(old)
        if self._current is not None:
            with suppress(OSError):
                os.close(self._current.descriptor)
            self._current = None
