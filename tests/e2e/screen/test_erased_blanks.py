"""A real terminal shows erased blanks as it shows written ones, colours and all."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from handrail.tui.blanks import Blanks
from handrail.tui.shown_cells import CellsUpdate
from seen_cells import Cell
from terminal import Terminal, bare_environment
from waiting import wait_for

pytestmark = pytest.mark.e2e
COLUMNS, ROWS = 60, 8
BLANK = " " * 25
STYLES = (
    None,
    Style(color="red"),
    Style(color="white", bgcolor="blue"),
    Style(bgcolor="#204060", bold=True),
    Style(color="green", reverse=True),
    Style(underline=True),
)


def rows(blanks: Blanks) -> str:
    """Each style's blanks at a row's beginning, in its midst and at its end, over what stood there before."""
    before = [(y, 0, Strip([Segment("x" * COLUMNS, Style(bgcolor="red"))])) for y in range(ROWS)]
    found = [*before]
    for y, style in enumerate(STYLES):
        after = STYLES[(y + 1) % len(STYLES)]
        found.append((y, 0, Strip([Segment(f"{BLANK}left", style), Segment(f"|{BLANK}     ", after)])))
    found.append((ROWS - 1, 0, Strip([Segment("the end")])))
    console = Console(file=StringIO(), force_terminal=True, color_system="truecolor")
    return CellsUpdate(found, blanks).render_segments(console)


def shown(folder: Path, written: str) -> list[list[Cell]]:
    """What a terminal shows of it."""
    terminal = Terminal(folder, COLUMNS, ROWS)
    try:
        terminal.run(["sleep", "600"], environment=bare_environment(folder), folder=folder)
        wait_for(lambda: not terminal.screen().strip(), "an empty pane")
        terminal.spoil(written)
        terminal.expect("the end")
        return terminal.cells()
    finally:
        terminal.close()


def test_a_terminal_shows_the_same(tmp_path: Path) -> None:
    erased, written = rows(Blanks.ERASED), rows(Blanks.WRITTEN)
    assert len(erased) < len(written)
    assert "X" not in written
    assert shown(tmp_path / "erased", erased) == shown(tmp_path / "written", written)
