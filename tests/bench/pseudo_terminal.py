"""A program in a terminal of its own: what it writes is kept, and its questions are answered."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.painted_screen import PaintedScreen

CURSOR_QUESTION = re.compile(rb"\x1b\[6n")
_KEPT_BYTES = 4 * 1024 * 1024


class PseudoTerminal:
    """A program with a pseudo-terminal as its controlling terminal; `close` ends it and what it started.

    `output` holds the last megabytes of what it wrote, `total` how many bytes these were in all. Whether the
    cursor's position is told is a property of the terminal (`answers`). What it shows is followed, if wanted,
    since a program may write no more than what has changed.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        size: tuple[int, int] = (80, 24),
        answers: bool = True,
        follows: bool = True,
    ) -> None:
        self._end, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
            # The child does nothing else before its exec, so that no lock of a thread is in its way.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(inside)
        self.answers = answers
        self._screen = PaintedScreen(*size) if follows else None
        self.questions = 0
        self.output = bytearray()
        self.total = 0
        self.ended = False
        self._tail = b""
        self._news = threading.Condition()
        self._stop_reading = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while not self._stop_reading:
            readable, _, _ = select.select([self._end], [], [], 0.2)
            if not readable:
                continue
            try:
                data = os.read(self._end, 65536)
            except OSError:
                data = b""
            if not data:
                break
            self._answer(data)
            with self._news:
                if self._screen is not None:
                    self._screen.feed(data)
                self.output += data
                self.total += len(data)
                if len(self.output) > 2 * _KEPT_BYTES:
                    del self.output[:-_KEPT_BYTES]
                self._news.notify_all()
        with self._news:
            self.ended = True
            self._news.notify_all()

    def _answer(self, data: bytes) -> None:
        """Answer what is asked, questions in two halves too."""
        text = self._tail + data
        found = list(CURSOR_QUESTION.finditer(text))
        self._tail = text[max(found[-1].end() if found else 0, len(text) - 3) :]
        self.questions += len(found)
        if self.answers and found:
            self.write(b"\x1b[24;80R" * len(found))

    def write(self, data: bytes) -> None:
        """Type, or paste, however much it is: a terminal takes what the program has room for."""
        while data:
            data = data[os.write(self._end, data[:65536]) :]

    def mark(self) -> int:
        """The place in all that was written; `expect` looks behind it."""
        with self._news:
            return self.total

    @property
    def screen(self) -> str:
        """What it shows."""
        with self._news:
            return self._screen.text if self._screen is not None else ""

    def see(self, pattern: str, since: int = -1, seconds: float = 30.0, *, quiet: float = 0.0) -> float:
        """The time at which the screen, written to after a mark, shows something. Raises `AssertionError`.

        A frame comes in pieces. With `quiet`, it is what the screen shows once nothing came so long.
        """
        wanted = re.compile(pattern)
        until = time.perf_counter() + seconds
        with self._news:
            while True:
                text = self._screen.text if self._screen is not None else ""
                if self.total > since and wanted.search(text):
                    seen = time.perf_counter()
                    if not quiet or self.ended or not self._news.wait(quiet):
                        return seen
                    continue
                left = until - time.perf_counter()
                if left <= 0 or self.ended:
                    end = " and the program has ended" if self.ended else ""
                    raise AssertionError(
                        f"waited {seconds:g} s in vain for {pattern!r}{end}; it shows:\n{text}"
                    )
                self._news.wait(min(left, 0.5))

    def expect(self, pattern: bytes, since: int = 0, seconds: float = 30.0) -> float:
        """The time at which something was written, after a mark. Raises `AssertionError`."""
        wanted = re.compile(pattern)
        until = time.perf_counter() + seconds
        with self._news:
            while True:
                begin = max(since - (self.total - len(self.output)), 0)
                if wanted.search(self.output, begin):
                    return time.perf_counter()
                left = until - time.perf_counter()
                if left <= 0 or self.ended:
                    end = " and the program has ended" if self.ended else ""
                    last = bytes(self.output[-2000:])
                    raise AssertionError(f"waited {seconds:g} s in vain for {pattern!r}{end}; last: {last!r}")
                self._news.wait(min(left, 0.5))

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal another size."""
        with self._news:
            if self._screen is not None:
                self._screen.resize(columns, rows)
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def close(self) -> None:
        """End the program's own process group, and close the terminal."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._stop_reading = True
        self._reader.join(5)
        os.close(self._end)

    def __enter__(self) -> PseudoTerminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
