"""A terminal that is closed, shrunk, suspended or flooded: the run does not notice, and no paste is a key."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence

import psutil
import pytest

from bench.pseudo_terminal import PseudoTerminal
from e2e.screen.place import FIRST, LINES, LOST, SLOW, Place
from handrail.run.events import Result
from handrail.run.state import RunState, StepStatus
from seen_cells import other_styles
from terminal import Terminal
from waiting import wait_for

pytestmark = pytest.mark.e2e
PASTED = "a line\rb\rproduction\rq\r\x1bq\x03y\rc\ry\rT because\r\rR\r x enough\r\x1a\x11d done\rs left out\r"
MEGABYTES = PASTED * (2 * 1024 * 1024 // len(PASTED))
GROWN_BYTES = 128 * 1024 * 1024
BELL = rb"(?<!handrail)\x07"
"""Not the end of a title."""
DRIVES = "c Cancel"
"""What the line of keys says to the operator of a running step."""


def until_slow_runs(place: Place, terminal: Terminal) -> None:
    """Open the run at its screen, and have its second step under way."""
    terminal.expect("Open run")
    terminal.press("C-s")
    for title in (FIRST, SLOW):
        terminal.expect(f"Next: {title}")
        terminal.press("Enter")
    terminal.expect(f"line {LINES} of many")


def nothing_was_noticed(place: Place) -> RunState:
    """Let the step end: one attempt, with its whole log, and nobody asked for anything but two starts."""
    place.let("go")
    state = wait_for(lambda: (run := place.desk.run()).running is None and run, "the step's end")
    step = next(step for step in state.forward_steps if step.planned.title == SLOW)
    assert step.status is StepStatus.PASSED, step.why
    assert [state.attempts[number].result for number in step.attempts] == [Result.PASSED]
    _, *log = place.desk.attempt(step.attempts[0]).log.read_text().splitlines()
    assert log == [f"line {number} of many" for number in range(1, LINES + 1)] + ["whole"]
    assert place.asked() == ["StartStep", "StartStep"]
    place.desk.nothing_lost()
    return state


def is_seen_again(place: Place) -> None:
    """Whoever comes back finds the step done, its log whole, and what is next."""
    terminal = place.screen("attach")
    terminal.expect(f"Next: {LOST}")
    terminal.press("k")
    terminal.expect("whole")


def test_a_closed_terminal(place: Place) -> None:
    terminal = place.screen("run", str(place.runbook))
    until_slow_runs(place, terminal)
    terminal.kill()
    nothing_was_noticed(place)
    is_seen_again(place)


CHANGING = re.compile(r"(\d+[hms] ?)+|\d\d:\d\d(:\d\d)?|[⠀-⣿▁-█▔]| +")


def still(screen: str) -> list[str]:
    """A screen without its clocks and scroll bars."""
    return [CHANGING.sub(" ", row).rstrip() for row in screen.splitlines()]


def settled(terminal: Terminal) -> list[str]:
    """The screen, once it has been the same for some looks: its scroll bars and hints come a frame later."""
    seen: list[list[str]] = []

    def same() -> bool:
        seen.append(still(terminal.screen()))
        return len(seen) > 15 and all(each == seen[-1] for each in seen[-15:])

    wait_for(same, "the screen to settle")
    return seen[-1]


def is_as_before(terminal: Terminal, before: list[str]) -> None:
    """Wait until the screen shows what it showed."""
    last: list[str] = []

    def same() -> bool:
        last[:] = still(terminal.screen())
        return last == before

    try:
        wait_for(same, "the same screen as before", 30)
    except AssertionError:
        assert last == before


@pytest.mark.parametrize(
    ("key", "said"), [("", DRIVES), ("m", "esc Run"), ("?", "Keys of this screen"), ("l", "Search")]
)
def test_a_terminal_of_one_cell(place: Place, key: str, said: str) -> None:
    terminal = place.screen("run", str(place.runbook))
    until_slow_runs(place, terminal)
    if key:
        terminal.press(key)
    terminal.expect(said)
    before = settled(terminal)
    for columns, rows in ((1, 1), (1, 40), (300, 1), (2, 1), (1, 1)):
        terminal.resize(columns, rows)
        settled(terminal)
        terminal.press("F5")
    terminal.resize(80, 24)
    is_as_before(terminal, before)
    nothing_was_noticed(place)


HELP, MONITOR, LOG, PALETTE = "Keys of this screen", "esc Run", "/ Search", "Search for commands"
WALK = (
    *(
        ("?", HELP, ""),
        ("Escape", DRIVES, HELP),
        ("m", MONITOR, ""),
        ("j", MONITOR, ""),
        ("Escape", DRIVES, MONITOR),
    ),
    *(("l", LOG, ""), ("/", "Look for", ""), ("ne", "enter Find", "Look for"), ("Escape", LOG, "enter Find")),
    *(
        ("z", "wrapped", ""),
        ("i", "UTC  Slow", ""),
        ("v", "~10s", LOG),
        ("v", "Way back", "~10s"),
        ("v", LOG, ""),
    ),
    *(
        ("N", "Nothing is looked for", ""),
        ("Escape", DRIVES, LOG),
        ("c", "esc Back", ""),
        ("Escape", DRIVES, ""),
    ),
    *(("C-p", PALETTE, ""), ("Escape", DRIVES, PALETTE)),
)
"""From place to place, and back: a key, what is seen then, and what isn't any more."""


