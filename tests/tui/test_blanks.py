"""Long blanks are erased where the terminal can, and nothing is shown in another way by that."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from handrail.tui.blanks import Blanks, blanks_of, with_erased_blanks
from handrail.tui.shown_cells import CellsUpdate, ShownCells

PLAIN, ON_BLUE = Style(color="red"), Style(color="red", bgcolor="blue")
TWENTY = " " * 20


@pytest.mark.parametrize(
    ("text", "more_follows", "expected"),
    [
        ("compiled" + TWENTY, False, "compiled\x1b[20X"),
        ("compiled" + TWENTY, True, "compiled\x1b[20X\x1b[20C"),
        (TWENTY + "│", False, "\x1b[20X\x1b[20C│"),
        ("a" + TWENTY + "b" + TWENTY + "c", False, "a\x1b[20X\x1b[20Cb\x1b[20X\x1b[20Cc"),
        ("a" + TWENTY + "b" + TWENTY, False, "a\x1b[20X\x1b[20Cb\x1b[20X"),
        (TWENTY, False, "\x1b[20X"),
        # To say it would cost as much as to write it.
        ("few" + " " * 11, False, "few" + " " * 11),
        ("no blank", False, "no blank"),
        ("", False, ""),
    ],
)
def test_long_blanks_are_erased(text: str, more_follows: bool, expected: str) -> None:
    assert with_erased_blanks(text, ON_BLUE, more_follows=more_follows) == expected
    assert with_erased_blanks(text, None, more_follows=more_follows) == expected


@pytest.mark.parametrize(
    "style",
    [
        Style(reverse=True),
        Style(underline=True),
        Style(underline2=True),
        Style(strike=True),
        Style(overline=True),
    ],
    ids=str,
)
def test_what_is_drawn_in_a_blank_stays_drawn(style: Style) -> None:
    assert with_erased_blanks("a" + TWENTY, style, more_follows=False) == "a" + TWENTY


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("xterm-256color", Blanks.ERASED),
        ("xterm", Blanks.ERASED),
        ("tmux-256color", Blanks.ERASED),
        ("linux", Blanks.ERASED),
        ("screen-256color", Blanks.WRITTEN),
        ("screen", Blanks.WRITTEN),
        ("vt100", Blanks.WRITTEN),
        ("sun", Blanks.WRITTEN),
        ("", Blanks.WRITTEN),
    ],
)
def test_only_terminals_that_are_known_for_it_are_asked_to(term: str, expected: Blanks) -> None:
    assert blanks_of({"TERM": term}) is expected
    assert blanks_of({}) is Blanks.WRITTEN


def sent(blanks: Blanks, *segments: Segment) -> str:
    console = Console(file=StringIO(), force_terminal=True, color_system="standard")
    return CellsUpdate([(0, 0, Strip(segments))], blanks).render_segments(console)


def test_blanks_of_one_style_before_another_are_stepped_over() -> None:
    row = (Segment("a" + TWENTY, PLAIN), Segment(TWENTY, ON_BLUE))
    assert sent(Blanks.ERASED, *row) == "\x1b[1;1H\x1b[31ma\x1b[20X\x1b[20C\x1b[44m\x1b[20X\x1b[0m"
    assert sent(Blanks.WRITTEN, *row) == f"\x1b[1;1H\x1b[31ma{TWENTY}\x1b[44m{TWENTY}\x1b[0m"


def test_beside_what_a_terminal_may_count_differently_blanks_are_written() -> None:
    row = Segment("世" + TWENTY, PLAIN)
    assert sent(Blanks.ERASED, row) == sent(Blanks.WRITTEN, row)


def test_what_changes_is_sent_as_the_terminal_takes_it() -> None:
    console = Console(file=StringIO(), force_terminal=True, color_system=None)
    update = LayoutUpdate([[Strip([Segment("x" + TWENTY)])]], Region(0, 0, 21, 1))
    changed = ShownCells(Blanks.ERASED).changed(update)
    assert changed is not None
    assert changed.render_segments(console) == "\x1b[1;1Hx\x1b[20X"
