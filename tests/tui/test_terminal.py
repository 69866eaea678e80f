"""The screen in a real terminal: it is disposable, and quiet at rest."""

from __future__ import annotations

import fcntl
import os
import pty
import re
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

    def __init__(self, folder: Path, *, errors: Path | None = None, **environment: str) -> None:
        self._end, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        elsewhere = os.open(errors, os.O_WRONLY | os.O_CREAT) if errors is not None else os.dup(inside)
        paths = os.pathsep.join((str(Path(__file__).parents[1]), *sys.path))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tui.shown_run", str(folder)],
            stdin=inside,
            stdout=inside,
            stderr=elsewhere,
            # Whoever runs the tests may want no colour: what a screen sends is judged by its own settings.
            env={
                **os.environ,
                "PYTHONPATH": paths,
                "TERM": "xterm-256color",
                "COLORTERM": "",
                "NO_COLOR": "",
                **environment,
            },
            start_new_session=True,
        )
        os.close(inside)
        os.close(elsewhere)
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


def test_standard_error_may_lead_elsewhere(tmp_path: Path) -> None:
    """`handrail … 2>errors` shows the same screen, and leaves nothing of it in that file."""
    terminal = Terminal(tmp_path, errors=tmp_path / "errors")
    try:
        wait_for(lambda: b"Detach" in terminal.output, "the screen's first paint")
    finally:
        terminal.close()
    assert (tmp_path / "errors").read_bytes() == b""


COLOUR = re.compile(rb"\x1b\[([0-9;:]*)m")


def shown_with(folder: Path, **environment: str) -> bytes:
    """All that a screen sends: its painting, its keys, the rollback, a prompt, and its leaving."""
    terminal = Terminal(folder, **environment)
    try:
        wait_for(lambda: b"Detach" in terminal.output, "the screen's first paint")
        for key, words in ((b"?", b"Keys of this screen"), (b"q", b"Detach"), (b"b", b"Type"), (b"x", b"x")):
            before = len(terminal.output)
            terminal.write(key)
            wait_for(lambda words=words, before=before: words in terminal.output[before:], repr(words))
        terminal.write(b"\x11")
        assert wait_for(terminal.process.poll, "the screen's end") == 3
        return terminal.output
    finally:
        terminal.close()


def codes_in(output: bytes) -> set[int]:
    """The SGR parameters that were sent (ECMA-48 8.3.117)."""
    return {int(code or 0) for found in COLOUR.findall(output) for code in re.split(rb"[;:]", found)}


def test_without_colours_none_is_sent_and_production_is_still_seen(tmp_path: Path) -> None:
    output = shown_with(tmp_path, NO_COLOR="1")
    codes = codes_in(output)
    assert codes <= {0, 1, 2, 3, 4, 7, 9}, sorted(codes)
    # What stood out by its background alone is reversed: the word production, the field's cursor.
    assert re.search(rb"\x1b\[[0-9;]*7m +PRODUCTION ", output)


def test_an_empty_no_color_asks_for_nothing(tmp_path: Path) -> None:
    assert 38 in codes_in(shown_with(tmp_path, NO_COLOR=""))


def test_the_plain_theme_sends_the_sixteen_colours_alone(tmp_path: Path) -> None:
    codes = codes_in(shown_with(tmp_path, THEME="plain-16"))
    sixteen = {*range(30, 38), *range(40, 48), *range(90, 98), *range(100, 108)}
    assert codes <= {0, 1, 2, 3, 4, 7, 9} | sixteen, sorted(codes)
    assert codes & sixteen


def test_a_linux_console_gets_the_plain_theme_and_no_title(tmp_path: Path) -> None:
    output = shown_with(tmp_path, TERM="linux")
    assert not codes_in(output) & {38, 48}
    assert b"\x1b]2;" not in output


def test_the_title_says_what_is_due_and_is_given_back(terminal: Terminal) -> None:
    wait_for(lambda: b"\x1b]2;" in terminal.output, "the title")
    terminal.write(b"\x11")
    wait_for(terminal.process.poll, "the screen's end")
    output = terminal.output
    titles = re.findall(rb"\x1b\]2;([^\x07]*)\x07", output)
    assert titles[0].decode().startswith("PRODUCTION ROLL BACK, ")
    assert titles[0].decode().endswith(" — handrail")
    assert output.count(b"\x1b[22;0t") == 1
    assert output.rindex(b"\x1b[23;0t") > output.rindex(b"\x1b]2;")


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