def is_what_a_repaint_shows(terminal: Terminal, walk: Sequence[tuple[str, str, str]]) -> None:
    """At each place of a walk, compare what stands there with what a repaint of all shows, colours too."""
    for key, seen, gone in walk:
        terminal.press(key)
        terminal.expect_that(
            lambda screen, seen=seen, gone=gone: seen in screen and not (gone and gone in screen),
            f"{seen!r} without {gone!r} after {key}",
        )
        before, painted = settled(terminal), terminal.cells()
        terminal.spoil("\x1b[2J\x1b[3;3Hspoilt by another program\r\n" * 3)
        terminal.expect("spoilt by another program")
        terminal.press("C-l")
        is_as_before(terminal, before)
        assert other_styles(painted, terminal.cells()) == [], f"after {key}"


def test_what_stands_there_is_what_a_repaint_of_all_shows(place: Place) -> None:
    terminal = place.screen("run", str(place.runbook))
    until_slow_runs(place, terminal)
    terminal.expect(DRIVES)
    is_what_a_repaint_shows(terminal, WALK)
    nothing_was_noticed(place)


COOKED = "stty -a | tr ' ;' '\\n\\n' | grep -x -e icanon -e echo -e isig | sort | tr '\\n' +"


@pytest.mark.parametrize("stopped_by", ["C-z", "SIGTSTP", "SIGSTOP"])
def test_suspended_in_its_shell_and_continued(place: Place, stopped_by: str) -> None:
    terminal = place.tmux("bash", "--norc", "--noprofile", "-i")
    terminal.type("PS1='shell> '\r")
    terminal.type(" ".join(place.command("run", str(place.runbook))) + "\r")
    until_slow_runs(place, terminal)
    terminal.expect(DRIVES)
    before = settled(terminal)

    def stop() -> None:
        if stopped_by == "C-z":
            terminal.press("C-z")
        else:
            process = place.desk.run().operator.process
            assert process is not None
            os.kill(int(process["pid"]), signal.Signals[stopped_by])
        terminal.expect("Stopped")
        terminal.expect("shell>")

    for _ in range(2):
        stop()
        if stopped_by != "SIGSTOP":
            # The shell has its terminal back as it was. Nobody can prepare for the other signal.
            terminal.type(f"{COOKED}\r")
            terminal.expect("echo+icanon+isig+")
            terminal.type("bg\r")
            terminal.expect("&")
        terminal.type("fg\r")
        terminal.expect(DRIVES)
        is_as_before(terminal, before)
    # Each key is seen once, by one reader.
    terminal.press("?")
    terminal.expect("Keys of this screen")
    terminal.press("Escape")
    is_as_before(terminal, before)
    stop()
    nothing_was_noticed(place)
    # What happened while it was suspended is there as soon as it is continued.
    terminal.type("fg\r")
    terminal.expect(f"Next: {LOST}")
    terminal.press("q")
    terminal.expect("handrail attach")
    terminal.type(f"{COOKED}\r")
    terminal.expect("echo+icanon+isig+")


class Flooded:
    """A screen at a terminal that keeps every byte, with what its process holds in memory."""

    def __init__(self, place: Place) -> None:
        self.terminal: PseudoTerminal = place.bytes_of("run", str(place.runbook))
        self.terminal.see("Open run")
        self.terminal.write(b"\x13")
        for title in (FIRST, SLOW):
            self.terminal.see(f"Next: {title}")
            mark = self.terminal.mark()
            self.terminal.write(b"\r")
        self.terminal.see(f"line {LINES} of many", mark)
        self._process = psutil.Process(self.terminal.process.pid)
        self._held = self._process.memory_info().rss

    def press(self, key: bytes, seen: str) -> None:
        """Press a key, and wait for what it shows."""
        mark = self.terminal.mark()
        self.terminal.write(key)
        self.terminal.see(seen, mark, quiet=0.1)

    def paste(self, text: str, *, marked: bool, seen: str | bytes) -> None:
        """Paste as a terminal does that marks it, or as one that can't; and wait for what comes of it."""
        data, mark = text.encode(), self.terminal.mark()
        self.terminal.write(b"\x1b[200~" + data + b"\x1b[201~" if marked else data)
        if seen == BELL:
            self.terminal.expect(BELL, mark)
        else:
            self.terminal.see(seen, mark, quiet=0.1)

    def has_kept_little(self) -> None:
        """Megabytes went through it and stayed nowhere."""
        assert self._process.memory_info().rss - self._held < GROWN_BYTES


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "raw"])
def test_pasted_megabytes(place: Place, marked: bool) -> None:
    flooded = Flooded(place)
    flooded.paste(MEGABYTES, marked=marked, seen="What was pasted did nothing")
    flooded.press(b"?", "Keys of this screen")
    flooded.paste(MEGABYTES, marked=marked, seen=BELL)
    flooded.press(b"\x1b", "Detach")
    flooded.press(b"c", "gets TERM")
    flooded.paste(MEGABYTES, marked=marked, seen=BELL)
    flooded.press(b"\x1b", "Detach")
    # A field takes one line. A person presses its Enter.
    flooded.press(b"N", "Say why")
    flooded.paste(MEGABYTES, marked=marked, seen="a line")
    flooded.press(b"\x1b", "Detach")
    assert place.asked() == ["StartStep", "StartStep"]
    flooded.has_kept_little()
    nothing_was_noticed(place)
    flooded.press(b"\x11", "handrail attach")
    assert flooded.terminal.process.wait(20) == 3


def test_a_paste_into_the_rollback_is_not_the_targets_name(place: Place) -> None:
    flooded = Flooded(place)
    place.let("go")
    flooded.terminal.see(f"Next: {LOST}")
    flooded.press(b"b", "to roll back")
    for marked, seen in ((True, "▊?production"), (False, "productionproduction")):
        flooded.paste(f"production\r{MEGABYTES[:8000]}", marked=marked, seen=seen)
    assert place.asked() == ["StartStep", "StartStep"]
    flooded.press(b"\x1b", "Detach")
    nothing_was_noticed(place)
