"""The log in a real terminal: all bytes that reach it are looked at, and its answers are never keys."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.pseudo_terminal import PseudoTerminal

HOSTILE = (
    b"\x1b[2J\x1b]0;owned\x07\x1b]52;c;ZXZpbA==\x07\x1bc\x9b31m\x9d0;x\x9c\x0e\x0f\x08\x05"
    b"\x1b[5n\x1b[c\x1b[8mhidden\x1b[5mblink\x1bP+q544e\x1b\\\x1b]8;;http://evil\x1b\\link\x1b[?1049l"
    b"\xe2\x80\xaeright to left\xc2\x9b2J token hunter22 \x1b[31mred\x1b[0m\r\n"
)
FORBIDDEN = (
    b"\x1b]0;", b"\x1b]52;c;ZXZpbA", b"\x1bc", b"\x9b31", b"\x9d0", b"\x0e", b"\x0f", b"\x08", b"\x05",
    b"\x07",
    b"\x1b[5n", b"\x1b[c", b"\x1b[8m", b"\x1b[5m", b"\x1bP", b"\x1b]8", b"\xe2\x80\xae", b"\xc2\x9b",
    b"hunter22",
)  # fmt: skip
Start = Callable[..., PseudoTerminal]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Show a log in a terminal."""
    with ExitStack() as stack:

        def begin(log: bytes, *, answers: bool = True, **environment: str) -> PseudoTerminal:
            (tmp_path / "0001.log").write_bytes(log)
            paths = os.pathsep.join((str(Path(__file__).parents[1]), *sys.path))
            own = {name: value for name, value in os.environ.items() if name not in ("TMUX", "STY")}
            terminal = PseudoTerminal(
                [sys.executable, "-m", "tui.shown_log", str(tmp_path)],
                environment={**own, "PYTHONPATH": paths, "TERM": "xterm-256color", **environment},
                folder=tmp_path,
                answers=answers,
            )
            stack.enter_context(terminal)
            terminal.see("Detach")
            return terminal

        yield begin


def pager(folder: Path) -> str:
    """A pager that writes all it gets, says so, and ends at a key."""
    script = folder / "pager.py"
    script.write_text(
        "import sys\ndata = sys.stdin.buffer.read()\nout = sys.stdout.buffer\nout.write(data)\n"
        "out.write(b'\\nPAGED %d LINES' % data.count(b'\\n'))\nout.flush()\n"
        "open('/dev/tty').readline()\n"
    )
    return f"{sys.executable} {script}"


def test_nothing_hostile_reaches_the_terminal_from_view_search_or_pager(tmp_path: Path, start: Start) -> None:
    terminal = start(HOSTILE * 50 + b"the end\n", PAGER=pager(tmp_path))
    terminal.see("51 lines, following")
    for keys, seen in [
        (b"l", "Search"),
        (b"g", "paused"),
        (b"z", "wrapped"),
        (b"i", "UTC"),
        (b"/", "Plain words"),
        (b"red\r", "line 1"),
        (b"V", "Copy 1 line"),
        (b"F", "Copied line"),
    ]:
        mark = terminal.mark()
        terminal.write(keys)
        terminal.see(seen, mark)
    mark = terminal.mark()
    terminal.write(b"p")
    terminal.see("PAGED 51 LINES", mark)
    mark = terminal.mark()
    terminal.write(b"\n")
    terminal.see("Detach", mark)
    assert terminal.questions > 0
    # The shape of the mouse's pointer is Textual's own.
    shown = bytes(terminal.output).replace(b"\x1b]22;default\x07", b"").replace(b"\x1b]22;text\x07", b"")
    assert b"\xe2\x90\x9b]52;" in shown
    for code in FORBIDDEN:
        place = shown.find(code)
        assert place < 0, (code, shown[max(place - 60, 0) : place + 60])


def test_a_terminal_that_never_answers_still_shows_a_growing_log(tmp_path: Path, start: Start) -> None:
    terminal = start(b"first\n", answers=False)
    terminal.see("1 line, following")
    for number in range(2, 6):
        mark = terminal.mark()
        with (tmp_path / "0001.log").open("ab") as file:
            file.write(b"more\n")
        terminal.see(f"{number} lines, following", mark)
    assert terminal.questions > 0
    terminal.write(b"q")
    assert terminal.process.wait(20) == 3


def test_an_answer_in_two_halves_is_no_key(tmp_path: Path, start: Start) -> None:
    terminal = start(b"first\n", answers=False)
    terminal.expect(rb"\x1b\[6n")
    mark = terminal.mark()
    terminal.write(b"\x1b[24;8")
    # Two seconds of the step's own clock: far longer than an escape sequence is waited for.
    terminal.see("[2-9]s", mark)
    terminal.see("[4-9]s", mark)
    mark = terminal.mark()
    terminal.write(b"0R?")
    terminal.see("Keys of this screen", mark)
    assert b"nothing to retry" not in terminal.output


def test_the_last_answer_is_waited_for_before_the_terminal_is_given_back(start: Start) -> None:
    terminal = start(b"first\n")
    terminal.see("1 line, following")
    terminal.write(b"lz")
    terminal.see("wrapped")
    terminal.write(b"zq")
    assert terminal.process.wait(20) == 3
    shown = bytes(terminal.output)
    assert shown.rfind(b"\x1b[6n") < shown.rfind(b"\x1b[?1049l")
    assert b";80R" not in shown


def test_within_tmux_the_terminal_is_not_asked(start: Start) -> None:
    terminal = start(b"first\n", TMUX="/somewhere,1,0")
    terminal.see("1 line, following")
    mark = terminal.mark()
    terminal.write(b"lz")
    terminal.see("wrapped", mark)
    assert terminal.questions == 0
