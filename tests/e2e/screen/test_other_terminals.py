"""GNU screen and mosh stand between handrail and the terminal, and neither changes what is seen or typed."""

from __future__ import annotations

import shutil

import pytest

from e2e.screen.place import LINES, Place
from e2e.screen.test_terminal_abuse import (
    DRIVES,
    HELP,
    LOG,
    MONITOR,
    is_what_a_repaint_shows,
    nothing_was_noticed,
    until_slow_runs,
)
from terminal import Terminal
from waiting import wait_for

pytestmark = pytest.mark.e2e
WALK = (
    ("?", HELP, ""),
    ("Escape", DRIVES, HELP),
    ("m", MONITOR, ""),
    ("Escape", DRIVES, MONITOR),
    ("l", LOG, ""),
    ("z", "wrapped", ""),
    ("Escape", DRIVES, LOG),
)
"""A key, what is seen then, and what isn't any more. Nothing typed after it lets an escape through."""


def walked(place: Place, terminal: Terminal) -> None:
    """Go through a run, and at each place compare what stands there with what a repaint of all shows."""
    until_slow_runs(place, terminal)
    assert " PRODUCTION " in terminal.screen()
    terminal.expect(DRIVES)
    is_what_a_repaint_shows(terminal, WALK)
    terminal.takes_copies()
    terminal.press("l")
    terminal.expect(LOG)
    terminal.press("Y")
    wait_for(lambda: terminal.copied().endswith(f"line {LINES} of many\n"), "the copied page")
    nothing_was_noticed(place)


def behind_production(terminal: Terminal) -> str:
    """The colour behind the word that the frame says."""
    row = terminal.cells()[0]
    _, style = row["".join(character for character, _ in row).index("PRODUCTION")]
    return style.rpartition(" on ")[2]


@pytest.mark.skipif(shutil.which("screen") is None, reason="GNU screen is not installed")
@pytest.mark.parametrize(
    ("term", "colorterm", "red"),
    # Around one that is called vt100, screen says of itself that it has eight colours.
    [("xterm-256color", "truecolor", "color(124)"), ("vt100", "", "color(1)")],
)
def test_in_gnu_screen(place: Place, term: str, colorterm: str, red: str) -> None:
    terminal = place.gnu_screen("run", str(place.runbook), TERM=term, COLORTERM=colorterm)
    terminal.expect("Open run")
    assert behind_production(terminal) == red
    walked(place, terminal)


@pytest.mark.skipif(shutil.which("mosh-server") is None, reason="mosh is not installed")
def test_over_mosh(place: Place) -> None:
    terminal = place.mosh("run", str(place.runbook))
    terminal.expect("Open run")
    assert behind_production(terminal)
    walked(place, terminal)
