"""The screen in a real terminal: it is disposable, and quiet at rest."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from waiting import wait_for


class Terminal:
    """A program in a pseudo-terminal of 80 by 24; `output` is all that it wrote."""

    def __init__(self, folder: Path) -> None:
        self._end, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        paths = os.pathsep.join((str(Path(__file__).parents[1]), *sys.path))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tui.shown_run", str(folder)],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env={**os.environ, "PYTHONPATH": paths, "TERM": "xterm-256color", "COLORTERM": ""},
            start_new_session=True,
        )
        os.close(inside)
        self.output = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._end, 65536)
            except OSError:
                return
            if not data:
                return
            self.output += data

    def write(self, data: bytes) -> None:
        """Press keys."""
        os.write(self._end, data)

    def close(self) -> None:
        """End the program and the terminal."""
        self.process.kill()
        self.process.wait()
        self._reader.join(5)
        os.close(self._end)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    try:
        wait_for(lambda: b"Detach" in terminal.output, "the screen's first paint")
        yield terminal
    finally:
        terminal.close()


def test_a_hang_up_ends_the_screen_at_once(terminal: Terminal) -> None:
    terminal.process.send_signal(signal.SIGHUP)
    assert wait_for(terminal.process.poll, "the screen's end") == -signal.SIGHUP


def test_q_leaves_the_run_open_and_says_how_to_come_back(terminal: Terminal) -> None:
    terminal.write(b"q")
    assert wait_for(terminal.process.poll, "the screen's end", 10) == 3
    wait_for(lambda: b"handrail attach run-1" in terminal.output, "the way back")


def test_ctrl_c_once_stops_nothing(terminal: Terminal) -> None:
    terminal.write(b"\x03")
    wait_for(lambda: b"Ctrl+C stops nothing" in terminal.output, "the notice")
    assert terminal.process.poll() is None
    terminal.write(b"\x03")
    assert wait_for(terminal.process.poll, "the screen's end", 10) == 3


def test_it_is_suspended_and_continued(terminal: Terminal) -> None:
    terminal.write(b"\x1a")
    stat = Path(f"/proc/{terminal.process.pid}/stat")
    wait_for(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "the screen to stop")
    before = len(terminal.output)
    terminal.process.send_signal(signal.SIGCONT)
    wait_for(lambda: b"Detach" in terminal.output[before:], "the screen to come back")
